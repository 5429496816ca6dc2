//! The whole way: a model and data in, a verified file and its report out.

mod candidate;
mod comparison;
mod decisions;
mod features;
mod flips;
mod head;
mod layers;
mod opened;
mod report;
mod truth;

use std::path::Path;

use clap::ValueEnum;
use fixed::types::I32F32;
use kinfer::Limits;

use self::candidate::{Candidate, Job};
pub use self::comparison::{Comparison, Pair, compare};
use self::decisions::{Float, Integer, agreement, errors};
use self::head::Decided;
pub use self::head::Threshold;
pub use self::layers::LayerNoise;
use self::opened::Opened;
pub use self::report::{
    BudgetReport, DataReport, LayerReport, OperatorReport, QualityReport, RegressionReport, Report, StepReport,
    VerifierReport,
};
use self::truth::Truth;
use crate::data::Data;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Share of decisions that must agree with float; what is below is told as a warning.
pub const AGREEMENT: f64 = 0.995;

/// Share of decisions that precision is raised for where nothing else is asked: above [`AGREEMENT`], so that data that nobody
/// has seen keeps that.
pub const WANTED: f64 = 0.998;

/// Error of a value, as a share of the range of the float values, that still counts as the same decision where no other is
/// asked.
pub const SAME_VALUE: f64 = 0.005;

/// What to convert, and how.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The model file.
    pub model: &'a Path,
    /// Data that ranges are taken from.
    pub calibrate: &'a Path,
    /// Data that decisions are compared on; the calibration data where there is none.
    pub evaluate: Option<&'a Path>,
    /// Names of the features in the data, in the model's order; else those that the model's metadata names, else all columns
    /// but the label.
    pub features: Option<&'a [String]>,
    /// Column of the truth; else the one that the model's metadata names, where the data has it.
    pub label: Option<&'a str>,
    /// Threshold of a model with one score, in units of its own output.
    pub threshold: Option<f64>,
    /// Types of weights and activations.
    pub activations: Activations,
    /// Share of the evaluation rows that must decide as float does.
    pub agree: Option<f64>,
    /// Largest error of a value that may be, in its own units.
    pub max_error: Option<f64>,
    /// What the model may cost.
    pub limits: Limits,
}

impl<'a> Options<'a> {
    /// Everything else by default: the kernel's limits, precision as it is needed.
    pub fn new(model: &'a Path, calibrate: &'a Path) -> Self {
        Self {
            model,
            calibrate,
            evaluate: None,
            features: None,
            label: None,
            threshold: None,
            activations: Activations::Auto,
            agree: None,
            max_error: None,
            limits: Limits::KERNEL,
        }
    }
}

/// Types of weights and activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Activations {
    /// int8 everywhere, then 16 bits for the layers that need it until enough decisions agree with float
    Auto,
    /// int8 weights and activations: the least memory and time
    Int8,
    /// int8 weights, int16 activations
    Int16,
    /// int16 weights and activations: the closest to float
    Wide,
}

/// A model that the verifier accepted.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The file.
    pub bytes: Vec<u8>,
    /// What the conversion cost.
    pub report: Report,
}

/// Converts a model.
///
/// # Errors
///
/// The model cannot be read, is not supported, does not fit its data, cannot decide as asked, or is refused by the verifier.
pub fn convert(options: &Options<'_>, progress: &dyn Progress) -> Result<Conversion> {
    let opened = Opened::open(options.model)?;
    let head = Decided::new(&opened, options.threshold)?;
    let named = features::named(&opened, options)?;
    let calibration = named.read(options.calibrate, None)?;
    let features = named.resolved(&calibration)?;
    let evaluated = options.evaluate.unwrap_or(options.calibrate);
    let label = features::label(&opened, options, evaluated)?;
    let evaluation = features.read(evaluated, label.as_deref())?;
    let truth = evaluation.labels.as_ref().map(|labels| Truth::of(labels, &head, &evaluation.path)).transpose()?;

    let reference = opened.reference();
    opened.check_reading(reference.as_ref(), &calibration)?;
    progress.begin("float reference", evaluation.len());
    let float = Float::new(&opened, reference.as_ref(), &evaluation, &head, options.max_error, progress)?;

    let job = Job {
        opened: &opened,
        head: &head,
        features: &features,
        calibration: &calibration,
        evaluation: &evaluation,
        float: &float,
        options,
    };
    let mut chosen = job.choose(progress)?;
    let integer = Integer::new(&chosen.spec.to_bytes(), &options.limits, &evaluation, progress)?;
    let errors = errors(&float, &integer, &head);
    let agreed = agreement(&float, &integer, &head);
    chosen.spec.head.low_margin = if head.has_margin() { errors.low_margin() } else { I32F32::ZERO };
    chosen.spec.provenance = provenance(options, &opened, &calibration, &evaluation, &chosen, agreed);
    let bytes = chosen.spec.to_bytes();
    let engine = Engine::load_within(&bytes, &options.limits)?;
    check_written(&engine, &evaluation, &integer)?;

    let label = label.unwrap_or_default();
    let of_truth = truth.as_ref().and_then(|truth| truth.warning(&label, &evaluation.file_name(), &head));
    let report = Report {
        source: crate::data::file_name(options.model),
        source_sha256: opened.sha256.clone(),
        bytes: bytes.len(),
        crc32c: format!("{:08x}", engine.report.checksum),
        precision: chosen.precision(),
        reference: opened.reference_name(reference.as_ref()),
        head: head.kind.name(),
        outcomes: head.outcomes.clone(),
        threshold: head.threshold_report(),
        calibration: DataReport { file: calibration.file_name(), rows: calibration.len() },
        evaluation: DataReport { file: evaluation.file_name(), rows: evaluation.len() },
        agreement: agreed,
        asked: options.agree,
        tolerance: head.is_value().then_some(float.tolerance),
        asked_error: options.max_error,
        differing: errors.differing,
        flips: flips::of(&float, &integer, truth.as_ref(), &head),
        largest_score_error: errors.largest,
        mean_score_error: errors.mean,
        low_margin: chosen.spec.head.low_margin.to_string(),
        out_of_range: integer.out_of_range(),
        quality: truth.as_ref().and_then(|truth| truth.classification(&float, &integer, &head, &label)),
        regression: truth.as_ref().and_then(|truth| truth.regression(&float, &integer, &label)),
        refused_by_kernel: Engine::load(&bytes).err().map(|error| error.to_string()),
        budget: BudgetReport::of(bytes.len(), &engine.report, &options.limits),
        verifier: VerifierReport::of(&engine.report),
        layers: chosen.layers.iter().map(LayerReport::of).collect(),
        steps: chosen.steps.iter().map(StepReport::of).collect(),
        warnings: warnings(&chosen, &features, &calibration, agreed, options).into_iter().chain(of_truth).collect(),
        provenance: chosen.spec.provenance.clone(),
    };
    Ok(Conversion { bytes, report })
}

/// What is written decides as what was measured: the margin bound and the provenance change no decision.
fn check_written(engine: &Engine, evaluation: &Data, integer: &Integer) -> Result<()> {
    let again = engine.decide(evaluation, &crate::progress::Silent)?;
    match again.iter().zip(&integer.decisions).position(|(a, b)| (a.class, a.value) != (b.class, b.value)) {
        None => Ok(()),
        Some(row) => Err(Error::Rewritten { row: row + 1 }),
    }
}

fn warnings(
    chosen: &Candidate,
    features: &features::Features,
    calibration: &Data,
    agreed: f64,
    options: &Options<'_>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for &feature in &chosen.silent {
        if let Some(feature) = features.0.get(feature) {
            warnings.push(format!("feature `{}` cannot reach the decision", feature.name));
        }
    }
    for (index, feature) in features.0.iter().enumerate() {
        let (lo, hi) = calibration.range(index);
        if lo == hi {
            warnings.push(format!("feature `{}` is {lo} in all of the calibration data", feature.name));
        }
    }
    if options.evaluate.is_none() {
        warnings.push("figures are of the calibration data: give --evaluate data that training has not seen".into());
    }
    if agreed.is_nan() {
        warnings.push("nothing runs this quantised graph in float: decisions are compared with nothing".into());
    }
    if agreed < AGREEMENT {
        warnings.push(format!("only {:.2} % of the decisions agree with float", 100.0 * agreed));
    }
    warnings
}

fn provenance(
    options: &Options<'_>,
    opened: &Opened,
    calibration: &Data,
    evaluation: &Data,
    chosen: &Candidate,
    agreed: f64,
) -> Vec<(String, String)> {
    let agreement = if agreed.is_nan() {
        "not compared".into()
    } else {
        format!("{agreed:.6} with float over {} rows of {}", evaluation.len(), evaluation.file_name())
    };
    let lines = [
        ("source", crate::data::file_name(options.model)),
        ("source-sha256", opened.sha256.clone()),
        ("producer", opened.producer.clone()),
        ("converter", format!("kinfer-convert {}", env!("CARGO_PKG_VERSION"))),
        ("precision", chosen.precision()),
        ("calibration", format!("{}, {} rows, {}", calibration.file_name(), calibration.len(), chosen.ranges())),
        ("agreement", agreement),
    ];
    lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).to_vec()
}

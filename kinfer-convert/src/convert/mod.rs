//! The whole way: ONNX and data in, a verified file and its report out.

mod head;
mod outcome;
mod report;

use std::path::Path;

use clap::ValueEnum;
use fixed::types::I32F32;
use kinfer::format::{ElementType, NAME_SIZE};

pub use self::head::Threshold;
use self::outcome::{Integer, Truth, classes_of_scores, integer_ranking, score_errors, score_ranking};
pub use self::report::{DataReport, QualityReport, Report, VerifierReport};
use crate::data::{Data, columns, file_name};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::kinf::{FeatureSpec, HeadSpec, ModelSpec};
use crate::onnx::{FeatureInfo, Lowered, Source, fits_field, lower};
use crate::progress::Progress;
use crate::quality::agreement;
use crate::quantize::quantize;
use crate::reference::Reference;

/// Share of decisions that must agree with float; what is below is told as a warning.
pub const AGREEMENT: f64 = 0.995;

/// Share of decisions on the calibration data that makes int8 activations good enough: above [`AGREEMENT`], so that data
/// that nobody has seen keeps that.
pub const INT8_AGREEMENT: f64 = 0.998;

/// What to convert, and how.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The ONNX file.
    pub model: &'a Path,
    /// Data that ranges are taken from.
    pub calibrate: &'a Path,
    /// Data that decisions are compared on; the calibration data where there is none.
    pub evaluate: Option<&'a Path>,
    /// Column of the true class; else the one that the model's metadata names, where the data has it.
    pub label: Option<&'a str>,
    /// Threshold of a model with one score, in units of its own output.
    pub threshold: Option<f64>,
    /// Type of the activations.
    pub activations: Activations,
}

/// Type of the activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Activations {
    /// int8 where at least 99.8 % of the decisions on the calibration data agree with float, else int16
    Auto,
    /// 8 bits: the least memory and time
    Int8,
    /// 16 bits: the closest to float
    Int16,
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
/// The model cannot be read, is not supported, does not fit its data, or is refused by the verifier.
pub fn convert(options: &Options<'_>, progress: &dyn Progress) -> Result<Conversion> {
    let source = Source::open(options.model)?;
    let lowered = lower(&source)?;
    let head = head::Decided::new(&lowered, options.threshold)?;
    let features = features(&lowered, options)?;
    let names: Vec<_> = features.iter().map(|feature| feature.name.clone()).collect();

    let calibration = Data::read(options.calibrate, &names, None)?;
    let evaluated = options.evaluate.unwrap_or(options.calibrate);
    let label = label(&lowered, options, evaluated)?;
    let evaluation = Data::read(evaluated, &names, label.as_deref())?;
    let truth =
        evaluation.labels.as_ref().map(|labels| Truth::of(labels, &lowered, &head, &evaluation.path)).transpose()?;

    let reference = Reference::new(&source, &lowered)?;
    check_reading(&reference, &lowered, &calibration)?;
    progress.begin("float reference", evaluation.len());
    let scores = reference.scores(&evaluation, progress)?;
    let float = classes_of_scores(&scores, &head);

    let mut chosen = match options.activations {
        Activations::Int8 => Candidate::new(ElementType::I8, &lowered, &head, &features, &calibration)?,
        Activations::Int16 => Candidate::new(ElementType::I16, &lowered, &head, &features, &calibration)?,
        Activations::Auto => {
            progress.begin("float reference, calibration", calibration.len());
            let seen = classes_of_scores(&reference.scores(&calibration, progress)?, &head);
            let int8 = Candidate::new(ElementType::I8, &lowered, &head, &features, &calibration)?;
            if agreement(&seen, &int8.decide(&calibration, progress)?.classes()) >= INT8_AGREEMENT {
                int8
            } else {
                Candidate::new(ElementType::I16, &lowered, &head, &features, &calibration)?
            }
        }
    };

    let integer = chosen.decide(&evaluation, progress)?;
    let errors = score_errors(&scores, &integer, &head);
    chosen.spec.head.low_margin = errors.low_margin();
    let rows = evaluation.len();
    let agreed = agreement(&float, &integer.classes());
    chosen.spec.provenance = provenance(options, &source, &calibration, &evaluation, chosen.element, agreed);
    let bytes = chosen.spec.to_bytes();
    let engine = Engine::load(&bytes)?;

    let quality = truth.map(|truth| QualityReport {
        float: truth.quality(&float, score_ranking(&scores, &head).as_deref()),
        integer: truth.quality(&integer.classes(), integer_ranking(&integer, &head).as_deref()),
        base_rate: truth.base_rate(),
        commonest: head.outcomes[truth.commonest()].clone(),
        shares: truth.shares(),
        label: label.unwrap_or_default(),
    });
    let report = Report {
        source: file_name(options.model),
        source_sha256: source.sha256,
        bytes: bytes.len(),
        crc32c: format!("{:08x}", engine.report.checksum),
        activations: chosen.element.name(),
        outcomes: head.outcomes.clone(),
        threshold: head.threshold_report(),
        calibration: DataReport { file: calibration.file_name(), rows: calibration.len() },
        evaluation: DataReport { file: evaluation.file_name(), rows },
        agreement: agreed,
        differing: float.iter().zip(integer.classes()).filter(|(float, integer)| **float != *integer).count(),
        largest_score_error: errors.largest,
        mean_score_error: errors.mean,
        low_margin: chosen.spec.head.low_margin.to_string(),
        out_of_range: integer.out_of_range(),
        quality,
        verifier: VerifierReport::of(&engine.report),
        warnings: warnings(&chosen, &features, &calibration, agreed, options),
    };
    Ok(Conversion { bytes, report })
}

/// One choice of types, as far as it is known how it decides.
struct Candidate {
    element: ElementType,
    spec: ModelSpec,
    silent: Vec<usize>,
}

impl Candidate {
    fn new(
        element: ElementType,
        lowered: &Lowered,
        head: &head::Decided,
        features: &[FeatureInfo],
        calibration: &Data,
    ) -> Result<Self> {
        let quantized = quantize(&lowered.network, calibration, element)?;
        let scores = (quantized.tensors.len() - 1) as u16;
        let spec = ModelSpec {
            features: features
                .iter()
                .enumerate()
                .map(|(index, feature)| {
                    let (lo, hi) = calibration.range(index);
                    FeatureSpec { name: feature.name.clone(), unit: feature.unit.clone(), lo, hi }
                })
                .collect(),
            program: quantized.program,
            tensors: quantized.tensors,
            operators: quantized.operators,
            head: HeadSpec { kind: head.kind, scores, low_margin: I32F32::ZERO },
            outcomes: head.outcomes.clone(),
            provenance: vec![],
        };
        Ok(Self { element, spec, silent: quantized.silent })
    }

    fn decide(&self, data: &Data, progress: &dyn Progress) -> Result<Integer> {
        progress.begin(&format!("{} network", self.element.name()), data.len());
        Ok(Integer(Engine::load(&self.spec.to_bytes())?.decide(data, progress)?))
    }
}

/// Names and units from the model's metadata, else names from the calibration data.
fn features(lowered: &Lowered, options: &Options<'_>) -> Result<Vec<FeatureInfo>> {
    let wants = lowered.network.normalize.len();
    if let Some(features) = &lowered.metadata.features {
        return if features.len() == wants {
            Ok(features.clone())
        } else {
            Err(Error::Option {
                what: format!("metadata names {} features, input `{}` has {wants}", features.len(), lowered.input),
                advice: "write `kinfer.features` with one entry a column of the input, in order".into(),
            })
        };
    }
    let label = options.label.or(lowered.metadata.label.as_deref());
    let names: Vec<_> = columns(options.calibrate)?.into_iter().filter(|name| Some(name.as_str()) != label).collect();
    let problem = |what: String, advice: &str| Err(Error::Option { what, advice: advice.into() });
    if names.len() != wants {
        return problem(
            format!(
                "{} has {} columns beside the label, the model takes {wants} features: {}",
                file_name(options.calibrate),
                names.len(),
                names.join(", ")
            ),
            "name the features in the model's metadata (`kinfer.features`), give the label's column (--label), or leave only the features in the data",
        );
    }
    match names.iter().find(|name| !fits_field(name, NAME_SIZE)) {
        Some(name) => problem(
            format!("column `{name}` cannot name a feature"),
            "names are printable ASCII, at most 48 characters",
        ),
        None => Ok(names.iter().map(|name| FeatureInfo::named(name)).collect()),
    }
}

/// The label's column: as asked for, else as the metadata says where the data has it.
fn label(lowered: &Lowered, options: &Options<'_>, evaluated: &Path) -> Result<Option<String>> {
    if let Some(label) = options.label {
        return Ok(Some(label.to_owned()));
    }
    let has = columns(evaluated)?;
    Ok(lowered.metadata.label.clone().filter(|label| has.contains(label)))
}

/// Refuses to go on when the network read here and the graph as tract runs it disagree.
fn check_reading(reference: &Reference, lowered: &Lowered, calibration: &Data) -> Result<()> {
    const ROWS: usize = 1024;
    const TOLERANCE: f64 = 1e-3; // f32 against f64, over layers and cancelling sums
    let mut sample = calibration.clone();
    sample.counters.truncate(ROWS * calibration.width);
    let outputs = lowered.network.outputs();
    let scores = reference.scores(&sample, &crate::progress::Silent)?;
    let size = scores.iter().fold(0f64, |size, score| size.max(score.abs()));
    for (row, (raw, graph)) in sample.rows().zip(scores.chunks_exact(outputs)).enumerate() {
        for (index, (&network, &graph)) in lowered.network.scores(raw).iter().zip(graph).enumerate() {
            let close = (network - graph).abs() <= TOLERANCE * size;
            if !close {
                return Err(Error::Disagreement { row: row + 1, index, graph, network });
            }
        }
    }
    Ok(())
}

fn warnings(
    chosen: &Candidate,
    features: &[FeatureInfo],
    calibration: &Data,
    agreed: f64,
    options: &Options<'_>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for &feature in &chosen.silent {
        warnings.push(format!("feature `{}` cannot reach the decision", features[feature].name));
    }
    for (index, feature) in features.iter().enumerate() {
        let (lo, hi) = calibration.range(index);
        if lo == hi {
            warnings.push(format!("feature `{}` is {lo} in all of the calibration data", feature.name));
        }
    }
    if options.evaluate.is_none() {
        warnings.push("figures are of the calibration data: give --evaluate data that training has not seen".into());
    }
    if agreed < AGREEMENT {
        warnings.push(format!("only {:.2} % of the decisions agree with float", 100.0 * agreed));
    }
    warnings
}

fn provenance(
    options: &Options<'_>,
    source: &Source,
    calibration: &Data,
    evaluation: &Data,
    element: ElementType,
    agreed: f64,
) -> Vec<(String, String)> {
    let lines = [
        ("source", file_name(options.model)),
        ("source-sha256", source.sha256.clone()),
        ("producer", format!("{} {}", source.model.producer_name, source.model.producer_version)),
        ("converter", format!("kinfer-convert {}", env!("CARGO_PKG_VERSION"))),
        ("weights", "int8, symmetric per channel".into()),
        ("activations", element.name().into()),
        ("calibration", format!("{}, {} rows, min-max", calibration.file_name(), calibration.len())),
        ("agreement", format!("{agreed:.6} with float over {} rows of {}", evaluation.len(), evaluation.file_name())),
    ];
    lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).to_vec()
}

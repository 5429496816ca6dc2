//! What a conversion cost, as data: `--json` prints it, the command line renders it.

use kinfer::Limits;
use serde::Serialize;

use super::head::Threshold;
use crate::quality::{Flip, Quality, Regression};
use crate::quantize;
use crate::quantize::search::Step;

/// The whole report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The ONNX file's name.
    pub source: String,
    /// Its hash.
    pub source_sha256: String,
    /// Bytes of the .kinf file.
    pub bytes: usize,
    /// CRC-32C of the .kinf file, in hex: the name by which the kernel reports a model.
    pub crc32c: String,
    /// Precisions of its layers.
    pub precision: String,
    /// What float decisions are: of tract, or of the graph as it was read.
    pub reference: &'static str,
    /// How scores become a decision.
    pub head: &'static str,
    /// Names of the classes.
    pub outcomes: Vec<String>,
    /// Threshold of a model with one score.
    pub threshold: Option<Threshold>,
    /// Where ranges come from.
    pub calibration: DataReport,
    /// What decisions were compared on.
    pub evaluation: DataReport,
    /// Share of rows that integers decide as float does: the same class, or a value within the tolerance.
    /// Not a number (null in JSON) of a quantised graph that no float reference runs.
    pub agreement: f64,
    /// The share that was asked for.
    pub asked: Option<f64>,
    /// Error of a value that still counts as the same decision.
    pub tolerance: Option<f64>,
    /// Whether that was asked for.
    pub asked_error: Option<f64>,
    /// Rows that they decide otherwise.
    pub differing: usize,
    /// Those with another class, the surest float decision first; 1,000 at most.
    pub flips: Vec<Flip>,
    /// Largest error of the score (of the margin, for argmax).
    pub largest_score_error: f64,
    /// Mean of it.
    pub mean_score_error: f64,
    /// Decisions with a smaller margin carry the low-margin flag.
    pub low_margin: String,
    /// Rows with a counter outside the calibrated range.
    pub out_of_range: usize,
    /// Figures against the truth, where the data has a label.
    pub quality: Option<QualityReport>,
    /// The same of a regression.
    pub regression: Option<RegressionReport>,
    /// Why the kernel would refuse the model, where it would: the budget that was asked for may be wider.
    pub refused_by_kernel: Option<String>,
    /// What the model takes of each budget.
    pub budget: Vec<BudgetReport>,
    /// What the verifier proved.
    pub verifier: VerifierReport,
    /// What became of each value of the network.
    pub layers: Vec<LayerReport>,
    /// What was tried.
    pub steps: Vec<StepReport>,
    /// What the author should look at.
    pub warnings: Vec<String>,
    /// Where the model is from: what the file says of itself.
    pub provenance: Vec<(String, String)>,
}

/// What a model takes of a budget.
#[derive(Clone, Debug, Serialize)]
pub struct BudgetReport {
    /// Of what: operations, look-ups, bytes of something.
    pub what: &'static str,
    /// What it takes.
    pub is: u64,
    /// What it may take.
    pub budget: u64,
}

/// A data file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DataReport {
    /// Its name.
    pub file: String,
    /// Rows.
    pub rows: usize,
}

/// Float and integer decisions against the truth.
#[derive(Clone, Debug, Serialize)]
pub struct QualityReport {
    /// The label's column.
    pub label: String,
    /// Share of the rows of each class.
    pub shares: Vec<f64>,
    /// Accuracy of always deciding for the commonest class.
    pub base_rate: f64,
    /// Which that is.
    pub commonest: String,
    /// The graph in float.
    pub float: Quality,
    /// The integer model.
    pub integer: Quality,
}

/// Float and integer values against the truth.
#[derive(Clone, Debug, Serialize)]
pub struct RegressionReport {
    /// The label's column.
    pub label: String,
    /// The graph in float.
    pub float: Regression,
    /// The integer model.
    pub integer: Regression,
}

/// A value of the network and its integers.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Name of the node that makes it; `features` for the first tensor.
    pub name: String,
    /// The operator.
    pub operator: &'static str,
    /// Types of the operator that makes it.
    pub precision: &'static str,
    /// Type of its integers.
    pub element: &'static str,
    /// Smallest and largest of its values in calibration.
    pub seen: (f64, f64),
    /// Smallest and largest number that its integers have.
    pub chosen: (f64, f64),
    /// Values of the sample in each of 64 bins from the smallest to the largest.
    pub histogram: Vec<u64>,
    /// Signal to noise against float, in dB; nothing where there is no error.
    pub signal_to_noise: Option<f64>,
}

/// A conversion that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// What was different.
    pub what: String,
    /// Share of the evaluation rows that decided as float does; nothing where the verifier refused it.
    pub agreement: Option<f64>,
    /// Operations of a decision.
    pub operations: u64,
    /// Bytes of the file.
    pub bytes: usize,
    /// Whether the search went on from it.
    pub taken: bool,
}

impl LayerReport {
    pub(super) fn of(layer: &quantize::LayerReport) -> Self {
        Self {
            name: layer.name.clone(),
            operator: layer.operator,
            precision: layer.precision.name(),
            element: layer.element,
            seen: layer.seen,
            chosen: layer.chosen,
            histogram: layer.histogram.clone(),
            signal_to_noise: Some(layer.signal_to_noise).filter(|ratio| ratio.is_finite()),
        }
    }
}

impl StepReport {
    pub(super) fn of(step: &Step) -> Self {
        let Step { what, measured, taken } = step;
        Self {
            what: what.clone(),
            agreement: Some(measured.figure).filter(|figure| !figure.is_nan()),
            operations: measured.operations,
            bytes: measured.bytes,
            taken: *taken,
        }
    }
}

/// The verifier's summary.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifierReport {
    /// Raw counters that a caller passes.
    pub inputs: usize,
    /// Worst-case operations of a decision.
    pub operations: u64,
    /// Worst-case table look-ups and node comparisons.
    pub look_ups: u64,
    /// Bytes of packed memory.
    pub packed_bytes: usize,
    /// Bytes of scratch.
    pub scratch_bytes: usize,
    /// Bytes of state.
    pub state_bytes: usize,
    /// Bytes of stack at most, whatever the model.
    pub stack_bytes: usize,
    /// Operator by operator.
    pub operators: Vec<OperatorReport>,
}

/// What was proved of one operator.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorReport {
    /// Its name.
    pub kind: &'static str,
    /// Multiply-adds, or elements.
    pub operations: u64,
    /// Reachable values of its accumulators.
    pub accumulator: (i64, i64),
    /// Bits that hold them.
    pub accumulator_bits: u32,
    /// Reachable values of its output.
    pub output: (i64, i64),
    /// Table look-ups and node comparisons.
    pub look_ups: u64,
    /// Which backend runs it.
    pub backend: &'static str,
    /// Products that share a multiply in most of its rows.
    pub lanes: u8,
}

impl BudgetReport {
    /// What a file of `bytes` takes of every budget.
    pub fn of(bytes: usize, report: &kinfer::Report, limits: &Limits) -> Vec<Self> {
        let line = |what, is, budget| Self { what, is, budget };
        vec![
            line("operations", report.operations, limits.operations),
            line("look-ups", report.look_ups, limits.look_ups),
            line("packed bytes", report.packed_bytes() as u64, limits.packed_bytes as u64),
            line("scratch bytes", report.scratch_bytes() as u64, limits.scratch_bytes as u64),
            line("state bytes", report.state_bytes() as u64, limits.state_bytes as u64),
            line("file bytes", bytes as u64, limits.file_bytes as u64),
        ]
    }
}

impl VerifierReport {
    /// From what the core proved.
    pub fn of(report: &kinfer::Report) -> Self {
        let operators = report.operators.iter().map(|operator| OperatorReport {
            kind: operator.kind.name(),
            operations: operator.operations,
            accumulator: (operator.accumulator.lo, operator.accumulator.hi),
            accumulator_bits: operator.accumulator.bits(),
            output: (operator.output.lo, operator.output.hi),
            look_ups: operator.look_ups,
            backend: operator.backend.name(),
            lanes: operator.need.lanes,
        });
        Self {
            inputs: report.inputs,
            operations: report.operations,
            look_ups: report.look_ups,
            packed_bytes: report.packed_bytes(),
            scratch_bytes: report.scratch_bytes(),
            state_bytes: report.state_bytes(),
            stack_bytes: kinfer::Report::STACK_BYTES,
            operators: operators.collect(),
        }
    }
}

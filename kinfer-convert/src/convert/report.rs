//! What a conversion cost, as data: `--json` prints it, the command line renders it.

use serde::Serialize;

use super::head::Threshold;
use crate::quality::Quality;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The ONNX file's name.
    pub source: String,
    /// Its hash.
    pub source_sha256: String,
    /// Bytes of the .kinf file.
    pub bytes: usize,
    /// CRC-32C of the .kinf file, in hex: the name by which the kernel reports a model.
    pub crc32c: String,
    /// Type of the activations.
    pub activations: &'static str,
    /// Names of the classes.
    pub outcomes: Vec<String>,
    /// Threshold of a model with one score.
    pub threshold: Option<Threshold>,
    /// Where ranges come from.
    pub calibration: DataReport,
    /// What decisions were compared on.
    pub evaluation: DataReport,
    /// Share of rows that integers decide as float does.
    pub agreement: f64,
    /// Rows that they decide otherwise.
    pub differing: usize,
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
    /// What the verifier proved.
    pub verifier: VerifierReport,
    /// What the author should look at.
    pub warnings: Vec<String>,
}

/// A data file.
#[derive(Clone, Debug, Serialize)]
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

/// The verifier's summary.
#[derive(Clone, Debug, Serialize)]
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

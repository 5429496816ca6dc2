//! What the page shows, as data.

use serde::Serialize;

use crate::quality::{Flip, Quality, Regression, ScoreErrors};

/// Everything that the page shows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The float model's file name.
    pub source: String,
    /// The .kinf file: bytes, and its CRC-32C in hex.
    pub bytes: usize,
    /// The name by which the kernel reports the model.
    pub crc32c: String,
    /// Types of the layers, in words.
    pub precision: String,
    /// How scores become a decision, in words.
    pub head: String,
    /// Names of the classes.
    pub outcomes: Vec<String>,
    /// What the kernel's verifier says.
    pub verdict: Verdict,
    /// What was asked for, and what was reached.
    pub goals: Vec<Goal>,
    /// What the model takes of each budget.
    pub budget: Vec<Use>,
    /// Where ranges come from.
    pub calibration: Data,
    /// What decisions were compared on.
    pub evaluation: Data,
    /// What float decisions are: who computed them.
    pub reference: String,
    /// Share of rows that integers decide as float does.
    pub agreement: f64,
    /// Rows that they decide otherwise.
    pub differing: usize,
    /// The surest of them; there may be more.
    pub flips: Vec<Flip>,
    /// Error of the scores.
    pub score_errors: ScoreErrors,
    /// Decisions with a smaller margin carry the low-margin flag.
    pub low_margin: String,
    /// Rows with a counter outside the calibrated range.
    pub out_of_range: usize,
    /// Figures against the true classes.
    pub classes: Option<Classes>,
    /// Figures against the true values.
    pub regression: Option<Regressions>,
    /// Values of the network, in the order they are made.
    pub layers: Vec<Layer>,
    /// What the verifier proved.
    pub verifier: Verifier,
    /// What was tried.
    pub steps: Vec<Step>,
    /// What the author should look at.
    pub warnings: Vec<String>,
    /// Where the model is from.
    pub provenance: Vec<(String, String)>,
}

/// What the kernel's verifier says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    /// Whether it would load the model.
    pub accepted: bool,
    /// Its sentence, where it would not.
    pub sentence: Option<String>,
}

/// Something that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// Of what.
    pub what: String,
    /// What was asked, in words with its unit.
    pub asked: String,
    /// What was reached, likewise.
    pub reached: String,
    /// Whether that is enough.
    pub met: bool,
}

/// What a model takes of a budget.
#[derive(Clone, Debug, Serialize)]
pub struct Use {
    /// Of what.
    pub what: String,
    /// What it takes.
    pub is: u64,
    /// What it may take.
    pub budget: u64,
}

/// A data file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Data {
    /// Its name.
    pub file: String,
    /// Rows.
    pub rows: usize,
}

/// Float and integer decisions against the true classes.
#[derive(Clone, Debug, Serialize)]
pub struct Classes {
    /// The label's column.
    pub label: String,
    /// Share of the rows of each class.
    pub shares: Vec<f64>,
    /// Accuracy of always deciding for the commonest class.
    pub base_rate: f64,
    /// Which that is.
    pub commonest: String,
    /// The float model.
    pub float: Quality,
    /// The integer model.
    pub integer: Quality,
}

/// Float and integer values against the truth.
#[derive(Clone, Debug, Serialize)]
pub struct Regressions {
    /// The label's column.
    pub label: String,
    /// The float model.
    pub float: Regression,
    /// The integer model.
    pub integer: Regression,
}

/// A value of the network and its integers.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// Name of the node that makes it.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// Types of weights and activations.
    pub precision: String,
    /// Type of its integers.
    pub element: String,
    /// Smallest and largest value seen in calibration.
    pub seen: (f64, f64),
    /// Smallest and largest number that its integers have.
    pub chosen: (f64, f64),
    /// Values of the sample in bins of equal width from the smallest to the largest seen.
    pub histogram: Vec<u64>,
    /// Signal to noise against float, in dB; nothing where there is no error.
    pub signal_to_noise: Option<f64>,
}

/// What the verifier proved.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verifier {
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
    pub operators: Vec<Operator>,
}

/// What was proved of one operator.
#[derive(Clone, Debug, Serialize)]
pub struct Operator {
    /// Its kind.
    pub kind: String,
    /// Multiply-adds, or elements.
    pub operations: u64,
    /// Table look-ups and node comparisons.
    pub look_ups: u64,
    /// Bits that hold its accumulators.
    pub accumulator_bits: u32,
    /// Which backend runs it.
    pub backend: String,
    /// Products that share a multiply in most of its rows.
    pub lanes: u8,
}

/// A conversion that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was different.
    pub what: String,
    /// Share of rows that decided as float does; nothing where the verifier refused it.
    pub agreement: Option<f64>,
    /// Operations of a decision.
    pub operations: u64,
    /// Bytes of the file.
    pub bytes: usize,
    /// Whether the search went on from it.
    pub taken: bool,
}

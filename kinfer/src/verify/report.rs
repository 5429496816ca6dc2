//! What was proved, as data.

use heapless::Vec;

use super::Interval;
use crate::error::Problem;
use crate::format::{OperatorKind, MAX_OPERATORS};

/// What was proved of one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorReport {
    /// Which operator.
    pub kind: OperatorKind,
    /// All values that any of its accumulators can reach.
    pub accumulator: Interval,
    /// All values that its output can reach.
    pub output: Interval,
    /// Multiply-adds, or elements for an operator without weights.
    pub operations: u64,
}

/// What was proved of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Raw counters that a caller passes.
    pub inputs: usize,
    /// Outcomes that the head decides between.
    pub outcomes: usize,
    /// Worst-case operations of a decision.
    pub operations: u64,
    /// Words of scratch that a decision needs.
    pub scratch_words: usize,
    /// Bytes of packed memory.
    pub packed_bytes: usize,
    /// CRC-32C of the very file that this was proved of.
    pub checksum: u32,
    /// Operator by operator.
    pub operators: Vec<OperatorReport, MAX_OPERATORS>,
}

impl Report {
    /// Bytes of scratch that a decision needs.
    pub fn scratch_bytes(&self) -> usize {
        self.scratch_words.saturating_mul(size_of::<i64>())
    }

    pub(super) fn push(&mut self, operator: OperatorReport) -> Result<(), Problem> {
        self.operations = self.operations.saturating_add(operator.operations);
        let full = Problem::Count { is: self.operators.len() as u64, max: MAX_OPERATORS as u64 };
        self.operators.push(operator).map_err(|_| full)
    }
}

//! What was proved, as data.

use heapless::Vec;

use super::{Interval, Node};
use crate::backend::{BackendKind, Need};
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
    /// Multiply-adds at most, or elements for an operator without weights.
    pub operations: u64,
    /// Table look-ups and comparisons of tree nodes, at most.
    pub look_ups: u64,
    /// The first word behind those of the caller's state that it reads or writes; 0 when it knows no state.
    pub state_end: usize,
    /// The backend that runs it: the cheapest by its cost model.
    pub backend: BackendKind,
    /// What that backend needs.
    pub need: Need,
}

impl OperatorReport {
    /// Of an operator that computes each element of its output from one of its input and leaves it the same.
    #[inline(never)]
    pub(super) fn of(node: &Node<'_>) -> Self {
        Self {
            kind: node.kind(),
            accumulator: node.range,
            output: node.range,
            operations: node.output.elements(),
            look_ups: 0,
            state_end: 0,
            backend: BackendKind::Reference,
            need: Need::default(),
        }
    }
}

impl OperatorReport {
    /// Puts in what was proved of values.
    pub(super) fn reach(&mut self, accumulator: Interval, output: Interval) {
        (self.accumulator, self.output) = (accumulator, output);
    }
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
    /// Worst-case table look-ups and node comparisons of a decision.
    pub look_ups: u64,
    /// Words of scratch that a decision needs.
    pub scratch_words: usize,
    /// Words of packed memory.
    pub packed_words: usize,
    /// Words of state that the caller keeps from decision to decision; most models need none.
    pub state_words: usize,
    /// CRC-32C of the very file that this was proved of.
    pub checksum: u32,
    /// All values of tensor 0.
    pub input: Interval,
    /// Operator by operator; operator `i` writes tensor `i + 1`.
    pub operators: Vec<OperatorReport, MAX_OPERATORS>,
}

impl Report {
    /// Bytes of stack that a decision takes at most, whatever the model; `cargo xtask test` measures the object.
    pub const STACK_BYTES: usize = 512;

    /// Bytes of scratch that a decision needs.
    pub fn scratch_bytes(&self) -> usize {
        self.scratch_words.saturating_mul(size_of::<i64>())
    }

    /// Bytes of packed memory.
    pub fn packed_bytes(&self) -> usize {
        self.packed_words.saturating_mul(size_of::<i64>())
    }

    /// Bytes of state.
    pub fn state_bytes(&self) -> usize {
        self.state_words.saturating_mul(size_of::<i64>())
    }

    /// How many tensors are written by the feature program and the operators so far: the index of the next.
    pub(super) fn tensors_written(&self) -> u16 {
        (self.operators.len() as u16).saturating_add(1)
    }

    /// All values of a tensor that is written already.
    pub(crate) fn range_of(&self, tensor: u16) -> Result<Interval, Problem> {
        match tensor.checked_sub(1) {
            None => Ok(self.input),
            Some(writer) => {
                let report = self.operators.get(usize::from(writer)).ok_or(Problem::NotYetProduced { tensor })?;
                Ok(report.output)
            }
        }
    }

    /// One more operator, to be filled in.
    pub(super) fn add(&mut self, operator: OperatorReport) -> Result<&mut OperatorReport, Problem> {
        let full = Problem::Count { is: self.operators.len() as u64, max: MAX_OPERATORS as u64 };
        self.operators.push(operator).map_err(|_| full)?;
        self.operators.last_mut().ok_or(full)
    }

    /// Counts the last operator in.
    pub(super) fn sum_up(&mut self) {
        let Some(operator) = self.operators.last() else { return };
        self.operations = self.operations.saturating_add(operator.operations);
        self.look_ups = self.look_ups.saturating_add(operator.look_ups);
        self.state_words = self.state_words.max(operator.state_end);
    }
}

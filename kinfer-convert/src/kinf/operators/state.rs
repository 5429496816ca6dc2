//! Operators on the caller's state.

use super::record::{Data, OperatorRecord};

/// A tensor from the caller's state.
#[derive(Clone, Copy, Debug)]
pub struct RecallSpec {
    /// Tensor it writes.
    pub output: u16,
    /// The state's word for element 0.
    pub slot: u32,
    /// Smallest value, in quantised units.
    pub lo: i32,
    /// Largest value.
    pub hi: i32,
}

impl RecallSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord { lo: self.lo, hi: self.hi, ..OperatorRecord::new(0, self.output) };
        record.numbers[0] = self.slot.cast_signed();
        record
    }
}

/// A tensor into the caller's state, and into another tensor.
#[derive(Clone, Copy, Debug)]
pub struct RememberSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// The state's word for element 0.
    pub slot: u32,
}

impl RememberSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        record.numbers[0] = self.slot.cast_signed();
        record
    }
}

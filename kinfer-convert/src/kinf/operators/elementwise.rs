//! Operators from element to element.

use super::record::{Data, OperatorRecord};

/// Clamp, element by element.
#[derive(Clone, Copy, Debug)]
pub struct ClipSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl ClipSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord { lo: self.lo, hi: self.hi, ..OperatorRecord::new(self.input, self.output) }
    }
}

/// Not written yet.
#[derive(Clone, Debug)]
pub struct RescaleSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl RescaleSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

/// Not written yet.
#[derive(Clone, Debug)]
pub struct AddSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl AddSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

/// Not written yet.
#[derive(Clone, Debug)]
pub struct MulSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl MulSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

//! Not written yet.

use super::record::{Data, OperatorRecord};

/// Not written yet.
#[derive(Clone, Debug)]
pub struct ConcatSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl ConcatSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

/// Not written yet.
#[derive(Clone, Debug)]
pub struct SliceSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl SliceSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

/// Not written yet.
#[derive(Clone, Debug)]
pub struct ReshapeSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl ReshapeSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

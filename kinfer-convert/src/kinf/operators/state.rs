//! Not written yet.

use super::record::{Data, OperatorRecord};

/// Not written yet.
#[derive(Clone, Debug)]
pub struct RecallSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl RecallSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

/// Not written yet.
#[derive(Clone, Debug)]
pub struct RememberSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl RememberSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

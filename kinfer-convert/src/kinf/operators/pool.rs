//! Not written yet.

use super::record::{Data, OperatorRecord};

/// Not written yet.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
}

impl PoolSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord::new(self.input, self.output)
    }
}

//! Shares that sum to one. [`crate::kinf::functions`] makes the entries.

use super::record::{Data, OperatorRecord};

/// Softmax over rows.
#[derive(Clone, Debug)]
pub struct SoftmaxSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// Elements that sum to one.
    pub row: i32,
    /// Output units that are one.
    pub units: i32,
    /// `exp(−scale · d)` in units of 2^−30: 256, or twice that for an int16 input.
    pub entries: Vec<i32>,
}

impl SoftmaxSpec {
    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        OperatorRecord {
            offsets: [data.place_i32(&self.entries), 0, 0, 0],
            numbers: [self.row, self.units, 0, 0, 0, 0, 0],
            ..OperatorRecord::new(self.input, self.output)
        }
    }
}

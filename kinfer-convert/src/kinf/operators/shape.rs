//! Operators that move elements.

use super::record::{Data, OperatorRecord};

/// Two tensors side by side.
#[derive(Clone, Copy, Debug)]
pub struct ConcatSpec {
    /// Tensor whose rows come first.
    pub input: u16,
    /// Tensor whose rows follow.
    pub second: u16,
    /// Tensor it writes.
    pub output: u16,
    /// Rows of each of the three.
    pub rows: u32,
}

impl ConcatSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        record.second = Some(self.second);
        record.numbers[0] = self.rows.cast_signed();
        record
    }
}

/// A part of each row.
#[derive(Clone, Copy, Debug)]
pub struct SliceSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// Rows of both.
    pub rows: u32,
    /// The first element of a row that is taken.
    pub start: u32,
    /// Elements taken of each row.
    pub count: u32,
    /// From one taken element to the next.
    pub stride: u32,
}

impl SliceSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        let fields = [self.rows, self.start, self.count, self.stride];
        record.numbers[..4].copy_from_slice(&fields.map(u32::cast_signed));
        record
    }
}

/// The same elements under other dimensions.
#[derive(Clone, Copy, Debug)]
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

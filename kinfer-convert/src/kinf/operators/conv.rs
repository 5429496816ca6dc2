//! Convolutions.

use super::dense::RowsSpec;
use super::record::{Data, OperatorRecord};
use super::window::WindowSpec;

/// Convolution over images `[height, width, channels]`; over one dimension the height is 1.
#[derive(Clone, Debug)]
pub struct ConvSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// `[output channel][kernel height][kernel width][input channel of its group]`.
    pub rows: RowsSpec,
    /// The window.
    pub window: WindowSpec,
    /// Groups of channels; as many as input channels is a depthwise convolution.
    pub groups: u32,
}

impl ConvSpec {
    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        self.rows.write(&mut record, data);
        self.window.write(&mut record, true);
        record.numbers[5] = self.groups.cast_signed();
        record
    }
}

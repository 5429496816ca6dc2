//! Pooling.

use kinfer::format::{PoolMode, Rounding};

use super::record::{Data, OperatorRecord};
use super::window::WindowSpec;

/// Pooling of images `[height, width, channels]`, channel by channel.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes, of the same type, scale and zero point.
    pub output: u16,
    /// What is made of a window.
    pub mode: PoolMode,
    /// How a mean rounds: half-even, or `TfliteDouble` for ties away from zero. A maximum has half-even.
    pub rounding: Rounding,
    /// The window; its dilation is not written. One of the image's size is global pooling.
    pub window: WindowSpec,
}

impl PoolSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        record.variant = self.mode as u8;
        record.rounding = Some(self.rounding);
        self.window.write(&mut record, false);
        record
    }
}

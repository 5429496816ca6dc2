//! Windows that slide over an image.

use super::record::{OperatorRecord, pair};

/// A window. Of each pair the first is along the height, the second along the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpec {
    /// Taps.
    pub kernel: [u16; 2],
    /// From a window to the next.
    pub stride: [u16; 2],
    /// From a tap to the next; pooling has none.
    pub dilation: [u16; 2],
    /// Padding above and to the left.
    pub before: [u16; 2],
    /// Padding below and to the right.
    pub after: [u16; 2],
}

impl WindowSpec {
    /// Every place of a window of `kernel` taps inside an image.
    pub const fn valid(kernel: [u16; 2]) -> Self {
        Self { kernel, stride: [1, 1], dilation: [1, 1], before: [0, 0], after: [0, 0] }
    }

    /// Height and width of what the window makes of an image, zero where it does not fit.
    pub fn positions(&self, height: u32, width: u32) -> [u32; 2] {
        let Self { kernel, stride, dilation, before, after } = *self;
        kinfer::format::Window { kernel, stride, dilation, before, after }.positions([height, width])
    }

    pub(super) fn write(&self, record: &mut OperatorRecord, dilated: bool) {
        let both = |[first, second]: [u16; 2]| pair(first, second);
        record.numbers[0] = both(self.kernel);
        record.numbers[1] = both(self.stride);
        record.numbers[2] = if dilated { both(self.dilation) } else { 0 };
        record.numbers[3] = both(self.before);
        record.numbers[4] = both(self.after);
    }
}

//! Windows that slide over an image: what convolutions and pooling share.

use super::fields::Fields;
use crate::error::{Problem, What};

/// A window that slides over the height and the width of an image, `[height, width, channels]`. Of each pair the first is
/// along the height, the second along the width; over one dimension the height is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: [u16; 2],
    /// From a window to the next.
    pub stride: [u16; 2],
    /// From a tap to the next.
    pub dilation: [u16; 2],
    /// Padding above and to the left.
    pub before: [u16; 2],
    /// Padding below and to the right.
    pub after: [u16; 2],
}

impl Window {
    /// Reads numbers 0 to 4; a window that is not `dilated` leaves number 2 alone.
    #[inline(never)]
    pub(super) fn read(fields: &mut Fields, dilated: bool) -> Result<Self, Problem> {
        let mut positive = |which, what| match fields.pair(which) {
            [0, _] | [_, 0] => Err(Problem::ZeroWindow { what }),
            pair => Ok(pair),
        };
        Ok(Self {
            kernel: positive(0, What::Kernel)?,
            stride: positive(1, What::Stride)?,
            dilation: if dilated { positive(2, What::Dilation)? } else { [1, 1] },
            before: fields.pair(3),
            after: fields.pair(4),
        })
    }

    /// Taps of a window.
    pub const fn taps(&self) -> usize {
        let [height, width] = self.kernel;
        (height as usize).saturating_mul(width as usize)
    }

    /// Whether a window may reach out of the image.
    pub fn is_padded(&self) -> bool {
        self.before != [0, 0] || self.after != [0, 0]
    }

    /// Windows that fit along each axis of an image of height and width `size`; zero where none does.
    #[inline(never)]
    pub fn positions(&self, size: [u32; 2]) -> [u32; 2] {
        let [height, width] = size;
        let (kernel, stride, dilation) = (self.kernel, self.stride, self.dilation);
        [
            along(height, kernel[0], stride[0], dilation[0], self.before[0], self.after[0]),
            along(width, kernel[1], stride[1], dilation[1], self.before[1], self.after[1]),
        ]
    }
}

/// ONNX Conv and MaxPool with explicit padding: `⌊(size + before + after − dilation · (kernel − 1) − 1) / stride⌋ + 1`.
#[inline(never)]
fn along(size: u32, kernel: u16, stride: u16, dilation: u16, before: u16, after: u16) -> u32 {
    let padded = u64::from(size).saturating_add(u64::from(before)).saturating_add(u64::from(after));
    let extent = u64::from(dilation).saturating_mul(u64::from(kernel).saturating_sub(1)).saturating_add(1);
    let steps = padded.checked_sub(extent).and_then(|room| room.checked_div(u64::from(stride)));
    steps.map_or(0, |steps| steps.saturating_add(1) as u32) // a size of 32 bits, and 17 more
}

#[cfg(test)]
mod tests {
    use super::Window;

    const PLAIN: Window = Window { kernel: [3, 2], stride: [1, 1], dilation: [1, 1], before: [0, 0], after: [0, 0] };

    #[test]
    fn positions_are_those_of_onnx() {
        assert_eq!(PLAIN.positions([5, 5]), [3, 4]);
        assert_eq!(Window { stride: [2, 3], ..PLAIN }.positions([6, 5]), [2, 2]);
        assert_eq!(Window { dilation: [2, 4], ..PLAIN }.positions([5, 5]), [1, 1]);
        assert_eq!(Window { before: [1, 0], after: [1, 1], ..PLAIN }.positions([5, 5]), [5, 5]);
    }

    #[test]
    fn a_window_larger_than_the_padded_image_has_no_position() {
        assert_eq!(PLAIN.positions([2, 1]), [0, 0]);
        let far = Window { kernel: [u16::MAX; 2], dilation: [u16::MAX; 2], ..PLAIN };
        assert_eq!(far.positions([65_536, 1]), [0, 0]);
    }
}

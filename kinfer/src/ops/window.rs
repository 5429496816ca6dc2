//! Where the windows over an image lie, in pixels.

use crate::cast::{halves, pair};
use crate::format::Window;

/// A window and the two images it connects. Of each pair the first is along the height, the second along the width. The
/// verifier has proved that the windows of all positions lie inside the padded image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Size of the image.
    pub input: [i32; 2],
    /// How many windows there are.
    pub output: [i32; 2],
    /// Taps.
    pub kernel: [i32; 2],
    /// From a window to the next.
    pub stride: [i32; 2],
    /// From a tap to the next.
    pub dilation: [i32; 2],
    /// Padding above and to the left.
    pub before: [i32; 2],
}

impl Windows {
    /// Words of packed memory that hold them.
    pub const WORDS: usize = 4;

    /// The windows over an image of height and width `input`.
    pub fn new(window: &Window, input: [u32; 2]) -> Self {
        let signed = |pair: [u16; 2]| pair.map(i32::from);
        Self {
            input: input.map(|size| size as i32),
            output: window.positions(input).map(|size| size as i32),
            kernel: signed(window.kernel),
            stride: signed(window.stride),
            dilation: signed(window.dilation),
            before: signed(window.before),
        }
    }

    /// The first tap of window `number`, counted along the rows of the result.
    #[inline]
    pub fn origin_of(&self, number: u32) -> [i32; 2] {
        let [_, columns] = self.output;
        let y = number.checked_div(columns as u32).unwrap_or(0);
        let x = number.wrapping_sub(y.wrapping_mul(columns as u32));
        self.origin(y as i32, x as i32)
    }

    /// The first tap of window `y`, `x`: row and column, negative in the padding.
    #[inline]
    pub const fn origin(&self, y: i32, x: i32) -> [i32; 2] {
        let ([by, bx], [top, left]) = (self.stride, self.before);
        [y.wrapping_mul(by).wrapping_sub(top), x.wrapping_mul(bx).wrapping_sub(left)]
    }

    /// The pixel under tap `i`, `j` of the window at `origin`, numbered along the rows of the image; `None` in the padding.
    #[inline]
    pub fn pixel(&self, origin: [i32; 2], i: i32, j: i32) -> Option<usize> {
        let ([y, x], [down, right], [height, width]) = (origin, self.dilation, self.input);
        let row = y.wrapping_add(i.wrapping_mul(down));
        let column = x.wrapping_add(j.wrapping_mul(right));
        let inside = row >= 0 && row < height && column >= 0 && column < width;
        inside.then_some(row.wrapping_mul(width).wrapping_add(column) as usize)
    }

    /// As words of packed memory.
    pub(crate) fn to_words(self) -> [i64; Self::WORDS] {
        let [[height, width], [rows, columns]] = [self.input, self.output];
        let of = |[a, b]: [i32; 2], [c, d]: [i32; 2]| pair(a | b.wrapping_shl(16), c | d.wrapping_shl(16));
        [pair(height, width), pair(rows, columns), of(self.kernel, self.stride), of(self.dilation, self.before)]
    }

    /// From [`Windows::to_words`].
    #[inline]
    pub(crate) const fn from_words(words: &[i64; Self::WORDS]) -> Self {
        let &[input, output, taps, offsets] = words;
        let ((height, width), (rows, columns)) = (halves(input), halves(output));
        let ((kernel, stride), (dilation, before)) = (halves(taps), halves(offsets));
        Self {
            input: [height, width],
            output: [rows, columns],
            kernel: shorts(kernel),
            stride: shorts(stride),
            dilation: shorts(dilation),
            before: shorts(before),
        }
    }
}

const fn shorts(both: i32) -> [i32; 2] {
    [both & 0xffff, (both >> 16) & 0xffff]
}

#[cfg(test)]
mod tests {
    use super::Windows;
    use crate::format::Window;

    const WINDOW: Window =
        Window { kernel: [3, 2], stride: [2, 1], dilation: [1, 3], before: [1, 2], after: [0, 65_535] };

    #[test]
    fn taps_outside_the_image_have_no_pixel() {
        let windows = Windows::new(&WINDOW, [4, 5]);
        let origin = windows.origin(0, 1);
        assert_eq!(origin, [-1, -1]);
        assert_eq!(windows.pixel(origin, 0, 1), None);
        assert_eq!(windows.pixel(origin, 1, 0), None);
        assert_eq!(windows.pixel(origin, 1, 1), Some(2));
        assert_eq!(windows.pixel(origin, 2, 1), Some(7));
        assert_eq!(windows.pixel(windows.origin(1, 4), 2, 0), Some(17));
        assert_eq!(windows.pixel(windows.origin(1, 4), 2, 1), None);
        assert_eq!(windows.origin_of(windows.output[1] as u32 + 4), windows.origin(1, 4));
    }

    #[test]
    fn words_keep_every_field() {
        let far = Window { kernel: [u16::MAX, 1], before: [u16::MAX; 2], after: [u16::MAX; 2], ..WINDOW };
        for window in [WINDOW, far] {
            let windows = Windows::new(&window, [65_536, 1]);
            assert_eq!(Windows::from_words(&windows.to_words()), windows);
        }
    }
}

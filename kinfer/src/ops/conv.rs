//! ONNX Conv on quantised values, image and result `[height, width, channels]`.
//!
//! `acc = bias + Σ weight[i][j][c] · (input[y + i·d][x + j·d][first + c] − zero_point)` over the taps that lie in the
//! image, then requantised per channel as a dense layer's. A tap in the padding adds nothing, as if a real zero were there.

use super::window::Windows;
use crate::iter::chunks;

/// What one window sees of an image.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// The image, pixel after pixel, from the first of the channels that the window sees.
    pub image: &'a [i32],
    /// Its zero point.
    pub zero_point: i32,
    /// Channels of a pixel.
    pub channels: usize,
    /// How many of them the window sees: those of its group.
    pub depth: usize,
    /// The first tap: row and column.
    pub origin: [i32; 2],
}

/// The accumulator of one output channel at one position; `weights` begin with `[kernel height][kernel width][depth]` of
/// it. The verifier has proved that it fits.
#[inline]
pub fn sum(weights: &[i16], bias: i64, windows: &Windows, patch: &Patch<'_>) -> i64 {
    let zero_point = i64::from(patch.zero_point);
    let [height, width] = windows.kernel;
    let (mut acc, mut taps) = (bias, chunks(weights, patch.depth));
    for i in 0..height {
        for j in 0..width {
            let Some(weights) = taps.next() else { break };
            let Some(pixel) = windows.pixel(patch.origin, i, j) else { continue };
            let values = patch.image.get(pixel.wrapping_mul(patch.channels)..).unwrap_or(&[]);
            for (&weight, &value) in weights.iter().zip(values) {
                let centred = i64::from(value).wrapping_sub(zero_point);
                acc = acc.wrapping_add(i64::from(weight).wrapping_mul(centred));
            }
        }
    }
    acc
}

#[cfg(test)]
mod tests {
    use super::{sum, Patch, Windows};
    use crate::format::Window;
    use std::vec::Vec;

    /// All positions of one channel that sees one channel.
    fn plane(weights: &[i16], window: Window, size: [u32; 2], image: &[i32]) -> Vec<i64> {
        let windows = Windows::new(&window, size);
        let [rows, columns] = windows.output;
        let positions = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        let patch = Patch { image, zero_point: 0, channels: 1, depth: 1, origin: [0, 0] };
        positions.map(|(y, x)| sum(weights, 0, &windows, &Patch { origin: windows.origin(y, x), ..patch })).collect()
    }

    const THREE: Window = Window { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], before: [1, 1], after: [1, 1] };

    #[test]
    fn onnx_basic_conv_with_and_without_padding() {
        // The examples of ONNX's Conv: a 5×5 image of 0..25, a 3×3 kernel of ones.
        let image: Vec<i32> = (0..25).collect();
        #[rustfmt::skip]
        assert_eq!(plane(&[1; 9], THREE, [5, 5], &image), [
            12, 21, 27, 33, 24,
            33, 54, 63, 72, 51,
            63, 99, 108, 117, 81,
            93, 144, 153, 162, 111,
            72, 111, 117, 123, 84,
        ]);
        let valid = Window { before: [0, 0], after: [0, 0], ..THREE };
        assert_eq!(plane(&[1; 9], valid, [5, 5], &image), [54, 63, 72, 99, 108, 117, 144, 153, 162]);
    }

    #[test]
    fn onnx_conv_with_strides_and_each_padding() {
        // The same source: a 7×5 image of 0..35, strides of 2.
        let image: Vec<i32> = (0..35).collect();
        let two = Window { stride: [2, 2], ..THREE };
        assert_eq!(plane(&[1; 9], two, [7, 5], &image), [12, 27, 24, 63, 108, 81, 123, 198, 141, 112, 177, 124]);
        let valid = Window { before: [0, 0], after: [0, 0], ..two };
        assert_eq!(plane(&[1; 9], valid, [7, 5], &image), [54, 72, 144, 162, 234, 252]);
        let above = Window { before: [1, 0], after: [1, 0], ..two };
        assert_eq!(plane(&[1; 9], above, [7, 5], &image), [21, 33, 99, 117, 189, 207, 171, 183]);
    }

    #[test]
    fn dilation_skips_pixels() {
        // 1·1 − 2·3 + 3·5, then one to the right.
        let window = Window { kernel: [1, 3], stride: [1, 1], dilation: [1, 2], before: [0, 0], after: [0, 0] };
        assert_eq!(plane(&[1, -2, 3], window, [1, 6], &[1, 2, 3, 4, 5, 6]), [10, 12]);
    }

    #[test]
    fn a_group_sees_its_channels_less_the_zero_point() {
        let window = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], before: [0, 0], after: [0, 0] };
        let windows = Windows::new(&window, [1, 2]);
        // The second pixel's channels 2 and 3 are 11 and 13: 7 + 5·(11 − 10) − 2·(13 − 10).
        let image = [0, 0, 0, 0, 0, 0, 11, 13];
        let patch = Patch { image: &image[2..], zero_point: 10, channels: 4, depth: 2, origin: [0, 1] };
        assert_eq!(sum(&[5, -2], 7, &windows, &patch), 6);
    }
}

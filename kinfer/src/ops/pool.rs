//! ONNX MaxPool and AveragePool on quantised values, image and result `[height, width, channels]`; TensorFlow Lite's
//! `MAX_POOL_2D` and `AVERAGE_POOL_2D`.
//!
//! Every window has a pixel in it: the verifier has proved that the padding is smaller than the window.

use super::window::Windows;
use crate::format::Rounding;

/// The largest value, or a mean, of each channel in the window at `origin`; `out` has one element a channel.
#[inline]
pub fn pool(mean: Option<Mean>, windows: &Windows, origin: [i32; 2], image: &[i32], out: &mut [i32]) {
    // A tensor has 2^16 elements of 16 bits at most: their sum is an i32, and can wait in the output.
    out.fill(if mean.is_some() { 0 } else { i32::MIN });
    let [height, width] = windows.kernel;
    let mut pixels = 0i64;
    for i in 0..height {
        for j in 0..width {
            let Some(pixel) = windows.pixel(origin, i, j) else { continue };
            let values = image.get(pixel.wrapping_mul(out.len())..).unwrap_or(&[]);
            for (out, &value) in out.iter_mut().zip(values) {
                *out = if mean.is_some() { value.wrapping_add(*out) } else { value.max(*out) };
            }
            pixels = pixels.wrapping_add(1);
        }
    }
    if let Some(mean) = mean {
        let taps = i64::from(height).wrapping_mul(i64::from(width));
        let count = if mean.padded { taps } else { pixels };
        for out in out {
            *out = mean.of(i64::from(*out), pixels, count);
        }
    }
}

/// How a sum becomes a mean.
///
/// * [`Rounding::HalfEven`]: `zero_point + round(Σ (q − zero_point) / n)`, ties to even: the real mean as ONNX
///   QuantizeLinear quantises it.
/// * [`Rounding::TfliteDouble`]: `round(Σ q / n)`, ties away from zero: TensorFlow Lite's
///   `reference_integer_ops::AveragePool`, which averages the quantised values themselves.
///
/// The two differ in ties only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// Quantised value of real zero.
    pub zero_point: i32,
    /// Ties.
    pub rounding: Rounding,
    /// Whether taps in the padding count, as real zeros.
    pub padded: bool,
}

impl Mean {
    /// The mean of `count` taps, of which `pixels` are in the image and sum up to `sum`.
    #[inline]
    fn of(self, sum: i64, pixels: i64, count: i64) -> i32 {
        let zero_point = i64::from(self.zero_point);
        let mean = match self.rounding {
            Rounding::HalfEven => {
                let centred = sum.wrapping_sub(pixels.wrapping_mul(zero_point));
                half_even(centred, count).wrapping_add(zero_point)
            }
            _ => half_away(sum.wrapping_add(count.wrapping_sub(pixels).wrapping_mul(zero_point)), count),
        };
        mean as i32 // between values of the image and the zero point
    }
}

/// `sum / count` to the nearest integer, ties to even. `count` is positive.
#[inline]
fn half_even(sum: i64, count: i64) -> i64 {
    // Cut towards zero; a negative rest has a quotient too large by one for what follows.
    let cut = sum.checked_div(count).unwrap_or(0);
    let rest = sum.wrapping_sub(cut.wrapping_mul(count));
    let below = rest >> 63; // −1 or 0
    let (down, rest) = (cut.wrapping_add(below), rest.wrapping_add(count & below));
    let twice = rest.wrapping_mul(2);
    let up = twice > count || (twice == count && down & 1 == 1);
    down.wrapping_add(i64::from(up))
}

/// `sum / count` to the nearest integer, ties away from zero. `count` is positive.
#[inline]
fn half_away(sum: i64, count: i64) -> i64 {
    let half = count.wrapping_shr(1);
    let away = if sum < 0 { sum.wrapping_sub(half) } else { sum.wrapping_add(half) };
    away.checked_div(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{half_away, half_even, pool, Mean, Windows};
    use crate::format::{Rounding, Window};
    use std::vec::Vec;

    const THREE: Window = Window { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], before: [1, 1], after: [1, 1] };
    const MEAN: Mean = Mean { zero_point: 0, rounding: Rounding::HalfEven, padded: false };

    fn all(window: Window, size: [u32; 2], pool: impl Fn(&Windows, [i32; 2], &mut [i32])) -> Vec<i32> {
        let windows = Windows::new(&window, size);
        let [rows, columns] = windows.output;
        let positions = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        let value = |(y, x)| {
            let mut out = [0];
            pool(&windows, windows.origin(y, x), &mut out);
            out[0]
        };
        positions.map(value).collect()
    }

    #[test]
    fn onnx_maxpool_with_padding_and_strides() {
        // ONNX's maxpool_2d_precomputed_pads: a 5×5 image of 1..=25, a window of 5×5.
        let image: Vec<i32> = (1..=25).collect();
        let window = Window { kernel: [5, 5], before: [2, 2], after: [2, 2], ..THREE };
        #[rustfmt::skip]
        assert_eq!(all(window, [5, 5], |windows, at, out| pool(None, windows, at, &image, out)), [
            13, 14, 15, 15, 15,
            18, 19, 20, 20, 20,
            23, 24, 25, 25, 25,
            23, 24, 25, 25, 25,
            23, 24, 25, 25, 25,
        ]);
        let strides = Window { kernel: [2, 2], stride: [2, 2], before: [0, 0], after: [0, 0], ..THREE };
        assert_eq!(all(strides, [5, 5], |windows, at, out| pool(None, windows, at, &image, out)), [7, 9, 17, 19]);
    }

    #[test]
    fn the_maximum_of_negative_values_is_not_the_paddings() {
        assert_eq!(all(THREE, [1, 2], |windows, at, out| pool(None, windows, at, &[-7, -9], out)), [-7, -7]);
    }

    #[test]
    fn onnx_averagepool_counts_padding_when_told() {
        // ONNX's averagepool_2d_precomputed_pads_count_include_pad: sums over 25, to the nearest.
        let image: Vec<i32> = (1..=25).collect();
        let window = Window { kernel: [5, 5], before: [2, 2], after: [2, 2], ..THREE };
        let padded = all(window, [5, 5], |windows, at, out| {
            pool(Some(Mean { padded: true, ..MEAN }), windows, at, &image, out);
        });
        // 2.52, 3.6, 4.8, 4.08, 3.24; 4.56, 6.4, 8.4, 7.04, 5.52; 7.2, 10, 13, 10.8, 8.4; …
        assert_eq!(padded[..15], [3, 4, 5, 4, 3, 5, 6, 8, 7, 6, 7, 10, 13, 11, 8]);
    }

    #[test]
    fn ties_go_to_even_real_values_or_away_from_zero() {
        let mean = |mean: Mean, image: &[i32; 2]| {
            let window = Window { kernel: [1, 2], before: [0, 0], after: [0, 0], ..THREE };
            all(window, [1, 2], |windows, at, out| pool(Some(mean), windows, at, image, out))[0]
        };
        let away = Mean { rounding: Rounding::TfliteDouble, ..MEAN };
        assert_eq!((mean(MEAN, &[2, 3]), mean(away, &[2, 3])), (2, 3));
        assert_eq!((mean(MEAN, &[-2, -3]), mean(away, &[-2, -3])), (-2, -3));
        // Less a zero point of 1 the mean is 1.5, to even 2.
        assert_eq!(mean(Mean { zero_point: 1, ..MEAN }, &[2, 3]), 3);
        assert_eq!(mean(Mean { zero_point: 1, ..away }, &[-2, -3]), -3);
    }

    #[test]
    fn means_are_the_nearest_integers() {
        for sum in -50..=50i64 {
            for count in 1..=9 {
                for mean in [half_even(sum, count), half_away(sum, count)] {
                    assert!((mean * count - sum).abs() * 2 <= count, "{sum} / {count}");
                }
            }
        }
    }

    #[test]
    fn the_largest_image_of_the_smallest_values_does_not_wrap() {
        let image = std::vec![-32_768; 65_536];
        let window = Window { kernel: [1, 65_535], before: [0, 0], after: [0, 0], ..THREE };
        let means = all(window, [1, 65_536], |windows, at, out| pool(Some(MEAN), windows, at, &image, out));
        assert_eq!(means, [-32_768, -32_768]);
    }
}

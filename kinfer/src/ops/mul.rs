//! ONNX Mul on quantised values.
//!
//! `out = clamp(zero_point_out + round((a − zero_a) · (b − zero_b) · multiplier / 2^shift), lo, hi)`. A second tensor of
//! one element multiplies every element of the first.

use super::divide::{Divide, Place};
use super::requantize::{scale, Factor};
use crate::format::Rounding;

/// The exact product of two operands of at most 16 bits: below 2^32 in magnitude.
#[inline]
pub fn product(a: i32, zero_a: i32, b: i32, zero_b: i32) -> i64 {
    let centred = |q: i32, zero: i32| i64::from(q).wrapping_sub(i64::from(zero));
    centred(a, zero_a).wrapping_mul(centred(b, zero_b))
}

/// Multiplies `a` by `b`, of as many elements or of one. The verifier has proved that every product, times the multiplier,
/// is below [`VALUE_LIMIT`](super::divide::VALUE_LIMIT), or fits TensorFlow Lite's 32 bits when that is the rounding.
#[inline]
pub fn mul(
    (zero_a, zero_b): (i32, i32),
    factor: Factor,
    rounding: Rounding,
    place: Place,
    a: &[i32],
    b: &[i32],
    output: &mut [i32],
) {
    // Of one element, or of each.
    let one = if let &[b] = b { Some(b) } else { None };
    let mut others = b.iter();
    let (multiplier, divide) = (i64::from(factor.multiplier), Divide::new(factor.shift, rounding));
    for (out, &a) in output.iter_mut().zip(a) {
        let Some(b) = one.or_else(|| others.next().copied()) else { return };
        let product = product(a, zero_a, b, zero_b);
        let scaled = match rounding {
            Rounding::TfliteDouble => scale(product, factor, rounding) as i64, // 32 bits
            _ => divide.of(product.wrapping_mul(multiplier)),
        };
        *out = place.of(scaled);
    }
}

#[cfg(test)]
mod tests {
    use super::{mul, product, Factor, Place, Rounding};

    const PLACE: Place = Place { zero_point: -5, lo: -128, hi: 127 };

    fn out(a: i32, b: i32, multiplier: i32, shift: u8, rounding: Rounding) -> i32 {
        let mut output = [0];
        mul((10, -20), Factor { multiplier, shift }, rounding, PLACE, &[a], &[b], &mut output);
        output[0]
    }

    #[test]
    fn multiplies_what_is_above_the_zero_points() {
        let out = |a, b, multiplier, shift| out(a, b, multiplier, shift, Rounding::HalfEven);
        assert_eq!(out(13, -16, 1, 0), 7); // 3 · 4
        assert_eq!(out(13, -24, 1, 3), -7); // −12 / 8 is a tie: −2
        assert_eq!(out(13, -16, 3, 3), -1); // 36 / 8 is a tie: 4
        assert_eq!(out(127, 127, 1, 0), 127);
        assert_eq!(out(10, 127, 1 << 30, 0), -5);
    }

    #[test]
    fn other_roundings_take_the_tie_elsewhere() {
        assert_eq!(out(13, -16, 3, 3, Rounding::TfliteSingle), 0); // 4.5 goes up
        assert_eq!(out(13, -16, 3 << 28, 31, Rounding::TfliteDouble), 0);
        assert_eq!(out(13, -16, 1, 3, Rounding::Shift), -4); // 12 / 8
    }

    #[test]
    fn one_element_multiplies_all() {
        let mut output = [0; 3];
        let one = Factor { multiplier: 1, shift: 0 };
        mul((0, 0), one, Rounding::HalfEven, PLACE, &[1, 2, -3], &[4], &mut output);
        assert_eq!(output, [-1, 3, -17]);
    }

    #[test]
    fn the_widest_product_is_below_2_to_the_32() {
        assert_eq!(product(i32::from(i16::MIN), 32_767, -32_768, 32_767), 65_535 * 65_535);
    }
}

//! Affine normalisation of a raw counter, folded with the quantisation of the input tensor.
//!
//! A graph's `(x − mean) / std` and the input's `x / scale + zero_point` are one affine map; the converter writes it as
//! `round((raw · multiplier + bias) / 2^shift)`. The product of any `i64` and the multiplier is exact, so a counter may be
//! anything. The private module `narrow` has the same in 64 bits, where that gives the same.

use super::saturate::saturate;
use crate::format::Rounding;

/// Largest shift of a step.
pub const MAX_SHIFT: u8 = 96;
/// Multipliers are below this in magnitude, so that the product with any `i64` stays below 2^125.
pub const MULTIPLIER_LIMIT: i64 = 1 << 62;
/// Biases are below this in magnitude, so that the sum stays below 2^126.
pub const BIAS_LIMIT: i128 = 1 << 125;

/// The step's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affine {
    /// Factor of the raw counter.
    pub multiplier: i64,
    /// Added before the shift.
    pub bias: i128,
    /// Binary point of both, at most [`MAX_SHIFT`].
    pub shift: u8,
    /// How the shift rounds: half-even, ties up (`tflite-single`), or down (`shift`).
    pub rounding: Rounding,
}

impl Affine {
    /// `raw · multiplier + bias`, exactly.
    #[inline]
    pub(super) fn sum(self, raw: i64) -> i128 {
        sum(raw, self.multiplier, self.bias)
    }

    /// The quantised input before it saturates; monotone in `raw`.
    #[inline]
    pub(super) fn round(self, raw: i64) -> i128 {
        divide(raw, self.multiplier, self.bias, self.shift, Direction::of(self.rounding))
    }
}

/// Where [`divide`] rounds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Direction(u8);

impl Direction {
    /// To the nearest integer, ties to the even one.
    pub(super) const EVEN: Self = Self(1);
    const UP: Self = Self(3);
    const DOWN: Self = Self(0);

    pub(super) const fn of(rounding: Rounding) -> Self {
        match rounding {
            Rounding::HalfEven | Rounding::TfliteDouble => Self::EVEN,
            Rounding::TfliteSingle => Self::UP,
            Rounding::Shift => Self::DOWN,
        }
    }

    /// Bit 0: not down. Bit 1: ties up.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    #[inline]
    pub(super) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

#[inline]
fn sum(raw: i64, multiplier: i64, bias: i128) -> i128 {
    i128::from(raw).wrapping_mul(i128::from(multiplier)).wrapping_add(bias)
}

/// `(raw · multiplier + bias) / 2^shift`, rounded; the sum is below 2^126 in magnitude. Without a branch.
///
/// All 128-bit arithmetic of the feature program, once.
#[inline(never)]
pub(super) fn divide(raw: i64, multiplier: i64, bias: i128, shift: u8, to: Direction) -> i128 {
    let (twice, shift) = (sum(raw, multiplier, bias).wrapping_shl(1), u32::from(shift));
    // With one bit behind the point: it says whether the rest is half a unit at least.
    let quotient = twice.wrapping_shr(shift);
    let (floor, half) = (quotient >> 1, quotient as u8);
    let more = u8::from(quotient.wrapping_shl(shift) != twice);
    let up = half & to.0 & (more | floor as u8 | to.0 >> 1) & 1;
    floor.wrapping_add(i128::from(up))
}

/// The quantised input, in `lo..=hi`; monotone in `raw`.
#[inline]
pub fn quantize(raw: i64, affine: Affine, lo: i32, hi: i32) -> i32 {
    saturate(affine.round(raw)).max(i64::from(lo)).min(i64::from(hi)) as i32 // inside lo..=hi
}

#[cfg(test)]
mod tests {
    use super::{quantize, Affine, BIAS_LIMIT, MULTIPLIER_LIMIT};
    use crate::format::Rounding;
    use std::vec::Vec;

    fn affine(multiplier: i64, bias: i128, shift: u8) -> Affine {
        Affine { multiplier, bias, shift, rounding: Rounding::HalfEven }
    }

    #[test]
    fn quantises_and_saturates() {
        // q = raw / 4 − 2
        let affine = affine(1, -8, 2);
        let q: Vec<i32> = [0, 4, 8, 10, 14, 4_000, -4_000].map(|raw| quantize(raw, affine, -128, 127)).into();
        assert_eq!(q, [-2, -1, 0, 0, 2, 127, -128]);
    }

    #[test]
    fn ties_go_where_the_rounding_says() {
        let at = |rounding| {
            let affine = Affine { rounding, ..affine(1, 0, 1) };
            (-3..=3).map(|raw| quantize(raw, affine, -128, 127)).collect::<Vec<_>>()
        };
        assert_eq!(at(Rounding::HalfEven), [-2, -1, 0, 0, 0, 1, 2]);
        assert_eq!(at(Rounding::TfliteSingle), [-1, -1, 0, 0, 1, 1, 2]);
        assert_eq!(at(Rounding::Shift), [-2, -1, -1, 0, 0, 1, 1]);
    }

    #[test]
    fn the_widest_counter_multiplier_and_bias_do_not_wrap() {
        let affine = affine(MULTIPLIER_LIMIT - 1, BIAS_LIMIT - 1, 0);
        assert_eq!(quantize(i64::MAX, affine, -128, 127), 127);
        let affine = Affine { bias: 1 - BIAS_LIMIT, ..affine };
        assert_eq!(quantize(i64::MIN, affine, -128, 127), -128);
    }
}

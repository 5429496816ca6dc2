//! Requantisation: accumulator → activation.
//!
//! `out = clamp(zero_point + round(acc · multiplier / 2^shift), lo, hi)` with a 31-bit multiplier, as in Jacob et al.,
//! "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (2018), section 2.2.

use super::round::shift_right;
use crate::format::Rounding;

/// Largest shift of a requantisation.
pub const MAX_SHIFT: u8 = 94;

/// Factor `multiplier / 2^shift` of one channel; `multiplier` is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Mantissa.
    pub multiplier: i32,
    /// Binary point, at most [`MAX_SHIFT`].
    pub shift: u8,
}

/// What all channels of an operator share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Quantised value of real zero.
    pub zero_point: i32,
    /// Smallest result.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
    /// How the division rounds.
    pub rounding: Rounding,
}

/// One requantised channel: in `lo..=hi`, and not decreasing in `acc`.
#[inline]
pub fn requantize(acc: i64, factor: Factor, output: Output) -> i32 {
    let product = i128::from(acc).wrapping_mul(i128::from(factor.multiplier)); // 63 + 31 bits
    let shifted = shift_right(product, factor.shift, output.rounding);
    let value = shifted.wrapping_add(i128::from(output.zero_point));
    let clamped = value.max(i128::from(output.lo)).min(i128::from(output.hi));
    clamped as i32 // inside lo..=hi, which are i32
}

#[cfg(test)]
mod tests {
    use super::{requantize, Factor, Output};
    use crate::format::Rounding;

    const OUTPUT: Output = Output { zero_point: -128, lo: -128, hi: 127, rounding: Rounding::HalfEven };

    #[test]
    fn rounds_adds_the_zero_point_and_saturates() {
        let half = Factor { multiplier: 1 << 30, shift: 31 };
        assert_eq!(requantize(0, half, OUTPUT), -128);
        assert_eq!(requantize(5, half, OUTPUT), -126); // 2.5 is a tie: 2
        assert_eq!(requantize(7, half, OUTPUT), -124); // 3.5 is a tie: 4
        assert_eq!(requantize(1_000, half, OUTPUT), 127);
        assert_eq!(requantize(-1_000, half, OUTPUT), -128);
    }

    #[test]
    fn the_widest_accumulator_and_multiplier_do_not_wrap() {
        let factor = Factor { multiplier: i32::MAX, shift: 0 };
        let output = Output { zero_point: 0, lo: i32::MIN, hi: i32::MAX, rounding: Rounding::HalfEven };
        assert_eq!(requantize(i64::MAX, factor, output), i32::MAX);
        assert_eq!(requantize(i64::MIN, factor, output), i32::MIN);
    }
}

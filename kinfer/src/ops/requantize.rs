//! Requantisation: accumulator → activation.
//!
//! `out = clamp(zero_point + round(acc · multiplier / 2^shift), lo, hi)` with a 31-bit multiplier, as in Jacob et al.,
//! "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (2018), section 2.2.

use super::round::{half_away, half_even, half_up};
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
#[inline(never)] // 128 bits take much code
pub fn requantize(acc: i64, factor: Factor, output: Output) -> i32 {
    let scaled = scale(acc, factor, output.rounding);
    let value = scaled.wrapping_add(i128::from(output.zero_point));
    let clamped = value.max(i128::from(output.lo)).min(i128::from(output.hi));
    clamped as i32 // inside lo..=hi, which are i32
}

/// `acc · multiplier / 2^shift`, rounded as told.
#[inline(never)]
pub fn scale(acc: i64, factor: Factor, rounding: Rounding) -> i128 {
    let Factor { multiplier, shift } = factor;
    let product = i128::from(acc).wrapping_mul(i128::from(multiplier)); // 63 + 31 bits
    match rounding {
        Rounding::HalfEven => half_even(product, shift),
        Rounding::TfliteSingle => half_up(product, shift),
        Rounding::TfliteDouble => tflite_double(acc, factor),
        Rounding::Shift => i128::from(acc).wrapping_shr(u32::from(shift)),
    }
}

/// TensorFlow Lite's `MultiplyByQuantizedMultiplier` without `TFLITE_SINGLE_ROUNDING`
/// (`tensorflow/lite/kernels/internal/common.cc`): a saturating doubling high multiply of 32 bits, then a division by
/// what is left of the power of two. The verifier has proved that `acc`, shifted to the left, is an `i32`.
fn tflite_double(acc: i64, Factor { multiplier, shift }: Factor) -> i128 {
    let left = 31u32.saturating_sub(u32::from(shift));
    let right = shift.saturating_sub(31);
    let product = i128::from(acc).wrapping_shl(left).wrapping_mul(i128::from(multiplier));
    // The doubling high multiply adds half a unit away from zero, less one below it, and cuts towards it: ties go up.
    let high = half_up(product, 31);
    half_away(high, right)
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

    /// gemmlowp's `SaturatingRoundingDoublingHighMul` and `RoundingDivideByPOT`, as they are written there.
    fn gemmlowp(acc: i32, multiplier: i32, shift: u8) -> i32 {
        let (left, right) = if shift < 31 { (31 - shift, 0) } else { (0, shift - 31) };
        let product = i64::from(acc << left) * i64::from(multiplier);
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        let high = ((product + nudge) / (1i64 << 31)) as i32;
        let mask = ((1i64 << right) - 1) as i32;
        let threshold = (mask >> 1) + i32::from(high < 0);
        (high >> right) + i32::from(high & mask > threshold)
    }

    #[test]
    fn double_rounding_is_gemmlowps() {
        let mut random = 1u64;
        for round in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let acc = ((random >> 40) as i32 - (1 << 23)) >> 3;
            let multiplier = ((random >> 20) as i32 & 0x3fff_ffff) | 1 << 30;
            let shift = 26 + round % 30;
            // Every third product is a tie of the high multiply, or near one.
            let (acc, multiplier) = if round % 3 == 0 { (acc % 64 * 2 + 1, 1 << 30) } else { (acc, multiplier) };
            let factor = Factor { multiplier, shift: shift as u8 };
            let ours = super::scale(i64::from(acc), factor, Rounding::TfliteDouble);
            assert_eq!(ours, i128::from(gemmlowp(acc, multiplier, shift as u8)), "{acc} {multiplier} {shift}");
        }
    }

    #[test]
    fn a_power_of_two_rounds_down() {
        let output = Output { rounding: Rounding::Shift, ..OUTPUT };
        let eighth = Factor { multiplier: 1, shift: 3 };
        let q: std::vec::Vec<i32> = [-9, -8, -1, 0, 7, 8].map(|acc| requantize(acc, eighth, output)).into();
        assert_eq!(q, [-128, -128, -128, -128, -128, -127]);
    }

    #[test]
    fn the_widest_accumulator_and_multiplier_do_not_wrap() {
        let factor = Factor { multiplier: i32::MAX, shift: 0 };
        let output = Output { zero_point: 0, lo: i32::MIN, hi: i32::MAX, rounding: Rounding::HalfEven };
        assert_eq!(requantize(i64::MAX, factor, output), i32::MAX);
        assert_eq!(requantize(i64::MIN, factor, output), i32::MIN);
    }
}

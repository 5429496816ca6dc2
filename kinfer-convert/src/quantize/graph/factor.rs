//! Real factors as integer mantissa and shift.

use fixed::types::U32F96;

/// Largest shift of the feature program, and of a requantisation (`docs/kinf-format.md`).
pub(super) use kinfer::features::affine::MAX_SHIFT as MAX_STEP_SHIFT;
use kinfer::ops::requantize::MAX_SHIFT as MAX_FACTOR_SHIFT;

/// `factor` as `multiplier / 2^shift` with 31 bits of multiplier; nothing where it is too large. One that is too small
/// becomes zero: then no accumulator can reach the output.
pub(super) fn requantize(factor: f64) -> Option<(i32, u8)> {
    let (multiplier, shift) = mantissa(factor, 31, i32::from(MAX_FACTOR_SHIFT))?;
    Some((i32::try_from(multiplier).ok()?, shift))
}

/// `factor` as `multiplier / 2^shift` with up to 53 bits of multiplier: with so few that the shift is at most `narrow`, if
/// 25 are left.
pub(super) fn step(factor: f64, narrow: u8) -> Option<(i64, u8)> {
    let short = mantissa(factor, 53, i32::from(narrow.min(MAX_STEP_SHIFT)))?;
    if short.0.unsigned_abs() >= 1 << 24 { Some(short) } else { mantissa(factor, 53, i32::from(MAX_STEP_SHIFT)) }
}

/// A scale as the file holds it; one that does not fit becomes the nearest that does.
pub(super) fn scale(scale: f64) -> U32F96 {
    let bits = (scale * 96f64.exp2()) as u128; // saturates
    U32F96::from_bits(bits.max(1))
}

/// The real value of a tensor's scale.
pub(super) fn real(scale: U32F96) -> f64 {
    scale.to_bits() as f64 / 96f64.exp2()
}

/// `factor`, not negative, as `multiplier / 2^shift` for an operator from element to element: `bits` of multiplier, at most
/// 31, and a shift of at most 62.
pub(super) fn elementwise(factor: f64, bits: i32) -> Option<(i32, u8)> {
    let (multiplier, shift) = mantissa(factor, bits, i32::from(kinfer::ops::divide::MAX_SHIFT))?;
    Some((i32::try_from(multiplier).ok()?, shift))
}

/// The smallest power of two that is not below `reach / 2^bits`, as a scale.
pub(super) fn power_above(reach: f64, bits: i32) -> f64 {
    (reach.log2().ceil() - f64::from(bits)).exp2()
}

fn mantissa(factor: f64, bits: i32, most: i32) -> Option<(i64, u8)> {
    if factor == 0.0 {
        return Some((0, 0));
    }
    // 2^exponent <= |factor| < 2^(exponent + 1)
    let exponent = factor.abs().log2().floor() as i32;
    let shift = (bits - 1 - exponent).min(most);
    let multiplier = (factor * f64::from(shift).exp2()).round_ties_even();
    // Rounding up may carry into one bit more.
    let (multiplier, shift) =
        if multiplier.abs() >= f64::from(bits).exp2() { (multiplier / 2.0, shift - 1) } else { (multiplier, shift) };
    let fits = shift >= 0 && multiplier.is_finite();
    fits.then_some((multiplier as i64, shift as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mantissas_have_all_their_bits() {
        assert_eq!(requantize(1.0), Some((1 << 30, 30)));
        assert_eq!(requantize(0.75), Some((3 << 29, 31)));
        assert_eq!(requantize(2f64.powi(30)), Some((1 << 30, 0)));
        assert_eq!(step(-0.5, 96), Some((-(1 << 52), 53)));
        assert_eq!(step(-0.5, 46), Some((-(1 << 45), 46)));
        assert_eq!(step(2f64.powi(-22), 46), Some((1 << 24, 46)));
        assert_eq!(step(2f64.powi(-23), 46), Some((1 << 52, 75)), "24 bits would be too few");
        // the largest mantissa below a power of two carries
        assert_eq!(requantize(1.0 - 2f64.powi(-40)), Some((1 << 30, 30)));
    }

    #[test]
    fn what_does_not_fit_is_nothing_and_what_vanishes_is_zero() {
        assert_eq!(requantize(2f64.powi(31)), None);
        assert_eq!(requantize(2f64.powi(-64)), Some((1 << 30, 94)));
        assert_eq!(requantize(2f64.powi(-70)), Some((1 << 24, 94)));
        assert_eq!(requantize(2f64.powi(-100)), Some((0, 94)));
        assert_eq!(requantize(f64::NAN), None);
    }

    #[test]
    fn scales_saturate() {
        assert_eq!((scale(0.0), scale(1.0), scale(1e30)), (U32F96::from_bits(1), U32F96::ONE, U32F96::MAX));
    }
}

//! Real factors as the engine's integers.
//!
//! ONNX Runtime forms the factor of a requantisation in `f32`; its mantissa of 24 bits fits the engine's 31, so that the
//! factor is kept to the last bit.

use fixed::types::U32F96;
use kinfer::ops::requantize;

/// Largest shift of rescale, add and mul.
const MAX_SHIFT: i32 = kinfer::ops::divide::MAX_SHIFT as i32;

/// A positive `factor` as `multiplier / 2^shift`, the shift at most `most`: exact unless that is too little for it. `None`
/// where it is 2^31 or more, or no number.
fn split(factor: f64, most: i32) -> Option<(i32, u8)> {
    if factor == 0.0 {
        return Some((0, 0));
    }
    if !factor.is_finite() || factor < 0.0 {
        return None;
    }
    // 2^30 <= multiplier < 2^31, unless the shift ends first.
    let mut shift = (30 - exponent(factor)).min(most);
    let mut multiplier = (factor * f64::from(shift).exp2()).round_ties_even();
    if multiplier >= 31f64.exp2() {
        (multiplier, shift) = (multiplier / 2.0, shift - 1);
    }
    let shift = u8::try_from(shift).ok()?;
    Some((multiplier as i32, shift))
}

/// The largest `e` with `2^e <= x`, for positive normal numbers.
fn exponent(x: f64) -> i32 {
    ((x.to_bits() >> 52) as i32 & 2047) - 1023
}

/// Factor of a dense layer's or convolution's accumulator.
pub(super) fn of_accumulator(factor: f64) -> Option<(i32, u8)> {
    split(factor, requantize::MAX_SHIFT.into())
}

/// Factor of a rescale or a mul.
pub(super) fn of_value(factor: f64) -> Option<(i32, u8)> {
    split(factor, MAX_SHIFT)
}

/// Two factors of one shift, for an add; the finer one loses bits where they are more than 2^7 apart.
pub(super) fn of_sum(a: f64, b: f64) -> Option<(i32, i32, u8)> {
    // A sum of 16-bit values and 31-bit multipliers stays far inside 2^62.
    let (_, shift) = split(a.abs().max(b.abs()), MAX_SHIFT)?;
    let at = |factor: f64| (factor * f64::from(shift).exp2()).round_ties_even() as i32;
    Some((at(a), at(b), shift))
}

/// A scale as the file holds it; one that does not fit becomes the nearest that does.
pub(super) fn scale(scale: f64) -> U32F96 {
    let bits = (scale * 96f64.exp2()) as u128; // saturates
    U32F96::from_bits(bits.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_factor_is_kept_to_the_last_bit() {
        let mut bits = 0x3a83_126fu32; // 0.001
        for _ in 0..1000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let factor = f64::from(f32::from_bits(bits & 0x03ff_ffff | 0x3800_0000)); // 2^-15 to 2^-7
            let (multiplier, shift) = of_accumulator(factor).unwrap();
            assert_eq!(f64::from(multiplier) / f64::from(shift).exp2(), factor);
            assert!(multiplier >= 1 << 30);
            assert_eq!(of_value(factor), Some((multiplier, shift)));
        }
    }

    #[test]
    fn what_does_not_fit_is_nothing() {
        assert_eq!(of_accumulator(1.0), Some((1 << 30, 30)));
        assert_eq!(of_accumulator(2f64.powi(-100)), Some((0, 94)));
        assert_eq!(of_accumulator(0.0), Some((0, 0)));
        assert_eq!((of_value(2f64.powi(31)), of_value(f64::NAN), of_value(-1.0)), (None, None, None));
        assert_eq!(of_sum(1.0, -0.5), Some((1 << 30, -(1 << 29), 30)));
    }
}

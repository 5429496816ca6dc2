//! Affine normalisation of a raw counter, folded with the quantisation of the input tensor.
//!
//! A graph's `(x − mean) / std` and the input's `x / scale + zero_point` are one affine map; the converter writes it as
//! `round((raw · multiplier + bias) / 2^shift)`. The product of any `i64` and the multiplier is exact, so a counter may be
//! anything.

use crate::ops::round::half_even;

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
}

/// The quantised input, in `lo..=hi`; monotone in `raw`.
#[inline]
pub fn quantize(raw: i64, affine: Affine, lo: i32, hi: i32) -> i32 {
    let product = i128::from(raw).wrapping_mul(i128::from(affine.multiplier));
    let value = half_even(product.wrapping_add(affine.bias), affine.shift);
    value.max(i128::from(lo)).min(i128::from(hi)) as i32 // inside lo..=hi
}

#[cfg(test)]
mod tests {
    use super::{quantize, Affine, BIAS_LIMIT, MULTIPLIER_LIMIT};

    #[test]
    fn quantises_and_saturates() {
        // q = raw / 4 − 2
        let affine = Affine { multiplier: 1, bias: -8, shift: 2 };
        let q: std::vec::Vec<i32> = [0, 4, 8, 10, 14, 4_000, -4_000].map(|raw| quantize(raw, affine, -128, 127)).into();
        assert_eq!(q, [-2, -1, 0, 0, 2, 127, -128]);
    }

    #[test]
    fn the_widest_counter_multiplier_and_bias_do_not_wrap() {
        let affine = Affine { multiplier: MULTIPLIER_LIMIT - 1, bias: BIAS_LIMIT - 1, shift: 0 };
        assert_eq!(quantize(i64::MAX, affine, -128, 127), 127);
        let affine = Affine { bias: 1 - BIAS_LIMIT, ..affine };
        assert_eq!(quantize(i64::MIN, affine, -128, 127), -128);
    }
}

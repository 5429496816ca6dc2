//! Another scale and zero point, with a slope on each side of the zero point: a change of type (ONNX DequantizeLinear →
//! QuantizeLinear), LeakyRelu, PRelu with one slope, Relu.
//!
//! `out = clamp(zero_point_out + round((q − zero_point_in) · multiplier / 2^shift), lo, hi)`, where multiplier and shift
//! are those of `above` for `q ≥ zero_point_in` and those of `below` for the rest. Neither multiplier is negative, so that
//! the result does not decrease in `q`: both slopes meet in zero.

use super::divide::{Divide, Place, VALUE_LIMIT};
use super::requantize::{scale, Factor};
use crate::format::Rounding;

/// Both slopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slopes {
    /// At the zero point and above it.
    pub above: Factor,
    /// Below it.
    pub below: Factor,
}

/// One element, for any input: 128 bits where 64 do not do.
#[inline(never)]
pub fn rescale(q: i32, zero_in: i32, slopes: Slopes, rounding: Rounding, place: Place) -> i32 {
    let centred = i64::from(q).wrapping_sub(i64::from(zero_in));
    let factor = if centred < 0 { slopes.below } else { slopes.above };
    let scaled = match rounding {
        Rounding::Shift => {
            let product = i128::from(centred).wrapping_mul(i128::from(factor.multiplier));
            product.wrapping_shr(u32::from(factor.shift))
        }
        _ => scale(centred, factor, rounding),
    };
    let limit = i128::from(VALUE_LIMIT); // far outside what is left of it
    place.of(scaled.max(limit.wrapping_neg()).min(limit) as i64)
}

/// One element whose products are proved to be below [`VALUE_LIMIT`], under a rounding other
/// than [`Rounding::TfliteDouble`]: the same bits. `above` and `below` are multiplier and division of each slope.
#[inline]
pub fn rescale_narrow(q: i32, zero_in: i32, above: (i32, Divide), below: (i32, Divide), place: Place) -> i32 {
    let centred = i64::from(q).wrapping_sub(i64::from(zero_in));
    let sign = centred >> 63;
    // Zero makes zero, so the side that the input is not on adds nothing: no branch on the sign.
    let side =
        |centred: i64, (multiplier, divide): (i32, Divide)| divide.of(centred.wrapping_mul(i64::from(multiplier)));
    place.of(side(centred & !sign, above).wrapping_add(side(centred & sign, below)))
}

#[cfg(test)]
mod tests {
    use super::{rescale, rescale_narrow, Divide, Factor, Place, Rounding, Slopes};

    const PLACE: Place = Place { zero_point: 3, lo: -128, hi: 127 };

    #[test]
    fn each_side_of_the_zero_point_has_its_own_slope() {
        // 2 above, 1/8 below.
        let slopes = Slopes { above: Factor { multiplier: 2, shift: 0 }, below: Factor { multiplier: 1, shift: 3 } };
        let out = [-30, 9, 10, 11, 90].map(|q| rescale(q, 10, slopes, Rounding::HalfEven, PLACE));
        assert_eq!(out, [3 - 5, 3, 3, 5, 127]);
        // −1 / 8 goes to 0 there, and down here.
        assert_eq!(rescale(9, 10, slopes, Rounding::Shift, PLACE), 2);
    }

    #[test]
    fn a_slope_of_zero_below_is_a_relu() {
        let slopes = Slopes { above: Factor { multiplier: 1, shift: 0 }, below: Factor { multiplier: 0, shift: 0 } };
        let out = [-128, -1, 0, 1, 100].map(|q| rescale(q, 0, slopes, Rounding::HalfEven, PLACE));
        assert_eq!(out, [3, 3, 3, 4, 103]);
    }

    #[test]
    fn the_widest_scores_do_not_wrap() {
        let factor = Factor { multiplier: i32::MAX, shift: 0 };
        let slopes = Slopes { above: factor, below: factor };
        let place = Place { zero_point: 0, lo: i32::MIN, hi: i32::MAX };
        assert_eq!(rescale(i32::MAX, i32::MIN, slopes, Rounding::HalfEven, place), i32::MAX);
        assert_eq!(rescale(i32::MIN, i32::MAX, slopes, Rounding::HalfEven, place), i32::MIN);
    }

    #[test]
    fn the_narrow_form_has_the_same_bits() {
        let slopes = Slopes {
            above: Factor { multiplier: 1_234_567_891, shift: 31 },
            below: Factor { multiplier: 5, shift: 4 },
        };
        let place = Place { zero_point: -7, lo: -32_768, hi: 32_767 };
        for rounding in [Rounding::HalfEven, Rounding::TfliteSingle, Rounding::Shift] {
            let side = |factor: Factor| (factor.multiplier, Divide::new(factor.shift, rounding));
            for q in -32_768..=32_767 {
                let narrow = rescale_narrow(q, 99, side(slopes.above), side(slopes.below), place);
                assert_eq!(narrow, rescale(q, 99, slopes, rounding, place), "{q}");
            }
        }
    }
}

//! Division by a power of two in 64 bits: what [`super::round`] does in 128, for values that are proved to be small.

use crate::format::Rounding;

/// Largest shift of a [`Divide`].
pub const MAX_SHIFT: u8 = 62;
/// Values are below this in magnitude, so that what is added to round them does not wrap.
pub const VALUE_LIMIT: i64 = 1 << 62;

/// `value / 2^shift` with a rounding, without a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divide {
    /// What is added: half of the divisor, less one where ties go to the even quotient.
    half: i64,
    /// One where an odd quotient gets the one back.
    odd: i64,
    shift: u32,
}

impl Divide {
    /// By `2^shift`, at most [`MAX_SHIFT`]. [`Rounding::TfliteDouble`] is not a rounding of one quotient, and is taken as
    /// [`Rounding::TfliteSingle`]: its users ask [`super::requantize::scale`].
    #[inline]
    pub fn new(shift: u8, rounding: Rounding) -> Self {
        let shift = u32::from(shift);
        let half = 1i64.wrapping_shl(shift) >> 1;
        match rounding {
            Rounding::HalfEven => {
                let odd = i64::from(shift != 0);
                Self { half: half.wrapping_sub(odd), odd, shift }
            }
            Rounding::TfliteSingle | Rounding::TfliteDouble => Self { half, odd: 0, shift },
            Rounding::Shift => Self { half: 0, odd: 0, shift },
        }
    }

    /// The rounded quotient of a value below [`VALUE_LIMIT`] in magnitude. It does not decrease in `value`.
    #[inline]
    pub fn of(self, value: i64) -> i64 {
        let odd = value.wrapping_shr(self.shift) & self.odd;
        value.wrapping_add(self.half).wrapping_add(odd).wrapping_shr(self.shift)
    }
}

/// What a rounded quotient becomes: the zero point is added, then the sum saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Quantised value of real zero.
    pub zero_point: i32,
    /// Smallest result.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Place {
    /// `clamp(zero_point + units, lo, hi)`.
    #[inline]
    pub fn of(self, units: i64) -> i32 {
        clamp(units.wrapping_add(i64::from(self.zero_point)), self.lo, self.hi)
    }
}

/// `value`, at most 2^63 − 2^32 in magnitude, clamped to `lo..=hi`; `lo` is not above `hi`. From sign masks: of `max` and
/// `min` in a loop the compiler makes branches, which values that saturate now and then mispredict.
#[inline]
pub fn clamp(value: i64, lo: i32, hi: i32) -> i32 {
    let (lo, hi) = (i64::from(lo), i64::from(hi));
    let not_negative = |value: i64| value & !(value >> 63);
    let above = not_negative(value.wrapping_sub(lo));
    hi.wrapping_sub(not_negative(hi.wrapping_sub(lo).wrapping_sub(above))) as i32
    // inside lo..=hi
}

#[cfg(test)]
mod tests {
    use super::{clamp, Divide, Place, MAX_SHIFT, VALUE_LIMIT};
    use crate::format::Rounding;
    use crate::ops::round::{half_even, half_up};

    #[test]
    fn equals_the_division_in_128_bits() {
        let mut random = 1i64;
        for round in 0..200_000u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let shift = (round % (u32::from(MAX_SHIFT) + 1)) as u8;
            // Every other value is a tie or next to one.
            let near =
                (random >> 40).wrapping_shl(u32::from(shift)) + ((1i64 << shift) >> 1) + i64::from(round % 3) - 1;
            let value = if round % 2 == 0 { random >> (1 + round % 60) } else { near };
            let value = value.clamp(1 - VALUE_LIMIT, VALUE_LIMIT - 1);
            let of = |rounding| i128::from(Divide::new(shift, rounding).of(value));
            assert_eq!(of(Rounding::HalfEven), half_even(value.into(), shift), "{value} {shift}");
            assert_eq!(of(Rounding::TfliteSingle), half_up(value.into(), shift), "{value} {shift}");
            assert_eq!(of(Rounding::Shift), i128::from(value) >> shift, "{value} {shift}");
        }
    }

    #[test]
    fn the_largest_values_do_not_wrap() {
        for rounding in [Rounding::HalfEven, Rounding::TfliteSingle, Rounding::Shift] {
            assert_eq!(Divide::new(0, rounding).of(VALUE_LIMIT - 1), VALUE_LIMIT - 1);
            assert_eq!(Divide::new(0, rounding).of(1 - VALUE_LIMIT), 1 - VALUE_LIMIT);
            assert!(Divide::new(MAX_SHIFT, rounding).of(VALUE_LIMIT - 1) <= 1);
            assert!(Divide::new(MAX_SHIFT, rounding).of(1 - VALUE_LIMIT) >= -1);
        }
    }

    #[test]
    fn a_clamp_by_masks_is_a_clamp() {
        let ends = [
            i64::MIN + (1 << 32),
            -VALUE_LIMIT,
            -129,
            -128,
            -127,
            -1,
            0,
            1,
            126,
            127,
            128,
            VALUE_LIMIT,
            i64::MAX - (1 << 32),
        ];
        for value in ends {
            for (lo, hi) in [(-128, 127), (0, 0), (i32::MIN, i32::MAX), (-5, -5), (i32::MAX, i32::MAX)] {
                assert_eq!(i64::from(clamp(value, lo, hi)), value.clamp(lo.into(), hi.into()), "{value} {lo} {hi}");
            }
        }
    }

    #[test]
    fn a_result_saturates_after_the_zero_point() {
        let place = Place { zero_point: -128, lo: -100, hi: 127 };
        assert_eq!([-5, 28, 30, 255, 400, VALUE_LIMIT].map(|units| place.of(units)), [-100, -100, -98, 127, 127, 127]);
    }
}

//! Division by a power of two with a stated rounding.

/// Largest shift that [`half_even`] is defined for.
pub const MAX_SHIFT: u8 = 126;

/// `value / 2^shift` to the nearest integer, ties to the even one: the correctly rounded quotient (ONNX QuantizeLinear).
/// `value` must be below 2^126 in magnitude and `shift` at most [`MAX_SHIFT`]; the verifier sees to both.
#[inline]
pub fn half_even(value: i128, shift: u8) -> i128 {
    if shift == 0 {
        return value;
    }
    // Adding half rounds ties up; adding half minus one to an even quotient rounds its tie down.
    let half = 1i128.wrapping_shl(u32::from(shift).wrapping_sub(1));
    let odd = value.wrapping_shr(u32::from(shift)) & 1;
    value.wrapping_add(half).wrapping_sub(1).wrapping_add(odd).wrapping_shr(u32::from(shift))
}

/// `value / 2^shift` to the nearest integer, ties up. Bounds are those of [`half_even`].
#[inline]
pub fn half_up(value: i128, shift: u8) -> i128 {
    if shift == 0 {
        return value;
    }
    let half = 1i128.wrapping_shl(u32::from(shift).wrapping_sub(1));
    value.wrapping_add(half).wrapping_shr(u32::from(shift))
}

/// `value / 2^shift` to the nearest integer, ties away from zero (gemmlowp's `RoundingDivideByPOT`). Bounds are those of
/// [`half_even`].
#[inline]
pub fn half_away(value: i128, shift: u8) -> i128 {
    // A tie below zero goes down: what is just short of half a unit less rounds it so.
    half_up(value.wrapping_sub(i128::from(value < 0 && shift > 0)), shift)
}

#[cfg(test)]
mod tests {
    use super::{half_away, half_even, half_up};
    use std::vec::Vec;

    #[test]
    fn ties_go_where_the_rule_says_on_both_sides_of_zero() {
        let halves = |round: fn(i128, u8) -> i128| (-5..=5).map(|v| round(v, 1)).collect::<Vec<_>>();
        assert_eq!(halves(half_even), [-2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2]);
        assert_eq!(halves(half_up), [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3]);
        assert_eq!(halves(half_away), [-3, -2, -2, -1, -1, 0, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn what_is_not_a_tie_goes_to_the_nearest() {
        for round in [half_even, half_up, half_away] {
            for (value, nearest) in [(-7, -2), (-5, -1), (-3, -1), (-1, 0), (0, 0), (1, 0), (3, 1), (5, 1), (7, 2)] {
                assert_eq!(round(value, 2), nearest, "{value} / 4");
            }
        }
    }

    #[test]
    fn a_shift_of_zero_changes_nothing_and_a_large_one_leaves_zero() {
        for round in [half_even, half_up, half_away] {
            assert_eq!(round(i128::MAX >> 1, 0), i128::MAX >> 1);
            assert_eq!(round(-3, 0), -3);
            assert_eq!(round(12_345, 126), 0);
            assert_eq!(round(-12_345, 126), 0);
        }
    }
}

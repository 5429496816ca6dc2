//! Division by a power of two with a stated rounding.

use crate::format::Rounding;

/// Largest shift that [`shift_right`] is defined for.
pub const MAX_SHIFT: u8 = 126;

/// `value / 2^shift`, rounded as told. `value` must be below 2^126 in magnitude and `shift` at most [`MAX_SHIFT`]; the
/// verifier sees to both.
#[inline]
pub fn shift_right(value: i128, shift: u8, rounding: Rounding) -> i128 {
    match rounding {
        Rounding::HalfEven => half_even(value, shift),
    }
}

/// To the nearest integer, ties to the even one.
#[inline]
fn half_even(value: i128, shift: u8) -> i128 {
    if shift == 0 {
        return value;
    }
    // Adding half rounds ties up; adding half minus one to an even quotient rounds its tie down.
    let half = 1i128.wrapping_shl(u32::from(shift).wrapping_sub(1));
    let odd = value.wrapping_shr(u32::from(shift)) & 1;
    value.wrapping_add(half).wrapping_sub(1).wrapping_add(odd).wrapping_shr(u32::from(shift))
}

#[cfg(test)]
mod tests {
    use super::shift_right;
    use crate::format::Rounding::HalfEven;

    #[test]
    fn ties_go_to_the_even_neighbour_on_both_sides_of_zero() {
        let halves: std::vec::Vec<i128> = (-5..=5).map(|v| shift_right(v, 1, HalfEven)).collect();
        assert_eq!(halves, [-2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn what_is_not_a_tie_goes_to_the_nearest() {
        let quarters: std::vec::Vec<i128> = (-6..=6).map(|v| shift_right(v, 2, HalfEven)).collect();
        assert_eq!(quarters, [-2, -1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1, 2]);
    }

    #[test]
    fn a_shift_of_zero_changes_nothing_and_a_large_one_leaves_zero() {
        assert_eq!(shift_right(i128::MAX >> 1, 0, HalfEven), i128::MAX >> 1);
        assert_eq!(shift_right(12_345, 126, HalfEven), 0);
        assert_eq!(shift_right(-12_345, 126, HalfEven), 0);
    }
}

//! ONNX Softmax on quantised values, over rows of a tensor.
//!
//! With `d = max(row) − q`, which is never negative, and `e(d) = exp(−scale_in · d)` from a table, in units of 2^−30,
//!
//! `out = saturate(zero_point_out + floor((2 · e(d) · units + sum) / (2 · sum)))`,
//!
//! where `sum` is that of `e` over the row and `units` the reciprocal of the output's scale: the exact quotient rounded
//! to the nearest, ties up. The largest element has `d = 0`, so that the sum is not zero.
//!
//! An int8 input has a table of 256 entries. An int16 input has two: `e(d) = (coarse[d / 256] · fine[d mod 256] + 2^29) /
//! 2^30`, rounded down. Entries are at most 2^30, which is one.

use core::num::NonZero;

use super::divide::Place;

/// One, in units of an entry.
pub const ONE: i32 = 1 << 30;
/// Entries of a table.
pub const ENTRIES: usize = 256;

/// `e(d)` of an int16 input, from its two entries.
#[inline]
pub fn product(coarse: i32, fine: i32) -> i32 {
    let exact = i64::from(coarse).wrapping_mul(i64::from(fine));
    exact.wrapping_add(1 << 29).wrapping_shr(30) as i32 // at most 2^30
}

/// One row: `exp` is `e(d)`. The outputs hold `e` while the sum is not known.
#[inline]
pub fn row(input: &[i32], exp: impl Fn(u32) -> i32, units: u32, place: Place, output: &mut [i32]) {
    let max = input.iter().copied().fold(i32::MIN, i32::max);
    let mut sum = 0u64;
    for (out, &q) in output.iter_mut().zip(input) {
        *out = exp(max.wrapping_sub(q) as u32);
        sum = sum.wrapping_add(u64::from(*out as u32));
    }
    // The verifier has proved that the first entry is not zero.
    let Some(twice) = NonZero::new(sum.wrapping_mul(2)) else { return };
    for out in output {
        let share = u64::from(*out as u32).wrapping_mul(u64::from(units)).wrapping_mul(2); // below 2^62
        *out = place.of((share.wrapping_add(sum) / twice) as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::{product, row, Place, ONE};

    const PLACE: Place = Place { zero_point: -128, lo: -128, hi: 127 };

    #[test]
    fn equal_inputs_have_equal_shares_whatever_they_are() {
        for q in [-128, 0, 127] {
            let mut output = [0; 4];
            row(&[q; 4], |_| ONE, 256, PLACE, &mut output);
            assert_eq!(output, [-64; 4]);
        }
    }

    #[test]
    fn each_step_below_the_largest_halves_the_share() {
        let halve = |d: u32| ONE >> d;
        let mut output = [0; 4];
        // ½, ¼, ⅛, ⅛
        row(&[5, 4, 3, 3], halve, 256, PLACE, &mut output);
        assert_eq!(output, [0, -64, -96, -96]);
    }

    #[test]
    fn a_single_element_has_it_all_and_saturates() {
        let mut output = [0];
        row(&[-7], |_| ONE, 256, PLACE, &mut output);
        assert_eq!(output, [127]);
        row(&[-7], |_| ONE, 256, Place { zero_point: 0, lo: -32_768, hi: 32_767 }, &mut output);
        assert_eq!(output, [256]);
    }

    #[test]
    fn one_times_one_is_one() {
        assert_eq!(product(ONE, ONE), ONE);
        assert_eq!(product(ONE, 12_345), 12_345);
        assert_eq!(product(1 << 29, 1), 1); // ½ goes up
        assert_eq!(product((1 << 29) - 1, 1), 0);
    }
}

//! What needs more than 64 bits → 64 bits.

/// The nearest `i64`. Without a branch: what is out of range depends on counters.
#[inline]
pub(crate) fn saturate(value: i128) -> i64 {
    let (low, end) = (value as i64, (value >> 127) as i64 ^ i64::MAX);
    let fits = i64::from(i128::from(low) == value).wrapping_neg();
    (low & fits) | (end & !fits)
}

/// The nearest `i64` to `value · 2^shift + below`, for a shift below 64 and `below` in `0..2^shift`. Without a branch.
#[inline]
pub(super) fn shift_left(value: i64, shift: u8, below: i64) -> i64 {
    let shifted = value.wrapping_shl(u32::from(shift));
    let fits = i64::from(shifted.wrapping_shr(u32::from(shift)) == value).wrapping_neg();
    // All multiples of 2^shift that fit leave room for what is below it.
    ((shifted | below) & fits) | (((value >> 63) ^ i64::MAX) & !fits)
}

#[cfg(test)]
mod tests {
    use super::{saturate, shift_left};

    #[test]
    fn a_shift_saturates_where_128_bits_say_so() {
        let ends = [i64::MIN, i64::MIN + 1, -(1 << 31), -(1 << 30) - 1, -1, 0, 1, 1 << 30, 1 << 31, i64::MAX];
        for shift in 0..=40u8 {
            for value in ends {
                for below in [0, (1i64 << shift) - 1] {
                    let exact = (i128::from(value) << shift) + i128::from(below);
                    assert_eq!(shift_left(value, shift, below), saturate(exact), "{value} {shift} {below}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_becomes_the_nearest_end() {
        for by in -2..=2 {
            for middle in [i128::from(i64::MIN), -1 << 64, 0, i128::from(i64::MAX), 1 << 64, 1 << 126, -1 << 126] {
                let value = middle + by;
                assert_eq!(i128::from(saturate(value)), value.clamp(i64::MIN.into(), i64::MAX.into()), "{value}");
            }
        }
        assert_eq!((saturate(i128::MIN), saturate(i128::MAX)), (i64::MIN, i64::MAX));
    }
}

//! 128 bits → 64 bits.

/// The nearest `i64`. Without a branch: what is out of range depends on counters.
#[inline]
pub(super) fn saturate(value: i128) -> i64 {
    let (low, end) = (value as i64, (value >> 127) as i64 ^ i64::MAX);
    let fits = i64::from(i128::from(low) == value).wrapping_neg();
    (low & fits) | (end & !fits)
}

#[cfg(test)]
mod tests {
    use super::saturate;

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

//! Buckets and positions of a value: rank among thresholds, one-hot.

/// The most thresholds of a step.
pub const MAX_THRESHOLDS: u16 = 4096;

/// How many of the ascending `thresholds` are below `x`: a value that equals a threshold is in the bucket to its left, as
/// `x <= t` in a tree. Takes the same steps for every `x`.
#[inline]
pub fn rank(thresholds: &[i64], x: i64) -> usize {
    let (mut from, mut left) = (0usize, thresholds.len());
    // `from` are below; the next `left` are not known.
    while left > 0 {
        let half = left.wrapping_add(1) >> 1;
        let middle = from.wrapping_add(half).wrapping_sub(1);
        // Behind the end, which it never is, is nothing below. The sign of the difference is a mask; a comparison would be
        // compiled to a branch.
        let threshold = thresholds.get(middle).copied().unwrap_or(i64::MAX);
        let below = i128::from(threshold).wrapping_sub(i128::from(x)) >> 64;
        from = from.wrapping_add(half & below as usize);
        left = left.wrapping_sub(half);
    }
    from
}

/// Writes `on` at `x − first` and `off` elsewhere.
#[inline]
pub fn one_hot(x: i64, first: i64, (off, on): (i32, i32), to: &mut [i32]) {
    // Outside of 64 bits is outside of the elements as well.
    let (difference, outside) = x.overflowing_sub(first);
    let mut left = difference | i64::from(outside).wrapping_neg();
    for element in to {
        *element = if left == 0 { on } else { off };
        left = left.wrapping_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{one_hot, rank};
    use std::vec::Vec;

    #[test]
    fn the_rank_is_that_of_a_linear_scan_for_every_length() {
        for length in 0..70 {
            let thresholds: Vec<i64> = (0..length).map(|i| (i / 3 * 2) - 11).collect();
            for x in -15..50 {
                let below = thresholds.iter().filter(|&&threshold| threshold < x).count();
                assert_eq!(rank(&thresholds, x), below, "{x} in {thresholds:?}");
            }
        }
        let ends = [i64::MIN, 0, i64::MAX];
        assert_eq!([i64::MIN, -1, 0, 1, i64::MAX].map(|x| rank(&ends, x)), [0, 1, 1, 2, 2]);
    }

    #[test]
    fn one_element_is_on_or_none() {
        let at = |x, first| {
            let mut elements = [7; 3];
            one_hot(x, first, (-1, 5), &mut elements);
            elements
        };
        assert_eq!([at(9, 10), at(10, 10), at(12, 10)], [[-1; 3], [5, -1, -1], [-1, -1, 5]]);
        assert_eq!([at(13, 10), at(i64::MIN, i64::MAX), at(i64::MAX, i64::MIN)], [[-1; 3]; 3]);
        assert_eq!(at(i64::MAX, i64::MAX), [5, -1, -1]);
        assert_eq!(at(i64::MIN + 1, i64::MAX), [-1; 3], "the difference is 2 modulo 2^64");
    }
}

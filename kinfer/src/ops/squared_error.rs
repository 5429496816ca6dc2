//! Squared difference of two tensors, summed: `Σ weight[i] · ((a[i] − zero_a) − (b[i] − zero_b))²`.

/// With all weights 1; `offset` is `zero_a − zero_b`. The verifier has proved that the sum fits.
#[inline]
pub fn plain(a: &[i32], b: &[i32], offset: i32) -> i64 {
    a.iter().zip(b).fold(0i64, |sum, (&a, &b)| sum.wrapping_add(square(a, b, offset)))
}

/// With a weight an element.
#[inline]
pub fn weighted(a: &[i32], b: &[i32], weights: &[i32], offset: i32) -> i64 {
    let all = a.iter().zip(b).zip(weights);
    all.fold(0i64, |sum, ((&a, &b), &weight)| sum.wrapping_add(square(a, b, offset).wrapping_mul(i64::from(weight))))
}

/// At most 2^34: a difference of centred values of 16 bits has 18.
#[inline]
fn square(a: i32, b: i32, offset: i32) -> i64 {
    let difference = i64::from(a).wrapping_sub(i64::from(b)).wrapping_sub(i64::from(offset));
    difference.wrapping_mul(difference)
}

#[cfg(test)]
mod tests {
    use super::{plain, weighted};

    #[test]
    fn zero_points_are_taken_off_before_the_difference() {
        // 5 − 2 against 9 − 7, and 2 − 2 against 7 − 7.
        assert_eq!(plain(&[5, 2], &[9, 7], 2 - 7), 1);
        assert_eq!(weighted(&[5, 1], &[9, 7], &[3, 4], 2 - 7), 7);
    }

    #[test]
    fn the_widest_difference_fits() {
        let (lo, hi) = (-32_768, 32_767);
        let widest = i64::from(hi - lo) * 2;
        assert_eq!(plain(&[hi], &[lo], lo - hi), widest * widest);
        assert_eq!(weighted(&[hi], &[lo], &[1 << 28], lo - hi), (widest * widest) << 28);
    }
}

//! Squared distance to a centroid: `bias + Σ weight[i] · (q[i] − centroid[i])²`.
//!
//! The input and the centroid have the same scale and zero point, so that the zero point cancels.

/// With all weights 1. The verifier has proved that the sum fits.
#[inline]
pub fn plain(input: &[i32], centroid: &[i16], bias: i64) -> i64 {
    input.iter().zip(centroid).fold(bias, |sum, (&q, &at)| sum.wrapping_add(square(q, at)))
}

/// With a weight an element. The verifier has proved that the sum fits.
#[inline]
pub fn weighted(input: &[i32], centroid: &[i16], weights: &[i32], bias: i64) -> i64 {
    let all = input.iter().zip(centroid).zip(weights);
    all.fold(bias, |sum, ((&q, &at), &weight)| sum.wrapping_add(square(q, at).wrapping_mul(i64::from(weight))))
}

/// At most 2^32: both have 16 bits.
#[inline]
fn square(q: i32, at: i16) -> i64 {
    let difference = i64::from(q).wrapping_sub(i64::from(at));
    difference.wrapping_mul(difference)
}

#[cfg(test)]
mod tests {
    use super::{plain, weighted};

    #[test]
    fn sums_squared_differences() {
        assert_eq!(plain(&[3, -4], &[0, 0], 0), 25);
        assert_eq!(plain(&[3, -4], &[5, -1], 100), 100 + 4 + 9);
        assert_eq!(weighted(&[3, -4], &[5, -1], &[10, 0], -1), 39);
    }

    #[test]
    fn the_widest_difference_and_weight_fit() {
        let square = 65_535i64 * 65_535;
        assert_eq!(plain(&[32_767], &[i16::MIN], 0), square);
        assert_eq!(weighted(&[-32_768], &[i16::MAX], &[i32::MAX], 0), square * i64::from(i32::MAX));
    }
}

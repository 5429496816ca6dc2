//! Additive binned models: `out[c] = base[c] + Σ table[term][row][c]`.
//!
//! The row of a term is `clamp(a, 0, bins_a − 1) · bins_b + clamp(b, 0, bins_b − 1)` for the bins `a` and `b` that its two
//! elements hold: with one bin, `b` does not matter.

/// The row that bins choose; `last` and `seconds` are the last first bin and the number of second bins.
#[inline]
pub fn row(first: i32, second: i32, last: u16, seconds: u16) -> u32 {
    let first = first.max(0).min(i32::from(last)) as u32;
    let second = second.max(0).min(i32::from(seconds).saturating_sub(1)) as u32;
    first.wrapping_mul(u32::from(seconds)).wrapping_add(second) // below 2^32: 16 bits each
}

/// Adds a row to the scores. The verifier has proved that the sums of all terms fit; sums on the way may wrap and come back.
#[inline]
pub fn add(row: &[i32], scores: &mut [i32]) {
    for (score, &entry) in scores.iter_mut().zip(row) {
        *score = score.wrapping_add(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::{add, row};

    #[test]
    fn a_bin_outside_its_table_is_the_nearest_one() {
        let rows: std::vec::Vec<u32> = [-128, -1, 0, 1, 2, 127].map(|bin| row(bin, 77, 2, 1)).into();
        assert_eq!(rows, [0, 0, 0, 1, 2, 2]);
    }

    #[test]
    fn two_bins_choose_a_row_of_a_matrix() {
        assert_eq!(row(2, 3, 4, 5), 13);
        assert_eq!(row(9, 9, 4, 5), 24);
        assert_eq!(row(-9, 3, 4, 5), 3);
        assert_eq!(row(i32::MAX, i32::MAX, u16::MAX, u16::MAX), 65_535 * 65_535 + 65_534);
    }

    #[test]
    fn a_sum_that_wraps_on_the_way_comes_back() {
        let mut scores = [i32::MAX, 5];
        add(&[1, 2], &mut scores);
        add(&[-1, -9], &mut scores);
        assert_eq!(scores, [i32::MAX, -2]);
    }
}

//! Order among scores, as integers. Ties go to the lowest index.

use fixed::types::I32F32;

use crate::iter::numbered;

/// A class in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ranked {
    /// Index of the outcome.
    pub class: u32,
    /// Its score, in real units.
    pub value: I32F32,
}

/// Class and score of the best, and how much better it is than the second best. `smallest` makes the smallest the best. One
/// score alone is second, too; the verifier allows no such head.
#[inline(never)]
pub(super) fn best_two(scores: &[i32], smallest: bool) -> (u32, i64, i64) {
    // `!` turns the order around, and keeps differences.
    let turn = i64::from(smallest).wrapping_neg();
    // Not of any `i32`, so that every score is better.
    let (mut class, mut best, mut second) = (0, i64::MIN, i64::MIN);
    for (index, &score) in numbered(scores) {
        let score = i64::from(score) ^ turn;
        class = if score > best { index } else { class };
        second = second.max(score.min(best));
        best = best.max(score);
    }
    let gap = if scores.len() > 1 { best.wrapping_sub(second) } else { 0 };
    (class, best ^ turn, gap)
}

/// Classes with their scores, from the largest down. Each takes a pass over the scores and nothing is kept of them, so that
/// no number of places needs memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranking<'a> {
    scores: &'a [i32],
    /// The place of the next is not above this.
    limit: i64,
}

impl<'a> Ranking<'a> {
    pub(super) const fn new(scores: &'a [i32]) -> Self {
        Self { scores, limit: i64::MAX }
    }

    /// The best class, its score, and how much larger the `k`-th largest score is than the next.
    pub(super) fn gap_behind(mut self, k: u32) -> (u32, i64, i64) {
        let (class, best) = self.next().unwrap_or_default();
        let (mut kth, mut place) = (best, 1);
        for (_, next) in self {
            if place >= k {
                return (class, best, kth.wrapping_sub(next));
            }
            (kth, place) = (next, place.wrapping_add(1));
        }
        (class, best, 0)
    }
}

impl Iterator for Ranking<'_> {
    type Item = (u32, i64);

    #[inline(never)]
    fn next(&mut self) -> Option<(u32, i64)> {
        // The score, and below it what is larger for a lower index. The smallest is of no class that there is.
        const NONE: i64 = i64::MIN;
        let mut best = NONE;
        for (index, &score) in numbered(self.scores) {
            let place = i64::from(score) << 32 | i64::from(!index);
            best = best.max(if place <= self.limit { place } else { NONE });
        }
        if best == NONE {
            return None;
        }
        self.limit = best.wrapping_sub(1);
        Some((!(best as u32), best >> 32))
    }
}

#[cfg(test)]
mod tests {
    use super::{best_two, Ranking};
    use std::vec::Vec;

    #[test]
    fn a_ranking_is_a_stable_sort() {
        let scores = [3, i32::MIN, 7, 3, i32::MAX, 7, i32::MIN, -1];
        let mut sorted: Vec<(u32, i64)> = (0u32..).zip(scores.map(i64::from)).collect();
        sorted.sort_by_key(|&(index, score)| (-score, index));
        assert_eq!(Ranking::new(&scores).collect::<Vec<_>>(), sorted);
    }

    #[test]
    fn the_gap_is_behind_the_kth() {
        let gap = |k| Ranking::new(&[10, 7, 7, -5]).gap_behind(k);
        assert_eq!([gap(1), gap(2), gap(3)], [(0, 10, 3), (0, 10, 0), (0, 10, 12)]);
        assert_eq!(Ranking::new(&[10]).gap_behind(5), (0, 10, 0));
        assert_eq!(Ranking::new(&[i32::MIN, i32::MAX]).gap_behind(1), (1, 2_147_483_647, 4_294_967_295));
    }

    #[test]
    fn the_best_two_of_equal_extremes_are_both_found() {
        assert_eq!(best_two(&[i32::MIN, i32::MIN], false), (0, -2_147_483_648, 0));
        assert_eq!(best_two(&[i32::MAX, i32::MAX], true), (0, 2_147_483_647, 0));
        assert_eq!(best_two(&[i32::MAX, i32::MIN], false), (0, 2_147_483_647, 4_294_967_295));
        assert_eq!(best_two(&[i32::MAX, i32::MIN], true), (1, -2_147_483_648, 4_294_967_295));
        assert_eq!(best_two(&[5, 1, 1], true), (1, 1, 0));
        assert_eq!(best_two(&[1], true), (0, 1, 0));
    }
}

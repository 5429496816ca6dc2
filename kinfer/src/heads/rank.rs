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

/// Class and score of the best, and the second-best score. `SMALLEST` makes the smallest the best. One score alone is
/// second, too; the verifier allows no such head.
#[inline]
pub(super) fn best_two<const SMALLEST: bool>(scores: &[i32]) -> (u32, i64, i64) {
    // Not of any `i32`, so that every score is better.
    let none = if SMALLEST { i64::MAX } else { i64::MIN };
    let better = |a: i64, b: i64| if SMALLEST { a < b } else { a > b };
    let (mut class, mut best, mut second) = (0, none, none);
    for (index, &score) in numbered(scores) {
        let score = i64::from(score);
        if better(score, best) {
            (class, best, second) = (index, score, best);
        } else if better(score, second) {
            second = score;
        }
    }
    (class, best, if scores.len() > 1 { second } else { best })
}

/// Classes with their scores, from the largest down. Each takes a pass over the scores and nothing is kept of them, so that
/// no number of places needs memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranking<'a> {
    scores: &'a [i32],
    last: Option<(u32, i32)>,
}

impl<'a> Ranking<'a> {
    pub(super) const fn new(scores: &'a [i32]) -> Self {
        Self { scores, last: None }
    }

    /// The best class, its score, and how much larger the `k`-th largest score is than the next.
    pub(super) fn gap_behind(mut self, k: u32) -> (u32, i64, i64) {
        let (class, best) = self.next().unwrap_or_default();
        let kth = match k.checked_sub(2) {
            Some(between) => self.nth(between as usize).map_or(best, |(_, score)| score),
            None => best,
        };
        let next = self.next().map_or(kth, |(_, score)| score);
        (class, best, kth.wrapping_sub(next))
    }
}

impl Iterator for Ranking<'_> {
    type Item = (u32, i64);

    fn next(&mut self) -> Option<(u32, i64)> {
        let last = self.last;
        let behind = |&(index, &score): &(u32, &i32)| match last {
            Some((at, than)) => score < than || (score == than && index > at),
            None => true,
        };
        let mut found: Option<(u32, i32)> = None;
        for (index, &score) in numbered(self.scores).filter(behind) {
            if found.is_none_or(|(_, best)| score > best) {
                found = Some((index, score));
            }
        }
        self.last = found.or(last);
        found.map(|(index, score)| (index, i64::from(score)))
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
        assert_eq!(best_two::<false>(&[i32::MIN, i32::MIN]), (0, -2_147_483_648, -2_147_483_648));
        assert_eq!(best_two::<true>(&[i32::MAX, i32::MAX]), (0, 2_147_483_647, 2_147_483_647));
        assert_eq!(best_two::<true>(&[5, 1, 1]), (1, 1, 1));
        assert_eq!(best_two::<true>(&[1]), (0, 1, 1));
    }
}

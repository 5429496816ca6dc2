//! Trees on counters of 64 bits: the thresholds of their splits as counters, and the steps that give their ranks.
//!
//! A split compares a function of a counter with a threshold, in f32. Where the function rises or falls, the counters at
//! which the comparison holds are those up to some counter, or those from it on; which one it is, is found by bisection
//! with the comparison itself. So trees on ranks decide exactly as the float trees on the counters.

use std::collections::BTreeMap;

use kinfer::features::buckets::MAX_THRESHOLDS;
use kinfer::format::ElementType;

use super::chain::{Direction, last_where};
use super::form::Form;
use super::frontier::Column;
use super::wrong;
use crate::error::Result;
use crate::kinf::StepSpec;

/// Integers of an int8 element, less one.
const MOST_NARROW: usize = 255;

/// Columns that trees compare.
#[derive(Clone, Debug)]
pub(super) struct Ranks(Vec<Compared>);

/// One of them.
#[derive(Clone, Debug)]
struct Compared {
    feature: usize,
    /// Where the comparison with a threshold changes, by the threshold's bits.
    ways: BTreeMap<u32, Way>,
    /// Counters that are compared with, ascending; of a category the counter alone.
    counters: Vec<i64>,
    category: bool,
}

/// Where rows go at a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Left,
    Right,
    /// Counters up to this one to the left, with `swapped` to the right.
    UpTo {
        counter: i64,
        swapped: bool,
    },
}

/// Where rows go at a split, by the integer of the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// Always left.
    Left,
    /// Always right.
    Right,
    /// Integers up to this one to the left, with `swapped` to the right.
    UpTo { integer: i16, swapped: bool },
}

impl Ranks {
    /// `thresholds` are those that each of the `columns` is compared with, in any order.
    pub(super) fn new(columns: &[Column], thresholds: &[Vec<f32>], resolutions: &[f64]) -> Result<Self> {
        let each = columns.iter().zip(thresholds).map(|(column, thresholds)| {
            let resolution = resolutions[column.feature];
            let compared = if let Some(direction) = column.chain.direction() {
                of_thresholds(column, direction, thresholds, resolution)
            } else {
                of_category(column, thresholds, resolution)?
            };
            match compared.counters.len() {
                many if many > usize::from(MAX_THRESHOLDS) && !compared.copies(ElementType::I16) => Err(wrong(
                    &format!("feature {}", column.feature),
                    &format!("trees compare it with {many} different thresholds, and {MAX_THRESHOLDS} is the most"),
                    "train with fewer bins (max_bin, max_leaf_nodes), or on a coarser counter",
                )),
                _ => Ok(compared),
            }
        });
        Ok(Self(each.collect::<Result<_>>()?))
    }

    /// Whether an int8 has too few integers.
    pub(super) fn are_wide(&self) -> bool {
        self.0.iter().any(|column| column.counters.len() > MOST_NARROW && !column.copies(ElementType::I8))
    }

    /// The steps that write the columns.
    pub(super) fn steps(&self, element: ElementType) -> Vec<StepSpec> {
        let (lo, hi) = element.range();
        let step = |column: &Compared| {
            let source = column.feature as u16;
            match *column.counters.as_slice() {
                [first] if column.category => StepSpec::OneHot { source, count: 1, first, off: 0, on: 1 },
                _ if column.copies(element) => StepSpec::Copy { source, lo, hi },
                _ => StepSpec::Bucketise { source, thresholds: column.counters.clone(), base: base(element) },
            }
        };
        self.0.iter().map(step).collect()
    }

    /// What a comparison of a column with a threshold is in integers.
    pub(super) fn split(&self, column: usize, threshold: f32, element: ElementType) -> Split {
        let column = &self.0[column];
        let Some(way) = column.ways.get(&threshold.to_bits()) else { return Split::Right };
        match *way {
            Way::Left => Split::Left,
            Way::Right => Split::Right,
            // Off is 0, on is 1.
            Way::UpTo { swapped, .. } if column.category => Split::UpTo { integer: 0, swapped },
            Way::UpTo { counter, swapped } if column.copies(element) => {
                Split::UpTo { integer: counter as i16, swapped }
            }
            Way::UpTo { counter, swapped } => {
                let rank = column.counters.partition_point(|&before| before < counter);
                Split::UpTo { integer: (base(element) + rank as i32) as i16, swapped }
            }
        }
    }
}

impl Compared {
    /// Whether counters can be taken as they are: what saturates is beyond every threshold.
    fn copies(&self, element: ElementType) -> bool {
        let (lo, hi) = element.range();
        let inside = |&counter: &i64| (i64::from(lo)..i64::from(hi)).contains(&counter);
        !self.category && self.counters.iter().all(inside)
    }
}

/// The rank of the smallest counters.
fn base(element: ElementType) -> i32 {
    if element == ElementType::I8 { element.range().0 } else { 0 }
}

fn of_thresholds(column: &Column, direction: Direction, thresholds: &[f32], resolution: f64) -> Compared {
    let mut ways = BTreeMap::new();
    for threshold in thresholds {
        ways.entry(threshold.to_bits()).or_insert_with(|| {
            let goes_left = |raw: i64| {
                let value = column.chain.value(raw as f64 * resolution) as f32;
                value.is_nan() || value <= *threshold
            };
            let (last, swapped) = match direction {
                Direction::Rising => (last_where(goes_left), false),
                Direction::Falling => (last_where(|raw| !goes_left(raw)), true),
            };
            match (last, swapped) {
                (None, false) | (Some(i64::MAX), true) => Way::Right,
                (None, true) | (Some(i64::MAX), false) => Way::Left,
                (Some(counter), swapped) => Way::UpTo { counter, swapped },
            }
        });
    }
    let counter = |way: &Way| match *way {
        Way::UpTo { counter, .. } => Some(counter),
        _ => None,
    };
    let mut counters: Vec<i64> = ways.values().filter_map(counter).collect();
    counters.sort_unstable();
    counters.dedup();
    Compared { feature: column.feature, ways, counters, category: false }
}

fn of_category(column: &Column, thresholds: &[f32], resolution: f64) -> Result<Compared> {
    let (raw, off, on) = match Form::of(&column.chain, resolution, (0, 0)) {
        Some(Form::OneHot { raw, off, on }) => (Some(raw), off, on),
        Some(Form::Line { affine, .. }) => (None, affine.offset, affine.offset),
        _ => {
            return Err(wrong(
                &format!("feature {}", column.feature),
                "trees compare a function of it that neither rises nor falls, or a category that several counters have",
                "give the trees the feature itself",
            ));
        }
    };
    let mut ways = BTreeMap::new();
    for threshold in thresholds {
        let way = match (off as f32 <= *threshold, on as f32 <= *threshold) {
            (true, true) => Way::Left,
            (false, false) => Way::Right,
            (off, _) => Way::UpTo { counter: 0, swapped: !off },
        };
        ways.insert(threshold.to_bits(), way);
    }
    let counters = raw.into_iter().collect::<Vec<_>>();
    Ok(Compared { feature: column.feature, ways, category: raw.is_some(), counters })
}

#[cfg(test)]
mod tests {
    use super::super::chain::{Chain, Unary};
    use super::*;
    use crate::graph::Affine;

    fn column(chain: Vec<Unary>) -> Column {
        Column { feature: 0, chain: Chain(chain) }
    }

    fn split_of(column: Column, threshold: f32, resolution: f64) -> (Ranks, Split) {
        let ranks = Ranks::new(&[column], &[vec![threshold]], &[resolution]).unwrap();
        let split = ranks.split(0, threshold, ElementType::I16);
        (ranks, split)
    }

    #[test]
    fn small_counters_are_compared_as_they_are() {
        for (threshold, integer) in [(2.5, 2), (-2.5, -3), (7.0, 7)] {
            let (ranks, split) = split_of(column(vec![]), threshold, 1.0);
            assert_eq!(split, Split::UpTo { integer, swapped: false });
            assert!(matches!(ranks.steps(ElementType::I8)[0], StepSpec::Copy { lo: -128, hi: 127, .. }));
        }
    }

    #[test]
    fn beyond_24_bits_the_comparison_is_that_of_f32() {
        // 2^24 + 1 is 2^24 as an f32.
        let (ranks, split) = split_of(column(vec![]), 16_777_216.0, 1.0);
        assert_eq!(split, Split::UpTo { integer: 0, swapped: false });
        let StepSpec::Bucketise { thresholds, .. } = &ranks.steps(ElementType::I16)[0] else { panic!("not buckets") };
        assert_eq!(thresholds, &[16_777_217]);
    }

    #[test]
    fn a_falling_function_swaps_the_children() {
        let falling = Unary::Affine(Affine { factor: -1.0, offset: 0.0 });
        let (_, split) = split_of(column(vec![falling]), -5.0, 1.0);
        assert_eq!(split, Split::UpTo { integer: 4, swapped: true }, "-x <= -5 is not x <= 4");
    }

    #[test]
    fn thresholds_that_nothing_reaches_send_all_rows_one_way() {
        assert_eq!(split_of(column(vec![]), f32::INFINITY, 1.0).1, Split::Left);
        assert_eq!(split_of(column(vec![]), -1e30, 1.0).1, Split::Right);
        assert_eq!(split_of(column(vec![Unary::Equals(2.5)]), 0.5, 1.0).1, Split::Left, "no counter is 2.5");
        assert_eq!(split_of(column(vec![Unary::Equals(2.0)]), 0.5, 1.0).1, Split::UpTo { integer: 0, swapped: false });
    }
}

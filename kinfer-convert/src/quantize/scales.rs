//! Scales and zero points of a family, from the ranges of its classes.

use std::collections::BTreeMap;

use kinfer::format::ElementType;

use super::form::Form;
use super::grid::Grid;
use super::layout::Layout;
use super::lower::{Coding, Key, Kind, Lowered, Op};
use super::observe::Observed;
use super::{Plan, tables};
use crate::graph::{Matrix, Operator};

/// How range moves from activations to weights, from none to all of it: with 1 every element uses its whole range of
/// integers; with 0 every column of weights does.
pub(super) const BALANCES: [f64; 5] = [1.0, 0.75, 0.5, 0.25, 0.0];
/// Shares of the range that are tried where the least error is looked for.
pub(super) const SHRINKS: [f64; 5] = [1.0, 0.9, 0.8, 0.65, 0.5];
/// An element keeps at least so many steps, whatever the balance.
const FEWEST_STEPS: f64 = 32.0;
/// int16 has integers to spare, so values beyond the calibrated range need not saturate at once.
const HEADROOM_INT16: f64 = 2.0;
/// What squares may go beyond the calibrated range.
const SPARE_OF_SQUARES: f64 = 1.5;
/// Range that an element without one is given, as a share of its family's widest.
const UNSEEN: f64 = 1.0 / 64.0;
/// Integers of a staircase: thresholds of one step of the feature program.
const MOST_STAIRS: f64 = 4_000.0;

/// The grid of a family: one type and zero point, a centre and a scale for each class.
#[derive(Clone, Debug)]
pub(super) struct FamilyGrid {
    pub(super) element: ElementType,
    pub(super) zero_point: i32,
    pub(super) lo: i32,
    pub(super) hi: i32,
    pub(super) classes: BTreeMap<usize, (f64, f64)>,
}

/// All grids that are decided, by family.
#[derive(Clone, Debug)]
pub(super) struct Grids {
    families: Vec<Option<FamilyGrid>>,
}

impl Grids {
    pub(super) fn new(families: usize) -> Self {
        Self { families: vec![None; families] }
    }

    pub(super) fn family(&self, family: usize) -> Option<&FamilyGrid> {
        self.families[family].as_ref()
    }

    pub(super) fn decide(&mut self, family: usize, grid: FamilyGrid) {
        self.families[family] = Some(grid);
    }

    /// The grid of a value; nothing while its family has none.
    pub(super) fn of(&self, layout: &Layout, key: Key, width: usize) -> Option<Grid> {
        let family = self.family(layout.family(key))?;
        Some(family.grid((0..width).map(|element| layout.class(key, element))))
    }
}

impl FamilyGrid {
    /// The grid of elements of these classes.
    pub(super) fn grid(&self, classes: impl Iterator<Item = usize>) -> Grid {
        let of_class = |class| self.classes.get(&class).copied().unwrap_or((0.0, 1.0));
        let (centres, scales) = classes.map(of_class).unzip();
        Grid { element: self.element, zero_point: self.zero_point, lo: self.lo, hi: self.hi, centres, scales }
    }

    /// The scale that the file says: that of the coarsest class, for the weights that follow take up the others.
    pub(super) fn nominal(&self) -> f64 {
        self.classes.values().map(|(_, scale)| *scale).fold(0.0, f64::max)
    }

    /// Makes the scales of classes larger whose columns of weights would be small, so that those columns grow. `columns`
    /// is the largest share of a row that a class has.
    pub(super) fn balanced(&self, columns: &BTreeMap<usize, f64>, balance: f64) -> Self {
        let most = (f64::from(self.hi) - f64::from(self.lo)) / headroom(self.element, false) / FEWEST_STEPS;
        let coarser = |column: f64| if column > 0.0 { column.powf(balance - 1.0).min(most) } else { 1.0 };
        let mut out = self.clone();
        for (class, (_, scale)) in &mut out.classes {
            *scale *= columns.get(class).map_or(1.0, |&column| coarser(column));
        }
        out
    }
}

/// What grids are chosen from.
pub(super) struct Chooser<'a> {
    pub(super) lowered: &'a Lowered,
    pub(super) layout: &'a Layout,
    pub(super) observed: &'a Observed,
    pub(super) plan: &'a Plan,
}

impl<'a> Chooser<'a> {
    /// Type of a family's elements: int16 where any operator that reads it wants that.
    pub(super) fn element(&self, family: usize) -> ElementType {
        let scores = self.layout.family(self.lowered.scores) == family;
        if scores && self.layout.wide_scores {
            return ElementType::I32;
        }
        let wide = |key: Key| {
            let ranks = self
                .lowered
                .group_of(key)
                .is_some_and(|group| matches!(&group.coding, Coding::Ranks(ranks) if ranks.are_wide()));
            ranks || self.lowered.readers(key).any(|op| self.plan.of(op.node).activations() == ElementType::I16)
        };
        let narrow = !scores && !self.layout.members(family).any(wide);
        if narrow { ElementType::I8 } else { ElementType::I16 }
    }

    /// The grid in which `shrink` of each range is representable.
    pub(super) fn grid(&self, family: usize, shrink: f64) -> FamilyGrid {
        let element = self.element(family);
        let needs = self.layout.needs(family);
        let ranges = self.ranges(family);
        let (bottom, top) = element.range();
        let (bottom_f, top_f) = (f64::from(bottom), f64::from(top));
        let usable = |steps: f64| steps / headroom(element, needs.bounded);
        if let Some(unit) = self.cell_unit(family, element) {
            let classes = ranges.keys().map(|&class| (class, (0.0, unit))).collect();
            return FamilyGrid { element, zero_point: 0, lo: bottom, hi: top, classes };
        }
        let make = |zero_point, lo, hi, classes| FamilyGrid { element, zero_point, lo, hi, classes };
        if !needs.zero {
            let widths = seen(ranges.iter().map(|(class, (lo, hi))| (*class, (hi - lo) / 2.0)));
            let middle = |class| ranges.get(class).map_or(0.0, |(lo, hi)| f64::midpoint(*lo, *hi));
            let classes = widths.iter().map(|(class, width)| (*class, (middle(class), shrink * width / usable(top_f))));
            return make(0, -top, top, classes.collect());
        }
        let mut lo = ranges.values().map(|range| range.0).fold(0.0, f64::min);
        let hi = ranges.values().map(|range| range.1).fold(0.0, f64::max);
        if self.layout.is_uniform(family) {
            lo = if self.clipped_at_zero(family) { 0.0 } else { lo };
            let (lo, hi) = (lo * shrink, hi * shrink);
            let scale = if hi > lo { (hi - lo) / usable(top_f - bottom_f) } else { 1.0 };
            // Headroom is for both ends alike.
            let slack = (top_f - bottom_f) * scale - (hi - lo);
            let lo = if lo < 0.0 { lo - slack / 2.0 } else { lo };
            let zero_point = (bottom_f - lo / scale).round().clamp(bottom_f, top_f) as i32;
            return make(zero_point, bottom, top, ranges.keys().map(|&class| (class, (0.0, scale))).collect());
        }
        let all_zero = ranges.keys().all(|&class| self.layout.has_zero(class));
        let (zero_point, floor) = match (all_zero && lo >= 0.0, element) {
            (false, _) => (0, -top),
            (true, ElementType::I8) => (bottom, bottom),
            (true, _) => (0, 0),
        };
        // Classes that need no zero have the middle of their range in its place.
        let place = |class: usize, (lo, hi): (f64, f64)| {
            if self.layout.has_zero(class) {
                (0.0, lo.abs().max(hi.abs()))
            } else {
                (f64::midpoint(lo, hi), (hi - lo) / 2.0)
            }
        };
        let steps = usable(f64::from(top) - f64::from(zero_point));
        let widths = seen(ranges.iter().map(|(class, range)| (*class, place(*class, *range).1)));
        let scale = |(class, width): (usize, f64)| {
            let centre = ranges.get(&class).map_or(0.0, |range| place(class, *range).0);
            (class, (centre, shrink * width / steps))
        };
        make(zero_point, floor, top, widths.into_iter().map(scale).collect())
    }

    /// The grid of squares of a value on `grid`: the square of each scale, all integers being used.
    pub(super) fn squares(&self, key: Key, input: Key, grid: &Grid) -> FamilyGrid {
        let family = self.layout.family(key);
        let element = self.element(family);
        let (bottom, top) = element.range();
        // Integers that calibration saw of any element; of an input's headroom, which its square would have twice, a
        // little is kept.
        let most = f64::from(grid.hi - grid.zero_point).max(f64::from(grid.zero_point - grid.lo));
        let widths = self.observed.ranges[input].iter().map(|(lo, hi)| lo.abs().max(hi.abs()));
        let seen = widths.zip(&grid.scales).map(|(width, scale)| width / scale).fold(1.0, f64::max);
        let unit = (SPARE_OF_SQUARES * seen * seen).min(most * most) / (f64::from(top) - f64::from(bottom));
        let classes = grid.scales.iter().enumerate();
        let classes = classes.map(|(at, scale)| (self.layout.class(key, at), (0.0, scale * scale * unit))).collect();
        FamilyGrid { element, zero_point: bottom, lo: bottom, hi: top, classes }
    }

    /// Ranges of a family's classes.
    pub(super) fn ranges(&self, family: usize) -> BTreeMap<usize, (f64, f64)> {
        let mut ranges = BTreeMap::new();
        for key in self.layout.members(family) {
            let ranks = self.lowered.group_of(key).is_some_and(|group| matches!(group.coding, Coding::Ranks(_)));
            let flat = self.flat(key);
            let centroids = self.centroids(key, family);
            for (element, (mut lo, mut hi)) in self.observed.chosen(key, self.plan.ranges).into_iter().enumerate() {
                if ranks || lo > hi {
                    (lo, hi) = (0.0, 0.0);
                }
                if let Some((from, to)) = flat {
                    (lo, hi) = (lo.clamp(from, to), hi.clamp(from, to));
                }
                for centroids in &centroids {
                    let column = centroids.iter_rows().map(|row| row[element]);
                    (lo, hi) = column.fold((lo, hi), |range, c| (range.0.min(c), range.1.max(c)));
                }
                let range = ranges.entry(self.layout.class(key, element)).or_insert((lo, hi));
                *range = (range.0.min(lo), range.1.max(hi));
            }
        }
        ranges
    }

    /// Centroids that a value is compared with, where its integers are as many as a centroid's: those of int8 may lie far
    /// outside.
    fn centroids(&self, key: Key, family: usize) -> Vec<&'a Matrix> {
        if self.element(family) != ElementType::I16 {
            return vec![];
        }
        let of = |op: &'a Op| match &op.kind {
            Kind::Plain(Operator::Distance { centroids, .. }) => Some(centroids),
            _ => None,
        };
        self.lowered.readers(key).filter_map(of).collect()
    }

    /// Where the functions that read a value do change, if nobody else reads it.
    fn flat(&self, key: Key) -> Option<(f64, f64)> {
        let seen = self.observed.ranges[key]
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |all, range| (all.0.min(range.0), all.1.max(range.1)));
        let mut wanted: Option<(f64, f64)> = None;
        if key == self.lowered.scores {
            return None;
        }
        for op in self.lowered.readers(key) {
            let Kind::Chain(chain) = &op.kind else { return None };
            let element = self.plan.of(op.node).activations();
            let (lo, hi) = tables::changes(chain, seen, element);
            wanted = Some(wanted.map_or((lo, hi), |all| (all.0.min(lo), all.1.max(hi))));
        }
        wanted
    }

    /// Whether all that makes a family's values clips them at zero.
    fn clipped_at_zero(&self, family: usize) -> bool {
        self.layout.members(family).filter(|&key| self.lowered.width(key) > 0).all(|key| {
            self.lowered.op(key).is_some_and(|op| {
                op.lo >= 0.0 || (op.keeps_grid() && !matches!(op.kind, Kind::Plain(Operator::Clip { .. })))
            })
        })
    }

    /// The unit of a cell's hidden state, where a family is nothing but that.
    fn cell_unit(&self, family: usize, element: ElementType) -> Option<f64> {
        let mut members = self.layout.members(family).filter(|&key| self.lowered.width(key) > 0);
        let only = members.all(|key| {
            self.lowered.op(key).is_some_and(|op| {
                matches!(op.kind, Kind::Plain(Operator::Cell(_) | Operator::Select { .. } | Operator::Reshape))
            })
        });
        let has = self
            .layout
            .members(family)
            .any(|key| self.lowered.op(key).is_some_and(|op| matches!(op.kind, Kind::Plain(Operator::Cell(_)))));
        (only && has && element == ElementType::I16).then_some(super::cell::UNIT)
    }

    /// Makes the scales of elements coarser that steps of the feature program cannot make so fine.
    pub(super) fn coarsen_stairs(&self, family: usize, grid: &mut FamilyGrid) {
        for (index, group) in self.lowered.groups.iter().enumerate() {
            let key = self.lowered.ops.len() + index;
            let Coding::Numbers(forms) = &group.coding else { continue };
            if self.layout.family(key) != family {
                continue;
            }
            for (element, form) in forms.iter().enumerate() {
                let (lo, hi) = self.observed.ranges[key][element];
                let least = (hi - lo) / MOST_STAIRS;
                let class = self.layout.class(key, element);
                match (form, grid.classes.get_mut(&class)) {
                    (Form::Stairs, Some((_, scale))) if *scale < least => *scale = least,
                    _ => {}
                }
            }
        }
    }
}

fn headroom(element: ElementType, bounded: bool) -> f64 {
    if element == ElementType::I8 || bounded { 1.0 } else { HEADROOM_INT16 }
}

/// Widths, with something for classes that calibration never saw move.
fn seen(widths: impl Iterator<Item = (usize, f64)> + Clone) -> Vec<(usize, f64)> {
    let widest = widths.clone().map(|(_, width)| width).fold(0.0, f64::max);
    let least = if widest > 0.0 { widest * UNSEEN } else { 1.0 };
    widths.map(|(class, width)| (class, if width > 0.0 { width } else { least })).collect()
}

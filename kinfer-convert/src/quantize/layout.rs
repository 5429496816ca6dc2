//! Which values and elements have to share a grid.
//!
//! *Families* are values in one element type with one zero point: those that operators only move from one to the other.
//! *Classes* are elements with one scale and one centre: an element and the places it is moved to, the pixels of a channel
//! that a convolution reads or writes, all elements where an operator has one factor for all.

use super::lower::{Coding, Key, Kind, Lowered, Op};
use crate::graph::{Operator, PoolKind};

/// What the operators around a family ask of its grid.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    /// Some class has real zero at the zero point.
    pub(super) zero: bool,
    /// A grid that one operator with weights reads, and nobody who has one factor for all elements.
    pub(super) weighted: usize,
    /// Readers with one factor for all elements.
    pub(super) common: bool,
    /// Whether every value is known to lie in bounds that an operator or a function gives it.
    pub(super) bounded: bool,
}

/// Families and classes.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    offsets: Vec<usize>,
    classes: Vec<usize>,
    families: Vec<usize>,
    needs: Vec<Needs>,
    /// Of every class whether real zero is the zero point.
    zero: Vec<bool>,
    /// Squares whose elements have scales of their own.
    squares: Vec<Key>,
    /// Whether the scores' family is written as int32.
    pub(super) wide_scores: bool,
}

impl Layout {
    pub(super) fn new(lowered: &Lowered) -> Self {
        let mut offsets = vec![0];
        for key in 0..lowered.keys() {
            offsets.push(offsets[key] + lowered.width(key));
        }
        let mut layout = Self {
            classes: (0..offsets[lowered.keys()]).collect(),
            families: (0..lowered.keys()).collect(),
            needs: vec![Needs::default(); lowered.keys()],
            zero: vec![false; offsets[lowered.keys()]],
            squares: vec![],
            offsets,
            wide_scores: false,
        };
        // The feature program writes one tensor.
        let groups = lowered.ops.len()..lowered.keys();
        groups.clone().skip(1).for_each(|group| layout.unite(groups.start, group));
        for op in lowered.alive() {
            // Squares that only dense layers read have the square of each element's scale.
            let dense = |reader: &Op| matches!(reader.kind, Kind::Plain(Operator::Dense { .. }));
            let free = op.is_square() && !op.is_clipped() && op.value != lowered.scores;
            if free && lowered.readers(op.value).all(dense) {
                layout.squares.push(op.value);
            } else {
                layout.tie(op);
            }
        }
        layout.tie_all(lowered.scores);
        layout.wide_scores = layout.scores_are_wide(lowered);
        if !layout.wide_scores {
            // The file says one scale, which is that of the scores then.
            let family = layout.family(lowered.scores);
            for key in layout.members(family).collect::<Vec<_>>() {
                layout.tie_all(key);
                if lowered.width(key) > 0 {
                    layout.same((lowered.scores, 0), (key, 0));
                }
            }
        }
        (0..layout.classes.len()).for_each(|element| layout.classes[element] = find(&layout.classes, element));
        layout.collect(lowered);
        layout
    }

    /// Whether a value is of squares whose elements have scales of their own.
    pub(super) fn has_own_squares(&self, key: Key) -> bool {
        self.squares.contains(&key)
    }

    /// Whether real zero is the zero point of a class.
    pub(super) fn has_zero(&self, class: usize) -> bool {
        self.zero[class]
    }

    fn needs_zero(&mut self, key: Key) {
        for element in self.offsets[key]..self.offsets[key + 1] {
            self.zero[find(&self.classes, element)] = true;
        }
        let family = self.family(key);
        self.needs[family].zero = true;
    }

    /// The number of a key's family.
    pub(super) fn family(&self, key: Key) -> usize {
        find(&self.families, key)
    }

    /// The class of an element.
    pub(super) fn class(&self, key: Key, element: usize) -> usize {
        find(&self.classes, self.offsets[key] + element)
    }

    pub(super) fn needs(&self, family: usize) -> Needs {
        self.needs[family]
    }

    /// Values of a family.
    pub(super) fn members(&self, family: usize) -> impl Iterator<Item = Key> {
        (0..self.families.len()).filter(move |&key| self.family(key) == family)
    }

    /// Whether all elements of a family are of one class.
    pub(super) fn is_uniform(&self, family: usize) -> bool {
        let elements = self.members(family).flat_map(|key| self.offsets[key]..self.offsets[key + 1]);
        let mut classes = elements.map(|element| find(&self.classes, element));
        let first = classes.next();
        classes.all(|class| Some(class) == first)
    }

    fn tie(&mut self, op: &Op) {
        let (out, x) = (op.value, op.inputs[0]);
        match &op.kind {
            Kind::Plain(Operator::Dense { .. } | Operator::Trees(_)) => {}
            Kind::Plain(Operator::Conv(conv)) => {
                self.tie_channels(x, conv.image[2]);
                self.tie_channels(out, conv.bias.len());
            }
            Kind::Plain(Operator::Pool(pool)) => {
                self.unite(x, out);
                self.tie_channels(x, pool.image[2]);
                self.tie_channels(out, pool.image[2]);
                (0..pool.image[2]).for_each(|channel| self.same((x, channel), (out, channel)));
            }
            &Kind::Plain(Operator::Clip { lo, hi }) => {
                self.unite(x, out);
                (0..op.width()).for_each(|element| self.same((x, element), (out, element)));
                if lo != 0.0 || hi != f64::INFINITY {
                    self.tie_all(out);
                }
            }
            Kind::Plain(Operator::Select { indices }) => {
                self.unite(x, out);
                indices.iter().enumerate().for_each(|(to, &from)| self.same((x, from), (out, to)));
            }
            Kind::Plain(Operator::Concat { rows }) => {
                op.inputs.iter().for_each(|&input| self.unite(input, out));
                let mut to = 0;
                for row in 0..*rows {
                    for &input in &op.inputs {
                        let width = (self.offsets[input + 1] - self.offsets[input]) / rows;
                        (0..width).for_each(|i| self.same((input, row * width + i), (out, to + i)));
                        to += width;
                    }
                }
            }
            Kind::SquaredError { .. } => {
                let second = op.inputs[1];
                self.unite(x, second);
                let width = self.offsets[x + 1] - self.offsets[x];
                (0..width).for_each(|element| self.same((x, element), (second, element)));
            }
            Kind::Plain(Operator::Distance { .. }) => self.tie_all(out),
            _ => {
                op.inputs.iter().for_each(|&input| self.tie_all(input));
                self.tie_all(out);
            }
        }
        if matches!(op.kind, Kind::Plain(Operator::Trees(_))) {
            self.tie_all(out);
        }
        if op.is_clipped() && (op.lo != 0.0 || op.hi != f64::INFINITY) {
            self.tie_all(out);
        }
    }

    /// Scores are int32 where all that makes and moves them can write that, and nobody else reads them.
    fn scores_are_wide(&self, lowered: &Lowered) -> bool {
        let family = self.family(lowered.scores);
        let mut members = self.members(family).filter(|&key| lowered.width(key) > 0);
        members.all(|key| {
            let made = lowered.op(key).is_some_and(|op| !matches!(op.kind, Kind::Plain(Operator::Pool(_))));
            made && lowered.readers(key).all(|reader| reader.keeps_grid())
        })
    }

    /// What every family needs, from the operators around it.
    fn collect(&mut self, lowered: &Lowered) {
        self.needs.fill(Needs { bounded: true, ..Needs::default() });
        for op in lowered.alive() {
            if makes_zero(op) {
                self.needs_zero(op.value);
            }
            let out = self.family(op.value);
            self.needs[out].bounded &= is_bounded(op);
            for &input in &op.inputs {
                let (zero, weighted, common) = reads(op);
                if zero {
                    self.needs_zero(input);
                }
                let family = self.family(input);
                self.needs[family].weighted += weighted;
                self.needs[family].common |= common;
            }
        }
        for (index, group) in lowered.groups.iter().enumerate() {
            let key = lowered.ops.len() + index;
            let family = self.family(key);
            self.needs[family].bounded = false;
            if key == lowered.scores {
                self.needs_zero(key);
            }
            if matches!(group.coding, Coding::Ranks(_)) {
                self.needs[family].weighted += 2; // ranks are not for a layer to move
            }
        }
    }

    fn unite(&mut self, one: Key, other: Key) {
        let (one, other) = (find(&self.families, one), find(&self.families, other));
        self.families[one.max(other)] = one.min(other);
    }

    fn same(&mut self, (key, element): (Key, usize), (other, place): (Key, usize)) {
        let one = find_mut(&mut self.classes, self.offsets[key] + element);
        let other = find_mut(&mut self.classes, self.offsets[other] + place);
        self.classes[one.max(other)] = one.min(other);
    }

    fn tie_all(&mut self, key: Key) {
        let width = self.offsets[key + 1] - self.offsets[key];
        (1..width).for_each(|element| self.same((key, 0), (key, element)));
    }

    fn tie_channels(&mut self, key: Key, channels: usize) {
        let width = self.offsets[key + 1] - self.offsets[key];
        (channels..width).for_each(|element| self.same((key, element % channels), (key, element)));
    }
}

/// Whether real zero has to be the zero point of what an operator makes: where it is clipped there, and where there is one
/// factor for all elements.
fn makes_zero(op: &Op) -> bool {
    let moved = matches!(
        op.kind,
        Kind::Plain(
            Operator::Dense { .. }
                | Operator::Conv(_)
                | Operator::Select { .. }
                | Operator::Reshape
                | Operator::Concat { .. }
                | Operator::Pool(_)
        )
    );
    op.is_clipped() || !moved
}

/// Whether what an operator makes stays in the bounds that calibration saw.
fn is_bounded(op: &Op) -> bool {
    let is_clipped = op.lo > f64::NEG_INFINITY && op.hi < f64::INFINITY;
    op.keeps_grid() || is_clipped || matches!(op.kind, Kind::Plain(Operator::Softmax { .. } | Operator::Cell(_)))
}

/// How an operator reads: with real zero at the zero point, with weights, with one factor or places of its own.
fn reads(op: &Op) -> (bool, usize, bool) {
    match &op.kind {
        Kind::Plain(Operator::Dense { .. }) => (false, 1, false),
        Kind::Plain(Operator::Conv(conv)) => (conv.window.before != [0, 0] || conv.window.after != [0, 0], 1, false),
        Kind::Plain(Operator::Pool(pool)) => (pool.kind == PoolKind::MeanWithPadding, 0, false),
        Kind::Plain(Operator::Clip { .. }) => (true, 0, false),
        Kind::Plain(Operator::Select { .. } | Operator::Reshape | Operator::Concat { .. } | Operator::Trees(_)) => {
            (false, 0, false)
        }
        Kind::Plain(Operator::Distance { .. }) | Kind::SquaredError { .. } => (false, 0, true),
        _ => (true, 0, true),
    }
}

fn find(parents: &[usize], mut at: usize) -> usize {
    while parents[at] != at {
        at = parents[at];
    }
    at
}

/// As [`find`], and shortens the way for the next one.
fn find_mut(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

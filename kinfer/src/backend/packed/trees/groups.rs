//! Which trees go down together: neighbours of one class, padded to the depth of the deepest.

use super::descent::TOGETHER;
use crate::format::{Leaves, Tree, Trees};

/// The deepest tree that is padded to a perfect one.
pub(super) const MAX_DEPTH: u32 = 8;

/// What the leaves of perfect trees hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A value less the tree's smallest, in 16 bits.
    Narrow,
    /// A value in 32 bits.
    Wide,
    /// Two values in 32 bits, for two classes.
    Two,
    /// The number of a row of values, one a class.
    Row,
}

impl Form {
    /// The form of all trees of an operator that makes `classes` scores.
    pub(super) fn of(trees: &Trees, data: &[u8], classes: usize) -> Self {
        match (trees.leaves, classes) {
            (Leaves::Vector, 2) => Self::Two,
            (Leaves::Vector, 3..) => Self::Row,
            _ if trees.iter(data, classes).all(|tree| spread(&tree) <= u32::from(u16::MAX)) => Self::Narrow,
            _ => Self::Wide,
        }
    }

    pub(super) const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Narrow,
            1 => Self::Wide,
            2 => Self::Two,
            _ => Self::Row,
        }
    }

    /// Words of the leaves of trees that have `leaves` in all.
    pub(super) const fn words(self, leaves: usize) -> usize {
        match self {
            Self::Narrow | Self::Row => leaves.div_ceil(4),
            Self::Wide => leaves.div_ceil(2),
            Self::Two => leaves,
        }
    }
}

fn spread(tree: &Tree<'_>) -> u32 {
    let (lo, hi) = tree.values().fold((i32::MAX, i32::MIN), |(lo, hi), value| (lo.min(value), hi.max(value)));
    hi.wrapping_sub(lo) as u32
}

/// What groups share that run in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Depth of the trees, 1 to [`MAX_DEPTH`].
    pub(super) depth: u32,
    /// The class whose score they add to.
    pub(super) class: u16,
}

impl Kind {
    /// Leaves of a group's trees.
    pub(super) const fn leaves(self) -> usize {
        TOGETHER.wrapping_shl(self.depth)
    }

    /// Words of a group's features, thresholds and leaves; rows come behind.
    pub(super) const fn words(self, form: Form) -> usize {
        words(self.leaves(), form)
    }
}

/// Words of features, thresholds and leaves of trees with `leaves` in all.
pub(super) const fn words(leaves: usize, form: Form) -> usize {
    leaves.div_ceil(8).wrapping_add(leaves.div_ceil(4)).wrapping_add(form.words(leaves))
}

/// Neighbouring trees that go down together.
#[derive(Clone, Debug)]
pub(super) struct Group<I> {
    pub(super) kind: Kind,
    trees: I,
    count: usize,
}

impl<'a, I: Iterator<Item = Tree<'a>> + Clone> Group<I> {
    /// Its trees, at most as many as go down together.
    pub(super) fn trees(&self) -> impl Iterator<Item = Tree<'a>> + use<'a, I> {
        self.trees.clone().take(self.count)
    }

    /// Leaves of the trees as they are in the file.
    pub(super) fn file_leaves(&self) -> usize {
        self.trees().fold(0, |leaves, tree| leaves.saturating_add(tree.leaves() as usize))
    }
}

/// The groups of `trees`, none of which is a single leaf.
pub(super) fn groups<'a, I>(mut trees: I) -> impl Iterator<Item = Group<I>> + use<'a, I>
where
    I: Iterator<Item = Tree<'a>> + Clone,
{
    core::iter::from_fn(move || {
        let first = trees.clone();
        let tree = trees.next()?;
        let (class, mut depth, mut count) = (tree.class, tree.depth(), 1usize);
        let mut ahead = trees.clone();
        while let Some(tree) = ahead.next().filter(|tree| tree.class == class && count < TOGETHER) {
            (depth, count) = (depth.max(tree.depth()), count.saturating_add(1));
            trees = ahead.clone();
        }
        Some(Group { kind: Kind { depth, class }, trees: first, count })
    })
}

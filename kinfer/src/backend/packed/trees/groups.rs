//! Which trees go down together: neighbours of one class, padded to the depth of the deepest.

use super::descent::{NODES_WORDS, TOGETHER};
use crate::format::{Leaves, Tree, TreeIter, Trees};

/// The deepest tree that is padded to a perfect one.
pub(super) const MAX_DEPTH: u32 = 8;

/// What the leaves of perfect trees hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A value less the tree's smallest, in 16 bits.
    Narrow,
    /// Two values in 32 bits each: those of two classes, or a wide value of one and zero, which changes no score.
    Two,
    /// The number of a row of values, one a class.
    Row,
}

impl Form {
    /// The form of all trees of an operator that makes `classes` scores.
    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    pub(super) fn of(trees: &Trees, data: &[u8], classes: usize) -> Self {
        match (trees.leaves, classes) {
            (Leaves::Vector, 2) => Self::Two,
            (Leaves::Vector, 3..) => Self::Row,
            _ => {
                for tree in trees.iter(data, classes) {
                    if spread(&tree) > u32::from(u16::MAX) {
                        return Self::Two;
                    }
                }
                Self::Narrow
            }
        }
    }

    pub(super) const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Narrow,
            1 => Self::Two,
            _ => Self::Row,
        }
    }

    /// Words of the leaves of trees that have `leaves` in all.
    pub(super) const fn words(self, leaves: usize) -> usize {
        match self {
            Self::Narrow | Self::Row => leaves.div_ceil(4),
            Self::Two => leaves,
        }
    }
}

/// From the tree's smallest value to its largest.
fn spread(tree: &Tree<'_>) -> u32 {
    let (mut lo, mut hi) = (i32::MAX, i32::MIN);
    for value in tree.values() {
        (lo, hi) = (lo.min(value), hi.max(value));
    }
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

    /// Words behind the last group, so that one code goes down trees of every depth: from the thresholds on, which are no
    /// longer than the leaves behind them, it sees [`NODES_WORDS`].
    pub(super) const fn spare(self) -> usize {
        NODES_WORDS.wrapping_sub(self.leaves().wrapping_shr(1))
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) kind: Kind,
    /// Leaves of the trees as they are in the file.
    pub(super) file_leaves: usize,
    first: Grown<'a>,
    count: usize,
}

impl<'a> Group<'a> {
    /// Its trees, at most as many as go down together.
    pub(super) fn trees(&self) -> impl Iterator<Item = Tree<'a>> + use<'a> {
        self.first.take(self.count)
    }
}

/// The trees that are more than a leaf.
#[derive(Clone, Copy, Debug)]
struct Grown<'a>(TreeIter<'a>);

impl<'a> Iterator for Grown<'a> {
    type Item = Tree<'a>;

    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn next(&mut self) -> Option<Tree<'a>> {
        loop {
            let tree = self.0.next()?;
            if tree.nodes() > 0 {
                return Some(tree);
            }
        }
    }
}

/// The groups that trees make, those that are a single leaf left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups<'a>(Grown<'a>);

impl<'a> Groups<'a> {
    pub(super) const fn new(trees: TreeIter<'a>) -> Self {
        Self(Grown(trees))
    }
}

impl<'a> Iterator for Groups<'a> {
    type Item = Group<'a>;

    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn next(&mut self) -> Option<Group<'a>> {
        let first = self.0;
        let tree = self.0.next()?;
        let (class, mut depth, mut count, mut file_leaves) = (tree.class, tree.depth(), 1usize, tree.leaves() as usize);
        let mut ahead = self.0;
        while let Some(tree) = ahead.next() {
            if tree.class != class || count >= TOGETHER {
                break;
            }
            depth = depth.max(tree.depth());
            count = count.wrapping_add(1);
            file_leaves = file_leaves.wrapping_add(tree.leaves() as usize); // eight of 16 bits
            self.0 = ahead;
        }
        Some(Group { kind: Kind { depth, class }, file_leaves, first, count })
    }
}

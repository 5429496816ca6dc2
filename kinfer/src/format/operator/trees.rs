//! Decision trees: four bytes a node, in level order, so that what a node's children are need not be said.

use super::super::bytes::{at, i16_at, u16_at};
use super::additive::{entries, Entries};
use super::fields::Fields;
use super::table::words;
use crate::error::Problem;
use crate::iter::chunks;

/// What a leaf holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Leaves {
    /// One value, added to the score of the tree's class: gradient boosting, regression, path lengths.
    Value = 0,
    /// A value for each class: the votes or shares of a random forest.
    Vector = 1,
}

/// Decision trees, summed (ONNX-ML TreeEnsembleClassifier and TreeEnsembleRegressor, isolation forests): `score[c] =
/// base[c] + Σ over the trees of the value for class c of the leaf that the input reaches`.
///
/// A tree of `n` nodes has `n + 1` leaves. Its nodes lie level by level, each level from left to right, and so do its
/// leaves; a node says of each child only whether it is a node or a leaf. No such list has a cycle, and none has two ways
/// to one node: what can be wrong is that a node has no parent, or that children are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trees {
    /// What a leaf holds.
    pub leaves: Leaves,
    /// Whether [`MISSING`](crate::ops::trees::MISSING) is no number, and goes where each node says.
    pub missing: bool,
    /// How many trees there are.
    pub count: u32,
    /// Offset in the data section of two `u16` a tree: its nodes, its class (0 where leaves are vectors).
    pub table: u32,
    /// Offset of the nodes, tree after tree.
    pub nodes: u32,
    /// Offset of the leaves' `i32`s, tree after tree.
    pub values: u32,
    /// Offset of one `i32` a class: the score before any tree.
    pub bases: u32,
}

/// Bytes of a tree in the table.
pub(crate) const TREE_SIZE: usize = 4;
/// Bytes of a node.
pub(crate) const NODE_SIZE: usize = 4;

/// Flag of a record: the smallest value of int16 is a missing one.
const MISSING_BRANCH: u16 = 1;

impl Trees {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            leaves: match fields.variant() {
                0 => Leaves::Value,
                1 => Leaves::Vector,
                code => return Err(Problem::UnknownLeaves { code }),
            },
            missing: fields.flag(MISSING_BRANCH),
            count: fields.number(0) as u32,
            table: fields.offset(0),
            nodes: fields.offset(1),
            values: fields.offset(2),
            bases: fields.offset(3),
        })
    }

    /// Values of a leaf, of an operator that makes `classes` scores.
    pub const fn row(&self, classes: usize) -> usize {
        match self.leaves {
            Leaves::Value => 1,
            Leaves::Vector => classes,
        }
    }

    /// The trees in the data section, as far as the data goes.
    #[inline(never)]
    pub fn iter<'a>(&self, data: &'a [u8], classes: usize) -> TreeIter<'a> {
        let from = |offset: u32| data.get(offset as usize..).unwrap_or(&[]);
        TreeIter {
            left: self.count,
            table: from(self.table),
            nodes: from(self.nodes),
            values: from(self.values),
            row: self.row(classes),
        }
    }

    /// The scores before any tree, as far as the data goes.
    pub fn bases<'a>(&self, data: &'a [u8], classes: usize) -> Entries<'a> {
        words(data, self.bases, classes)
    }
}

/// See [`Trees::iter`].
#[derive(Clone, Copy, Debug)]
pub struct TreeIter<'a> {
    left: u32,
    table: &'a [u8],
    nodes: &'a [u8],
    values: &'a [u8],
    row: usize,
}

impl<'a> Iterator for TreeIter<'a> {
    type Item = Tree<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Tree<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (entry, table) = self.table.split_at_checked(TREE_SIZE)?;
        let (count, class) = (usize::from(u16_at(entry, 0)), u16_at(entry, 2));
        let (nodes, behind) = self.nodes.split_at_checked(count.wrapping_mul(NODE_SIZE))?;
        let bytes = count.wrapping_add(1).saturating_mul(self.row).saturating_mul(4);
        let (values, rest) = self.values.split_at_checked(bytes)?;
        (self.table, self.nodes, self.values) = (table, behind, rest);
        Some(Tree { class, nodes, values, row: self.row })
    }
}

/// One tree.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    /// The class whose score it adds to, where leaves are single values.
    pub class: u16,
    nodes: &'a [u8],
    values: &'a [u8],
    row: usize,
}

/// A child of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// A node, by its number in the tree.
    Node(u32),
    /// A leaf, by its number in the tree.
    Leaf(u32),
}

/// A node: `input[feature] <= threshold` goes left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The element of the input that it looks at.
    pub feature: u16,
    /// The largest value that goes left.
    pub threshold: i16,
    /// Whether a missing value goes right.
    pub missing_right: bool,
    /// Where it goes on when the value is small.
    pub left: Child,
    /// Where it goes on when the value is large.
    pub right: Child,
}

/// Bits of a node's first `u16` that are the feature.
const FEATURE_MASK: u16 = 0x1fff;
const MISSING_RIGHT: u16 = 1 << 13;
const LEFT_IS_NODE: u16 = 1 << 14;
const RIGHT_IS_NODE: u16 = 1 << 15;

impl<'a> Tree<'a> {
    /// Nodes.
    pub fn nodes(&self) -> u32 {
        self.nodes.len().checked_div(NODE_SIZE).unwrap_or(0) as u32
    }

    /// Leaves: one more than nodes.
    pub fn leaves(&self) -> u32 {
        self.nodes().saturating_add(1)
    }

    /// The nodes in order, with their children numbered.
    pub fn splits(&self) -> Splits<'a> {
        Splits { nodes: self.nodes, next_node: 1, next_leaf: 0 }
    }

    /// Comparisons from the root to the furthest leaf, of a tree whose every node has a parent before it.
    #[inline(never)]
    pub fn depth(&self) -> u32 {
        // `end` is the first node of the next level, `next` the first that no node has named yet.
        let (mut depth, mut end, mut next) = (0u32, 0, 1);
        for (number, split) in crate::iter::numbered(self.splits()) {
            if number == end {
                (depth, end) = (depth.saturating_add(1), next);
            }
            for child in [split.left, split.right] {
                if let Child::Node(child) = child {
                    next = child.saturating_add(1);
                }
            }
        }
        depth
    }

    /// The values of leaf `number`.
    pub fn leaf(&self, number: u32) -> Entries<'a> {
        let size = self.row.saturating_mul(4);
        let skipped = size.saturating_mul(number as usize);
        let bytes = self.values.get(skipped..).and_then(|tail| tail.get(..size)).unwrap_or(&[]);
        entries(bytes)
    }

    /// The values for one class, leaf after leaf; `class` is 0 where leaves are single values.
    pub fn column(&self, class: usize) -> impl Iterator<Item = i32> + use<'a> {
        let skipped = class.saturating_mul(4);
        chunks(self.values, self.row.saturating_mul(4)).map(move |row| i32::from_le_bytes(at(row, skipped)))
    }

    /// All values, leaf after leaf.
    pub fn values(&self) -> Entries<'a> {
        entries(self.values)
    }
}

/// See [`Tree::splits`].
#[derive(Clone, Debug)]
pub struct Splits<'a> {
    nodes: &'a [u8],
    next_node: u32,
    next_leaf: u32,
}

impl Iterator for Splits<'_> {
    type Item = Split;

    #[inline(never)]
    fn next(&mut self) -> Option<Split> {
        let (bytes, rest) = self.nodes.split_at_checked(NODE_SIZE)?;
        self.nodes = rest;
        let word = u16_at(bytes, 0);
        let mut child = |bit| {
            let is_node = word & bit != 0;
            let next = if is_node { &mut self.next_node } else { &mut self.next_leaf };
            let number = *next;
            *next = number.wrapping_add(1);
            if is_node {
                Child::Node(number)
            } else {
                Child::Leaf(number)
            }
        };
        let (left, right) = (child(LEFT_IS_NODE), child(RIGHT_IS_NODE));
        Some(Split {
            feature: word & FEATURE_MASK,
            threshold: i16_at(bytes, 2),
            missing_right: word & MISSING_RIGHT != 0,
            left,
            right,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Child, Split, Tree};
    use std::vec::Vec;

    #[test]
    fn level_order_says_which_child_is_which() {
        // Node 0: left node 1, right leaf 0. Node 1: leaves 1 and 2.
        let nodes = [7, 0x40, 0xff, 0xff, 2, 0x20, 5, 0];
        let values = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
        let tree = Tree { class: 0, nodes: &nodes, values: &values, row: 1 };
        let (node, leaf) = (Child::Node, Child::Leaf);
        let splits = [
            Split { feature: 7, threshold: -1, missing_right: false, left: node(1), right: leaf(0) },
            Split { feature: 2, threshold: 5, missing_right: true, left: leaf(1), right: leaf(2) },
        ];
        assert_eq!(tree.splits().collect::<Vec<_>>(), splits);
        assert_eq!((tree.depth(), tree.leaves()), (2, 3));
        assert_eq!(tree.leaf(1).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_tree_without_nodes_is_one_leaf() {
        let tree = Tree { class: 0, nodes: &[], values: &[1, 0, 0, 0], row: 1 };
        assert_eq!((tree.depth(), tree.leaves(), tree.splits().count()), (0, 1, 0));
    }
}

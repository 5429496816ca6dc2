//! Decision trees: what all trees share, a base a class, then a block a tree: its head, a word a node, two leaf values a
//! word.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::i32s;
use crate::format::{Child, Split, Tree, Trees};
use crate::ops::trees::{step, MAX_DEPTH};
use crate::verify::Node;

const HEADER_WORDS: usize = 1;

pub(super) fn need(node: &Node<'_>, trees: &Trees) -> Need {
    let classes = node.outputs();
    let (mut words, mut steps) = (HEADER_WORDS.wrapping_add(classes.div_ceil(2)), 0u64);
    for tree in trees.iter(node.model.data(), classes) {
        words = words
            .wrapping_add(1)
            .wrapping_add(tree.nodes() as usize)
            .wrapping_add(leaf_words(&tree, trees.row(classes)));
        steps = steps.wrapping_add(u64::from(tree.depth()));
    }
    let adds = u64::from(trees.count).wrapping_mul(trees.row(classes) as u64);
    Need {
        // At worst: three loads in a row a node, and a branch that goes another way than was thought.
        cycles: steps.wrapping_mul(29).wrapping_add(adds.wrapping_mul(4)).min(u64::from(u32::MAX)) as u32,
        words: words.min(u32::MAX as usize) as u32,
        ..Need::default()
    }
}

pub(super) fn pack(node: &Node<'_>, trees: &Trees, memory: &mut [i64]) {
    let (data, classes) = (node.model.data(), node.outputs());
    let mut to = Writer(memory);
    to.pair(trees.row(classes) as i32, i32::from(trees.missing));
    to.values(classes.div_ceil(2), trees.bases(data, classes));
    for tree in trees.iter(data, classes) {
        to.pair(tree.nodes() as i32, i32::from(tree.class));
        for split in tree.splits() {
            to.word(to_word(&split));
        }
        to.values(leaf_words(&tree, trees.row(classes)), tree.values());
    }
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    let Some((&[head], rest)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let (row, missing) = halves(head);
    let row = row as usize;
    let Some((bases, mut rest)) = rest.split_at_checked(io.output.len().div_ceil(2)) else { return };
    for (score, &base) in io.output.iter_mut().zip(i32s(bases)) {
        *score = base;
    }
    while let Some((&[head], behind)) = rest.split_first_chunk::<1>() {
        let (nodes, class) = halves(head);
        let nodes = nodes as usize;
        let Some((splits, behind)) = behind.split_at_checked(nodes) else { return };
        let values = nodes.wrapping_add(1).wrapping_mul(row);
        let Some((leaves, behind)) = behind.split_at_checked(values.div_ceil(2)) else { return };
        let first = (leaf(splits, missing != 0, io.input) as usize).wrapping_mul(row);
        let reached = i32s(leaves).get(first..).unwrap_or(&[]).iter().take(row);
        let scores = io.output.get_mut(class as usize..).unwrap_or_default();
        for (score, &value) in scores.iter_mut().zip(reached) {
            // The sum of all trees fits, so it does not matter what a part of it does.
            *score = score.wrapping_add(value);
        }
        rest = behind;
    }
}

/// The leaf that `input` reaches.
#[inline]
fn leaf(splits: &[i64], missing: bool, input: &[i32]) -> u32 {
    let mut at = 0u32;
    for _ in 0..MAX_DEPTH {
        let Some(&word) = splits.get(at as usize) else { break };
        let split = from_word(word);
        let value = input.get(usize::from(split.feature)).copied().unwrap_or(0);
        match step(&split, missing, value) {
            Child::Node(node) => at = node,
            Child::Leaf(leaf) => return leaf,
        }
    }
    0 // a tree of one leaf
}

fn leaf_words(tree: &Tree<'_>, row: usize) -> usize {
    (tree.leaves() as usize).wrapping_mul(row).div_ceil(2)
}

/// Set in a child's 16 bits when it is a leaf, and in the feature's when missing values go right.
const BIT: u16 = 1 << 15;

fn to_word(split: &Split) -> i64 {
    let child = |child| match child {
        Child::Node(number) => number as u16,
        Child::Leaf(number) => number as u16 | BIT,
    };
    let feature = split.feature | if split.missing_right { BIT } else { 0 };
    let fields = [feature, split.threshold as u16, child(split.left), child(split.right)];
    fields.iter().rev().fold(0, |word, &field| (word << 16) | i64::from(field))
}

#[inline]
const fn from_word(word: i64) -> Split {
    const fn child(field: u16) -> Child {
        if field & BIT == 0 {
            Child::Node(field as u32)
        } else {
            Child::Leaf((field & !BIT) as u32)
        }
    }
    Split {
        feature: word as u16 & !BIT,
        threshold: (word >> 16) as i16,
        missing_right: word as u16 & BIT != 0,
        left: child((word >> 32) as u16),
        right: child((word >> 48) as u16),
    }
}

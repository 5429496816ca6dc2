//! A tree of the file → a perfect tree in heap order.

use super::descent::Inputs;
use crate::format::{Child, Split, Tree};

/// Stands for a node in the place of the threshold of a node that is not filled yet; a leaf is its number there.
const NODE: i16 = -1;

/// Elements that a byte can name.
pub(super) const MOST_INPUTS: usize = size_of::<Inputs>() / size_of::<i64>();

/// Where a threshold of a node that sends missing values right looks: behind `inputs` inputs lie the same less one, with
/// the missing one above all others, and so the threshold is less one as well.
fn looks(split: &Split, inputs: usize) -> (usize, i16) {
    let feature = usize::from(split.feature);
    match split.missing_right {
        true => (feature.wrapping_add(inputs), split.threshold.wrapping_sub(1)),
        false => (feature, split.threshold),
    }
}

/// Fills the features and thresholds of a perfect tree, a power of two each, and calls `leaf` with each of its leaves'
/// places and the leaf of the file that is there. Below a leaf of the file every node sends everything left.
pub(super) fn fill(
    tree: &Tree<'_>,
    inputs: usize,
    features: &mut [u8],
    thresholds: &mut [i16],
    mut leaf: impl FnMut(usize, u32),
) {
    let size = thresholds.len();
    let mut splits = tree.splits();
    let mark = |child| match child {
        Child::Node(_) => NODE,
        Child::Leaf(number) => number as i16, // below 2^8 in a tree of depth 8
    };
    let root = if tree.nodes() == 0 { 0 } else { NODE };
    if let Some(to) = thresholds.get_mut(1) {
        *to = root;
    }
    // Heap order is level order, so that the nodes of the file come as their places do.
    for node in 1..size {
        let is = thresholds.get(node).copied().unwrap_or_default();
        let split = if is == NODE { splits.next() } else { None };
        let (feature, threshold, children) = match split {
            Some(split) => {
                let (feature, threshold) = looks(&split, inputs);
                (feature, threshold, [mark(split.left), mark(split.right)])
            }
            None => (0, i16::MAX, [is; 2]),
        };
        for (at, value) in [node.wrapping_mul(2), node.wrapping_mul(2).wrapping_add(1)].into_iter().zip(children) {
            match thresholds.get_mut(at) {
                Some(to) => *to = value,
                None => leaf(at.wrapping_sub(size), value as u32),
            }
        }
        if let Some(to) = features.get_mut(node) {
            *to = feature as u8; // below `MOST_INPUTS`
        }
        if let Some(to) = thresholds.get_mut(node) {
            *to = threshold;
        }
    }
}

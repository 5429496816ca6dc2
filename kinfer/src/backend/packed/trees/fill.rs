//! A tree of the file → a perfect tree in heap order.

use super::descent::{place, unsigned, Inputs};
use super::LeafWriter;
use crate::format::{Child, Split, Tree};

/// Stands for a node in the place of the threshold of a node that is not filled yet; a leaf is its number there.
const NODE: i16 = -1;

/// Elements that a byte can name.
pub(super) const MOST_INPUTS: usize = size_of::<Inputs>() / size_of::<u16>();

/// Where a threshold of a node that sends missing values right looks: behind `inputs` inputs lie the same less one, with
/// the missing one above all others, and so the threshold is less one as well.
fn looks(split: &Split, inputs: usize) -> (usize, i16) {
    let feature = usize::from(split.feature);
    match split.missing_right {
        true => (feature.wrapping_add(inputs), split.threshold.wrapping_sub(1)),
        false => (feature, split.threshold),
    }
}

/// Fills the features and thresholds of a tree that is padded to `depth`, the `number`-th of those that go down together,
/// and puts into each of its places for a leaf the leaf of the file that is there. Below a leaf of the file every node
/// sends everything left.
pub(super) fn fill(
    tree: &Tree<'_>,
    number: usize,
    depth: u32,
    inputs: usize,
    (features, thresholds): (&mut [u8], &mut [i16]),
    leaves: &mut LeafWriter<'_, '_>,
) {
    let size = 1usize.wrapping_shl(depth);
    let mut splits = tree.splits();
    let mark = |child| match child {
        Child::Node(_) => NODE,
        Child::Leaf(number) => number as i16, // below 2^8 in a tree of depth 8
    };
    put(thresholds, place(number, 1), if tree.nodes() == 0 { 0 } else { NODE });
    // Heap order is level order, so that the nodes of the file come as their places do.
    for node in 1..size {
        let at = place(number, node);
        let is = thresholds.get(at).copied().unwrap_or_default();
        let split = if is == NODE { splits.next() } else { None };
        let (feature, threshold, children) = match split {
            Some(split) => {
                let (feature, threshold) = looks(&split, inputs);
                (feature, threshold, [mark(split.left), mark(split.right)])
            }
            None => (0, i16::MAX, [is; 2]),
        };
        let mut child = node.wrapping_mul(2);
        for &value in &children {
            if child < size {
                put(thresholds, place(number, child), value);
            } else {
                leaves.put(child.wrapping_sub(size), value as u32);
            }
            child = child.wrapping_add(1);
        }
        put(features, at, feature as u8); // below `MOST_INPUTS`
        put(thresholds, at, unsigned(i32::from(threshold)) as i16);
    }
}

/// `to[at] = value`, where there is such a place.
pub(super) fn put<T>(to: &mut [T], at: usize, value: T) {
    if let Some(to) = to.get_mut(at) {
        *to = value;
    }
}

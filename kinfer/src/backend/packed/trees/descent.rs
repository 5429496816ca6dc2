//! The way down eight perfect trees at once, without a branch.
//!
//! The trees are the subtrees below the nodes 8 to 15 of one heap: behind node `q` come `2q` and `2q + 1`, whichever tree
//! it is in, so that the way down is `q = 2q + (x > threshold)`, and behind the last level come the leaves. The features
//! and the thresholds are an array each: three loads a step from arrays of small things beat one load of a packed node and
//! the shifts that take it apart. One way waits for each of its loads; eight of them fill the machine's registers and keep
//! it busy.

use super::groups::MAX_DEPTH;

/// Trees that go down together.
pub(super) const TOGETHER: usize = 8;

/// The inputs, in room for whatever a byte can name, so that looking one up needs no check.
pub(super) type Inputs = [i64; 256];

/// Nodes of as many trees of the greatest depth.
pub(super) const MOST_NODES: usize = TOGETHER << MAX_DEPTH;

/// The last node, all ones. With it as a mask, which changes nothing, and with a feature of 8 bits, the compiler needs no
/// checks.
const LAST: usize = MOST_NODES - 1;

/// The leaves that the inputs reach in eight trees of `depth`, numbered through. It sees nodes that are not there, and does
/// not go to any.
#[inline(always)]
pub(super) fn descend(
    inputs: &Inputs,
    features: &[u8; MOST_NODES],
    thresholds: &[i16; MOST_NODES],
    depth: u8,
) -> [usize; TOGETHER] {
    let mut nodes = [8usize, 9, 10, 11, 12, 13, 14, 15];
    for _ in 0..depth {
        for node in &mut nodes {
            let at = *node & LAST;
            let (feature, threshold) = (element(features, at), element(thresholds, at));
            let right = element(inputs, usize::from(feature)) > i64::from(threshold);
            *node = at.wrapping_add(at).wrapping_add(usize::from(right));
        }
    }
    let leaves = TOGETHER.wrapping_shl(u32::from(depth));
    nodes.map(|node| node.wrapping_sub(leaves) & LAST)
}

/// Where node `node` of a tree by itself, in heap order from 1, lies in the heap of eight, of which it is the `tree`-th.
pub(super) fn place(tree: usize, node: usize) -> usize {
    let level = node.checked_ilog2().unwrap_or(0);
    node.wrapping_add(tree.wrapping_add(TOGETHER.wrapping_sub(1)).wrapping_shl(level))
}

/// Element `at`, which is in bounds.
#[inline(always)]
pub(super) fn element<T: Copy + Default, const M: usize>(array: &[T; M], at: usize) -> T {
    array.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{descend, place, MOST_NODES};

    #[test]
    fn trees_lie_side_by_side_in_every_level() {
        assert_eq!([place(0, 1), place(7, 1)], [8, 15]);
        assert_eq!([place(0, 2), place(0, 3), place(1, 2), place(7, 3)], [16, 17, 18, 31]);
        assert_eq!([place(2, 4), place(2, 7)], [40, 43]);
    }

    #[test]
    fn a_large_input_goes_right() {
        let (mut features, mut thresholds) = ([0u8; MOST_NODES], [0i16; MOST_NODES]);
        (features[9], thresholds[9], thresholds[10]) = (1, -7, 5);
        let mut inputs = [0; 256];
        (inputs[0], inputs[1]) = (5, -7);
        assert_eq!(descend(&inputs, &features, &thresholds, 1), [1, 2, 4, 7, 9, 11, 13, 15]);
    }
}

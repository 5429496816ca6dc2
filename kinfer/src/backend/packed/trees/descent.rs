//! Ways down perfect trees, several trees at once, without a branch.
//!
//! A perfect tree of depth `D` has its nodes in heap order from 1: behind node `p` come `2p` and `2p + 1`, so that the way
//! down is `p = 2p + (x > threshold)`, and after `D` steps `p − 2^D` is the leaf. The features, the thresholds and the
//! leaves of a tree are an array each: three loads a step from arrays of small things beat one load of a packed node and
//! the shifts that take it apart. One way waits for each of its loads; `K` of them interleaved keep the machine busy.

/// The inputs, in room for whatever a byte can name, so that looking one up needs no check.
pub(super) type Inputs = [i64; 256];

/// The leaves that the inputs reach in `K` trees of depth `D`, where `N` is `2^D`.
#[inline(always)]
pub(super) fn descend<const D: usize, const N: usize, const K: usize>(
    inputs: &Inputs,
    features: &[[u8; N]; K],
    thresholds: &[[i16; N]; K],
) -> [usize; K] {
    let mut nodes = [1; K];
    for _ in 0..D {
        for ((node, features), thresholds) in nodes.iter_mut().zip(features).zip(thresholds) {
            let at = *node & N.wrapping_sub(1);
            // In bounds by the mask, and `feature` by its type: the compiler leaves no check.
            let (feature, threshold) = (element(features, at), element(thresholds, at));
            let right = element(inputs, usize::from(feature)) > i64::from(threshold);
            *node = at.wrapping_add(at).wrapping_add(usize::from(right));
        }
    }
    nodes.map(|node| node & N.wrapping_sub(1))
}

/// Element `at`, which is in bounds.
#[inline(always)]
pub(super) fn element<T: Copy + Default, const N: usize>(array: &[T; N], at: usize) -> T {
    array.get(at).copied().unwrap_or_default()
}

//! Decision trees, walked as they are drawn: from the root, node by node, with the children that each names.

use kinfer::format::Leaves;
use kinfer_convert::kinf::{TreeNodeSpec, TreeSpec, TreesSpec};
use num_bigint::BigInt;

use super::Wide;

pub(super) fn run(trees: &TreesSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let mut scores: Vec<BigInt> = trees.bases.iter().copied().map(BigInt::from).collect();
    for tree in &trees.trees {
        let leaf = reached(tree, 0, trees.missing, &io.input);
        match trees.leaves {
            Leaves::Value => scores[usize::from(tree.class)] += leaf[0],
            Leaves::Vector => scores.iter_mut().zip(leaf).for_each(|(score, &value)| *score += value),
        }
    }
    (scores.clone(), scores)
}

/// The leaf below `node` that `input` reaches.
fn reached<'a>(tree: &'a TreeSpec, node: usize, missing: bool, input: &[BigInt]) -> &'a [i32] {
    match &tree.nodes[node] {
        TreeNodeSpec::Leaf(values) => values,
        &TreeNodeSpec::Split { feature, threshold, left, right, missing_right } => {
            let value = &input[usize::from(feature)];
            let goes_left = match missing && *value == BigInt::from(-32_768) {
                true => !missing_right,
                false => *value <= BigInt::from(threshold),
            };
            reached(tree, if goes_left { left } else { right }, missing, input)
        }
    }
}

//! TreeEnsemble: nodes and leaves as lists of their own, version 5 of the domain.

use super::super::super::GraphError;
use super::super::super::node::int;
use super::super::context::Context;
use super::super::value::Value;
use super::trees::{Branch, Builder, push};
use crate::graph::ensemble::Ensemble;

/// A node or a leaf of the lists.
#[derive(Clone, Copy)]
struct Place {
    at: i64,
    is_leaf: bool,
}

/// The sum of the leaves.
pub(super) fn ensemble(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let damaged = "the lists are parallel and name one another: the file is damaged";
    let features = context.ints("nodes_featureids");
    let (when_true, when_false) = (context.ints("nodes_truenodeids"), context.ints("nodes_falsenodeids"));
    let (true_leafs, false_leafs) = (context.ints("nodes_trueleafs"), context.ints("nodes_falseleafs"));
    let missing = context.ints("nodes_missing_value_tracks_true");
    let splits = context.numbers("nodes_splits")?;
    let modes = context.numbers("nodes_modes")?;
    let (targets, weights) = (context.ints("leaf_targetids"), context.numbers("leaf_weights")?);
    let outputs = usize::try_from(int(context.node, "n_targets", 1)).unwrap_or(0);
    let lengths = [when_true.len(), when_false.len(), true_leafs.len(), false_leafs.len(), splits.len(), modes.len()];
    if lengths != [features.len(); 6] || targets.len() != weights.len() || outputs == 0 {
        return Err(context.wrong(format!("its node lists have {} and {lengths:?} entries", features.len()), damaged));
    }
    if int(context.node, "post_transform", 0) != 0 {
        return Err(context.unsupported("a post_transform of the sums is not supported: export the raw sums"));
    }
    let roots = context.ints("tree_roots");
    let share = match int(context.node, "aggregate_function", 1) {
        1 => 1.0,
        0 => 1.0 / roots.len().max(1) as f64,
        _ => return Err(context.unsupported("aggregate_function is neither SUM nor AVERAGE")),
    };
    let mut trees = Vec::with_capacity(roots.len());
    for root in roots {
        let mut builder = Builder::new(Place { at: root, is_leaf: false });
        while let Some(place) = builder.next() {
            let at = usize::try_from(place.at).unwrap_or(usize::MAX);
            if place.is_leaf {
                let leaf = targets.get(at).zip(weights.get(at));
                let leaf = leaf.and_then(|(&target, &weight)| Some((usize::try_from(target).ok()?, weight * share)));
                let leaf = leaf.filter(|(target, _)| *target < outputs);
                builder.leaf(vec![leaf.ok_or_else(|| context.wrong(format!("leaf {at} is not there"), damaged))?]);
                continue;
            }
            let feature = features.get(at).and_then(|&feature| usize::try_from(feature).ok());
            let feature = feature.ok_or_else(|| context.wrong(format!("node {at} is not there"), damaged))?;
            let branch = branch(context, modes[at])?;
            let child = |at: i64, leaf: i64| Place { at, is_leaf: leaf != 0 };
            let children = [child(when_true[at], true_leafs[at]), child(when_false[at], false_leafs[at])];
            let missing_is_true = missing.get(at).is_some_and(|&flag| flag != 0);
            builder.split(branch, feature, splits[at] as f32, children, missing_is_true);
            if builder.len() > 3 * features.len() + 2 {
                return Err(context.wrong(format!("node {at} leads back to itself"), "a tree has no cycles"));
            }
        }
        trees.push(builder.finish());
    }
    push(context, Ensemble { trees, bases: vec![0.0; outputs] }, outputs).map(Value::Tensor)
}

fn branch(context: &Context<'_>, mode: f64) -> Result<Branch, GraphError> {
    Ok(match mode as i64 {
        0 => Branch::Leq,
        1 => Branch::Lt,
        2 => Branch::Gte,
        3 => Branch::Gt,
        4 => Branch::Eq,
        5 => Branch::Neq,
        _ => return Err(context.unsupported("a node tests membership of a set, which is not supported")),
    })
}

//! TreeEnsembleClassifier and TreeEnsembleRegressor: nodes as parallel lists, versions 1 to 3 of the domain.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::super::GraphError;
use super::super::super::constant::{Constant, Elements};
use super::super::context::Context;
use super::super::head::{Choice, Head, Rule};
use super::super::value::{Leaves as OfLeaves, Tensor, Value};
use crate::graph::ensemble::{Ensemble, Tree, TreeNode};
use crate::graph::{Function, Operator, ValueId};
use crate::kinf::functions::Function as Table;

/// Label, and the scores of the classes.
pub(super) fn classifier(context: &mut Context<'_>) -> Result<Vec<Value>, GraphError> {
    let labels = context.class_labels("classlabels_int64s")?;
    let transform = context.check_post_transform(&["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])?;
    let leaves = leaves(context, "class")?;
    let ids: Vec<usize> = leaves.values().flatten().map(|(class, _)| *class).collect();
    if ids.iter().any(|&class| class >= labels.len()) {
        return Err(context.wrong("a leaf votes for a class without a label", "the file is damaged: export it again"));
    }
    // As ONNX Runtime has it: two classes, and all leaves vote for one.
    let one_score = labels.len() == 2 && ids.windows(2).all(|pair| pair[0] == pair[1]);
    let positive = leaves.values().flatten().all(|(_, weight)| *weight >= 0.0);
    let outputs = if one_score { 1 } else { labels.len() };
    let leaves = if one_score { to_score_zero(leaves) } else { leaves };
    let bases = match context.numbers("base_values")? {
        bases if bases.is_empty() => vec![0.0; outputs],
        bases if bases.len() == outputs => bases,
        bases if one_score && bases.len() == 2 => vec![bases[1]],
        bases => return Err(base_values(context, bases.len(), outputs)),
    };
    let trees = trees(context, leaves)?;
    let scores = push(context, Ensemble { trees, bases }, outputs)?;
    let rule = match one_score {
        true if positive => Rule::Threshold { threshold: 0.5, sigmoid: false },
        true => Rule::Threshold { threshold: 0.0, sigmoid: transform == "LOGISTIC" },
        false => Rule::ArgMax,
    };
    let class = Choice { scores: scores.id, head: Head { rule, labels: Some(labels) } };
    let probabilities = match transform.as_str() {
        "LOGISTIC" => {
            context.push(Operator::Map(Function::Table(Table::Sigmoid)), vec![scores.id], scores.dims.clone())
        }
        "SOFTMAX" | "SOFTMAX_ZERO" if outputs > 1 => {
            context.push(Operator::Softmax { row: outputs }, vec![scores.id], scores.dims.clone())
        }
        _ => scores,
    };
    Ok(vec![Value::Class(class), Value::Tensor(probabilities)])
}

/// The sum of the leaves.
pub(super) fn regressor(context: &mut Context<'_>) -> Result<Value, GraphError> {
    context.check_post_transform(&["NONE"])?;
    let targets = usize::try_from(super::super::super::node::int(context.node, "n_targets", 1)).unwrap_or(0);
    let mut leaves = leaves(context, "target")?;
    if targets == 0 || leaves.values().flatten().any(|(target, _)| *target >= targets) {
        return Err(context.wrong("a leaf adds to a target that is not there", "the file is damaged: export it again"));
    }
    let bases = match context.numbers("base_values")? {
        bases if bases.is_empty() => vec![0.0; targets],
        bases if bases.len() == targets => bases,
        bases => return Err(base_values(context, bases.len(), targets)),
    };
    let roots = distinct(&context.ints("nodes_treeids"));
    match context.string("aggregate_function", "SUM").as_str() {
        "SUM" => {}
        "AVERAGE" => leaves.values_mut().flatten().for_each(|(_, value)| *value /= roots.max(1) as f64),
        other => return Err(context.unsupported(format!("aggregate_function {other} is not SUM or AVERAGE"))),
    }
    let trees = trees(context, leaves)?;
    let ensemble = Ensemble { trees, bases };
    match (&ensemble.trees[..], &ensemble.bases[..]) {
        ([tree], &[base]) if ensemble.inputs() <= context.tensor(0)?.width() => {
            Ok(Value::Leaves(by_leaf(tree, base, context.tensor(0)?.id)))
        }
        _ => push(context, ensemble, targets).map(Value::Tensor),
    }
}

/// One tree, as the value of each of its leaves.
fn by_leaf(tree: &Tree, base: f64, input: ValueId) -> OfLeaves {
    let mut values = Vec::new();
    let number = |node: &TreeNode| match node {
        TreeNode::Leaf(leaf) => {
            let sum = base + leaf.iter().map(|(_, value)| value).sum::<f64>();
            let constant = Constant { name: String::new(), dims: vec![1, 1], elements: Elements::Floats(vec![sum]) };
            values.push(Arc::new(constant));
            TreeNode::Leaf(vec![(0, (values.len() - 1) as f64)])
        }
        split => split.clone(),
    };
    let nodes = tree.nodes.iter().map(number).collect();
    OfLeaves { tree: Arc::new(Tree { nodes }), input, values }
}

fn base_values(context: &Context<'_>, has: usize, wants: usize) -> GraphError {
    context.wrong(format!("it has {has} base_values for {wants} scores"), "the file is damaged: export it again")
}

fn distinct(ids: &[i64]) -> usize {
    ids.iter().collect::<std::collections::HashSet<_>>().len()
}

/// Appends the ensemble; a feature that the input does not have is refused.
pub(super) fn push(context: &mut Context<'_>, ensemble: Ensemble, outputs: usize) -> Result<Tensor, GraphError> {
    let input = context.tensor(0)?;
    if ensemble.inputs() > input.width() {
        return Err(context.wrong(
            format!("a tree compares feature {}, its input has {}", ensemble.inputs() - 1, input.width()),
            "the file is damaged: export it again",
        ));
    }
    Ok(context.push(Operator::Trees(ensemble), vec![input.id], vec![1, outputs]))
}

/// Tree and node of an id list.
type Key = (i64, i64);
/// What each leaf adds, as pairs of score and value.
type Leaves = HashMap<Key, Vec<(usize, f64)>>;

fn to_score_zero(leaves: Leaves) -> Leaves {
    leaves.into_iter().map(|(key, values)| (key, values.into_iter().map(|(_, value)| (0, value)).collect())).collect()
}

fn leaves(context: &Context<'_>, what: &str) -> Result<Leaves, GraphError> {
    let list = |name: &str| context.ints(&format!("{what}_{name}"));
    let (trees, nodes, ids) = (list("treeids"), list("nodeids"), list("ids"));
    let weights = context.numbers(&format!("{what}_weights"))?;
    if [nodes.len(), ids.len(), weights.len()] != [trees.len(); 3] {
        return Err(context.wrong(
            format!(
                "its {what} lists have {}, {}, {} and {} entries",
                trees.len(),
                nodes.len(),
                ids.len(),
                weights.len()
            ),
            "they are parallel: the file is damaged",
        ));
    }
    let mut leaves = Leaves::new();
    for (((tree, node), id), weight) in trees.into_iter().zip(nodes).zip(ids).zip(weights) {
        let id =
            usize::try_from(id).map_err(|_| context.wrong(format!("{what} id {id} is negative"), "export it again"))?;
        leaves.entry((tree, node)).or_default().push((id, weight));
    }
    Ok(leaves)
}

/// A node of the lists.
struct Listed {
    branch: Branch,
    feature: i64,
    threshold: f32,
    when_true: i64,
    when_false: i64,
    missing_is_true: bool,
}

/// How a node compares `x` with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    Leaf,
    Leq,
    Lt,
    Gte,
    Gt,
    Eq,
    Neq,
}

impl Branch {
    fn of(mode: &str) -> Option<Self> {
        Some(match mode {
            "LEAF" => Self::Leaf,
            "BRANCH_LEQ" => Self::Leq,
            "BRANCH_LT" => Self::Lt,
            "BRANCH_GTE" => Self::Gte,
            "BRANCH_GT" => Self::Gt,
            "BRANCH_EQ" => Self::Eq,
            "BRANCH_NEQ" => Self::Neq,
            _ => return None,
        })
    }
}

fn trees(context: &Context<'_>, mut leaves: Leaves) -> Result<Vec<Tree>, GraphError> {
    let ids = context.ints("nodes_treeids");
    let nodes = context.ints("nodes_nodeids");
    let features = context.ints("nodes_featureids");
    let (when_true, when_false) = (context.ints("nodes_truenodeids"), context.ints("nodes_falsenodeids"));
    let modes = context.strings("nodes_modes");
    let missing = context.ints("nodes_missing_value_tracks_true");
    let values = context.numbers("nodes_values")?;
    let lengths = [nodes.len(), features.len(), when_true.len(), when_false.len(), modes.len(), values.len()];
    if ids.is_empty() || lengths != [ids.len(); 6] || !(missing.is_empty() || missing.len() == ids.len()) {
        return Err(context.wrong(
            format!("its node lists have {} and {lengths:?} entries", ids.len()),
            "they are parallel and not empty: the file is damaged",
        ));
    }
    let mut order = Vec::new();
    let mut listed = HashMap::new();
    for at in 0..ids.len() {
        let key = (ids[at], nodes[at]);
        let branch = Branch::of(&modes[at])
            .ok_or_else(|| context.unsupported(format!("node mode {} is not supported", modes[at])))?;
        if order.last() != Some(&ids[at]) && !order.contains(&ids[at]) {
            order.push(ids[at]);
        }
        let node = Listed {
            branch,
            feature: features[at],
            threshold: values[at] as f32,
            when_true: when_true[at],
            when_false: when_false[at],
            missing_is_true: missing.get(at).is_some_and(|&flag| flag != 0),
        };
        if listed.insert(key, node).is_some() {
            return Err(context.wrong(
                format!("tree {} has two nodes {}", ids[at], nodes[at]),
                "the file is damaged: export it again",
            ));
        }
    }
    // The root is the node that no other leads to; exporters write it first.
    let mut first = HashMap::new();
    ids.iter().zip(&nodes).for_each(|(&tree, &node)| {
        first.entry(tree).or_insert(node);
    });
    order.into_iter().map(|id| tree(context, id, first[&id], &listed, &mut leaves)).collect()
}

fn tree(
    context: &Context<'_>,
    id: i64,
    root: i64,
    listed: &HashMap<Key, Listed>,
    leaves: &mut Leaves,
) -> Result<Tree, GraphError> {
    let mut builder = Builder::new(root);
    while let Some(node) = builder.next() {
        let Some(at) = listed.get(&(id, node)) else {
            return Err(context.wrong(format!("tree {id} leads to node {node}, which is not there"), "export it again"));
        };
        if at.branch == Branch::Leaf {
            builder.leaf(leaves.remove(&(id, node)).unwrap_or_default());
            continue;
        }
        let feature = usize::try_from(at.feature)
            .map_err(|_| context.wrong(format!("tree {id}, node {node}: feature {}", at.feature), "export it again"))?;
        builder.split(at.branch, feature, at.threshold, [at.when_true, at.when_false], at.missing_is_true);
        if builder.len() > 2 * listed.len() + 1 {
            return Err(context.wrong(format!("tree {id} leads back to node {node}"), "a tree has no cycles"));
        }
    }
    Ok(builder.finish())
}

/// Nodes in level order, children behind their parents, whatever the comparisons were.
pub(super) struct Builder<K> {
    nodes: Vec<TreeNode>,
    /// Nodes to come: which, and whose child they are.
    queue: std::collections::VecDeque<(K, Vec<(usize, Side)>)>,
    parents: Vec<(usize, Side)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl<K: Copy> Builder<K> {
    pub(super) fn new(root: K) -> Self {
        Self { nodes: vec![], queue: [(root, vec![])].into(), parents: vec![] }
    }

    /// The next node that has to be given.
    pub(super) fn next(&mut self) -> Option<K> {
        let (key, parents) = self.queue.pop_front()?;
        self.parents = parents;
        Some(key)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len() + self.queue.len()
    }

    pub(super) fn leaf(&mut self, values: Vec<(usize, f64)>) {
        self.push(TreeNode::Leaf(values));
    }

    /// A comparison, as one or two of `x <= threshold`.
    pub(super) fn split(
        &mut self,
        branch: Branch,
        feature: usize,
        threshold: f32,
        [when_true, when_false]: [K; 2],
        missing_is_true: bool,
    ) {
        let below = threshold.next_down();
        let split = |threshold, missing_left| TreeNode::Split { feature, threshold, left: 0, right: 0, missing_left };
        let one = |this: &mut Self, threshold, swaps: bool| {
            let at = this.push(split(threshold, missing_is_true != swaps));
            let [left, right] = if swaps { [when_false, when_true] } else { [when_true, when_false] };
            this.queue.push_back((left, vec![(at, Side::Left)]));
            this.queue.push_back((right, vec![(at, Side::Right)]));
        };
        match branch {
            Branch::Leaf | Branch::Leq => one(self, threshold, false),
            Branch::Lt => one(self, below, false),
            Branch::Gt => one(self, threshold, true),
            Branch::Gte => one(self, below, true),
            Branch::Eq | Branch::Neq => {
                // x <= below: unequal; else x <= threshold: equal.
                let equals = branch == Branch::Eq;
                let [same, other] = if equals { [when_true, when_false] } else { [when_false, when_true] };
                // A missing value is unequal on the first comparison, or comes to the second and is equal there.
                let missing_is_same = missing_is_true == equals;
                let at = self.push(split(below, !missing_is_same));
                let second = self.nodes.len();
                self.nodes.push(split(threshold, true));
                self.link(second, &[(at, Side::Right)]);
                self.queue.push_back((other, vec![(at, Side::Left), (second, Side::Right)]));
                self.queue.push_back((same, vec![(second, Side::Left)]));
            }
        }
    }

    pub(super) fn finish(self) -> Tree {
        Tree { nodes: self.nodes }
    }

    fn push(&mut self, node: TreeNode) -> usize {
        let at = self.nodes.len();
        self.nodes.push(node);
        let parents = std::mem::take(&mut self.parents);
        self.link(at, &parents);
        at
    }

    fn link(&mut self, at: usize, parents: &[(usize, Side)]) {
        for &(parent, side) in parents {
            if let Some(TreeNode::Split { left, right, .. }) = self.nodes.get_mut(parent) {
                match side {
                    Side::Left => *left = at,
                    Side::Right => *right = at,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump(branch: Branch, missing_is_true: bool) -> Tree {
        let mut builder = Builder::new(0);
        while let Some(node) = builder.next() {
            match node {
                0 => builder.split(branch, 0, 2.0, [1, 2], missing_is_true),
                node => builder.leaf(vec![(0, f64::from(node == 1))]),
            }
        }
        builder.finish()
    }

    #[test]
    fn every_comparison_is_that_of_its_name() {
        for (branch, holds) in [
            (Branch::Leq, (|x| x <= 2.0) as fn(f64) -> bool),
            (Branch::Lt, |x| x < 2.0),
            (Branch::Gte, |x| x >= 2.0),
            (Branch::Gt, |x| x > 2.0),
            (Branch::Eq, |x| x == 2.0),
            (Branch::Neq, |x| x != 2.0),
        ] {
            for missing in [false, true] {
                let tree = stump(branch, missing);
                for x in [-3.0, 1.0, f64::from(2f32.next_down()), 2.0, f64::from(2f32.next_up()), 9.0] {
                    assert_eq!(tree.leaf(&[x]), [(0, f64::from(holds(x)))], "{branch:?} at {x}");
                }
                assert_eq!(tree.leaf(&[f64::NAN]), [(0, f64::from(missing))], "{branch:?}, a missing value");
            }
        }
    }
}

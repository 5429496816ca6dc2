//! Trees → records: thresholds as integers, leaves on one scale.

use kinfer::format::{ElementType, Leaves};
use kinfer::ops::trees::{MAX_DEPTH, MAX_NODES};

use super::check::MALFORMED;
use super::lower::{Coding, Op};
use super::ranks::Split;
use super::scores;
use super::writer::{Writer, is_wide};
use super::{NORMALISE, elementwise, factor};
use crate::error::Result;
use crate::graph::Ensemble;
use crate::graph::ensemble::{Tree, TreeNode};
use crate::kinf::{OperatorSpec, TensorSpec, TreeNodeSpec, TreeSpec, TreesSpec};

/// The element of the input is 13 bits of a node.
const MOST_FEATURES: usize = 8192;
/// Trees of an operator.
const MOST_TREES: usize = 1 << 16;

/// Writes an ensemble.
pub(super) fn write(writer: &mut Writer<'_>, op: &Op, ensemble: &Ensemble) -> Result<()> {
    let output = writer.grid(op.value)?;
    let wide = is_wide(&output) && !op.is_clipped();
    let scale = if wide { output.scale() } else { factor::power_above(scores::of_trees(ensemble), 30) };
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(writer.wrong(op, "all leaves are zero", "train it on data with more than one outcome"));
    }
    let own = TensorSpec {
        element: ElementType::I32,
        dims: vec![op.width() as u32],
        zero_point: 0,
        scale: factor::scale(scale),
    };
    let spec = if wide { writer.output(op)? } else { own };
    let trees = spec_of(writer, op, ensemble, scale)?;
    let tensor = writer.push(OperatorSpec::Trees(trees), spec);
    let tensor = if wide {
        tensor
    } else {
        let spec = writer.output(op)?;
        elementwise::onto(writer, op, (tensor, scale), 1.0, &output, spec)?
    };
    writer.write(op.value, tensor);
    Ok(())
}

fn spec_of(writer: &Writer<'_>, op: &Op, ensemble: &Ensemble, scale: f64) -> Result<TreesSpec> {
    let key = op.inputs[0];
    if ensemble.trees.len() > MOST_TREES || ensemble.inputs() > MOST_FEATURES && writer.lowered.group_of(key).is_none()
    {
        let what =
            format!("{} trees on {} elements: 65,536 and 8,192 are the most", ensemble.trees.len(), ensemble.inputs());
        return Err(writer.wrong(op, &what, "train a smaller ensemble"));
    }
    let splitter = Splitter::new(writer, op)?;
    let units = |value: f64| (value / scale).round_ties_even() as i32;
    let leaves = if ensemble.trees.iter().all(|tree| class(tree).is_some()) { Leaves::Value } else { Leaves::Vector };
    let classes = ensemble.bases.len();
    let mut trees = vec![];
    for (number, tree) in ensemble.trees.iter().enumerate() {
        let class = if leaves == Leaves::Value { class(tree).unwrap_or(0) } else { 0 };
        let leaf = |values: &[(usize, f64)]| {
            let mut row = vec![0f64; if leaves == Leaves::Value { 1 } else { classes }];
            for &(score, value) in values {
                row[if leaves == Leaves::Value { 0 } else { score }] += value;
            }
            TreeNodeSpec::Leaf(row.into_iter().map(units).collect())
        };
        let Some(nodes) = nodes(tree, &splitter, leaf) else {
            return Err(writer.wrong(op, &format!("tree {number}: a child does not come after its parent"), MALFORMED));
        };
        let tree = TreeSpec { class: class as u16, nodes };
        check_size(writer, op, number, &tree)?;
        trees.push(tree);
    }
    if trees.is_empty() {
        trees.push(TreeSpec {
            class: 0,
            nodes: vec![TreeNodeSpec::Leaf(vec![0; if leaves == Leaves::Value { 1 } else { classes }])],
        });
    }
    let bases = ensemble.bases.iter().copied().map(units).collect();
    let mut spec =
        TreesSpec { input: writer.tensor(key)?, output: writer.next(), leaves, missing: false, trees, bases };
    spec.sort();
    Ok(spec)
}

/// The score that all leaves of a tree add to; nothing where there are several.
fn class(tree: &Tree) -> Option<usize> {
    let mut of_tree = None;
    for node in &tree.nodes {
        match node {
            TreeNode::Leaf(values) if values.len() == 1 => {
                let (class, _) = values[0];
                if *of_tree.get_or_insert(class) != class {
                    return None;
                }
            }
            TreeNode::Leaf(_) => return None,
            TreeNode::Split { .. } => {}
        }
    }
    of_tree
}

/// A tree's nodes, those that always go one way replaced by the child that is reached; nothing where a child does not
/// come after its parent.
fn nodes(
    tree: &Tree,
    splitter: &Splitter<'_>,
    leaf: impl Fn(&[(usize, f64)]) -> TreeNodeSpec,
) -> Option<Vec<TreeNodeSpec>> {
    let count = tree.nodes.len();
    // Where a node is found: itself, or the child that it always leads to.
    let mut place: Vec<usize> = (0..count).collect();
    let mut nodes = vec![TreeNodeSpec::Leaf(vec![]); count];
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        match node {
            TreeNode::Leaf(values) => nodes[at] = leaf(values),
            &TreeNode::Split { feature, threshold, left, right, .. } => {
                let follows = |child: usize| (at < child && child < count).then(|| place[child]);
                let (left, right) = (follows(left)?, follows(right)?);
                let (feature, split) = splitter.split(feature, threshold)?;
                match split {
                    Split::Left => place[at] = left,
                    Split::Right => place[at] = right,
                    Split::UpTo { integer, swapped } => {
                        let (left, right) = if swapped { (right, left) } else { (left, right) };
                        nodes[at] =
                            TreeNodeSpec::Split { feature, threshold: integer, left, right, missing_right: false };
                    }
                }
            }
        }
    }
    let root = *place.first()?;
    nodes[0] = nodes[root].clone();
    Some(nodes)
}

fn check_size(writer: &Writer<'_>, op: &Op, number: usize, tree: &TreeSpec) -> Result<()> {
    let depth = tree.depth();
    if depth > MAX_DEPTH as usize {
        let what = format!("tree {number} is {depth} comparisons deep, and {MAX_DEPTH} is the most");
        return Err(writer.wrong(op, &what, "limit the depth in training (max_depth)"));
    }
    let splits = tree.nodes.iter().filter(|node| matches!(node, TreeNodeSpec::Split { .. })).count();
    if splits > MAX_NODES as usize {
        let what = format!("tree {number} has {splits} splits, and {MAX_NODES} is the most");
        return Err(writer.wrong(op, &what, "limit the leaves in training (max_leaf_nodes)"));
    }
    Ok(())
}

/// What comparisons are in the integers of the input.
struct Splitter<'a> {
    ranks: Option<(&'a super::ranks::Ranks, Vec<Option<usize>>)>,
    grid: super::grid::Grid,
}

impl<'a> Splitter<'a> {
    fn new(writer: &Writer<'a>, op: &Op) -> Result<Self> {
        let key = op.inputs[0];
        let grid = writer.grid(key)?;
        let ranks = writer.lowered.group_of(key).and_then(|group| match &group.coding {
            Coding::Ranks(ranks) => {
                let elements = group.elements.iter().max().map_or(0, |last| last + 1);
                let mut columns = vec![None; elements];
                group.elements.iter().enumerate().for_each(|(column, &element)| columns[element] = Some(column));
                Some((ranks, columns))
            }
            Coding::Numbers(_) => None,
        });
        let finite = grid.scales.iter().all(|scale| *scale > 0.0);
        if !finite {
            return Err(writer.wrong(op, "what it compares cannot be written in integers", NORMALISE));
        }
        Ok(Self { ranks, grid })
    }

    /// The element that is compared, and how.
    fn split(&self, feature: usize, threshold: f32) -> Option<(u16, Split)> {
        if let Some((ranks, columns)) = &self.ranks {
            let column = columns.get(feature).copied().flatten()?;
            return Some((column as u16, ranks.split(column, threshold, self.grid.element)));
        }
        // A number on a grid: the nearest integer's upper half belongs to the other side.
        let (centre, scale) = (*self.grid.centres.get(feature)?, self.grid.scales[feature]);
        let units = f64::from(self.grid.zero_point) + ((f64::from(threshold) - centre) / scale).round_ties_even();
        let split = match units {
            below if below < f64::from(self.grid.lo) => Split::Right,
            above if above >= f64::from(self.grid.hi) => Split::Left,
            between => Split::UpTo { integer: between as i16, swapped: false },
        };
        Some((feature as u16, split))
    }
}

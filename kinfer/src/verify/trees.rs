//! Proof of decision trees: every node has a parent before it and every child is there, depth, features, and the range of
//! every score. One pass over the nodes and one over the leaves, without recursion.

use super::{Interval, Node, OperatorReport};
use crate::error::{Problem, What};
use crate::format::{Child, Leaves, Tree, Trees};
use crate::iter::{chunks, numbered};
use crate::ops::trees::{MAX_DEPTH, MAX_NODES};

/// The most trees of an operator.
const MAX_TREES: u32 = 1 << 16;

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(node: &Node<'_>, trees: &Trees, report: &mut OperatorReport) -> Result<(), Problem> {
    check_data(node, trees)?;
    let classes = node.outputs();
    let mut look_ups = 0u64;
    let mut least = 0;
    let (mut all, mut number) = (trees.iter(node.model.data(), classes), 0u32);
    while let Some(tree) = &all.next() {
        check_class(number, tree, trees.leaves, least, classes as u32)?;
        least = tree.class;
        let depth = check_shape(number, tree, node.inputs() as u32, trees.missing)?;
        look_ups = look_ups.saturating_add(u64::from(depth));
        number = number.wrapping_add(1);
    }
    let scores = scores(node, trees)?;
    report.reach(scores, scores);
    report.operations = u64::from(trees.count).saturating_mul(trees.row(classes) as u64);
    report.look_ups = look_ups;
    Ok(())
}

/// Counts, and that all the bytes are there.
fn check_data(node: &Node<'_>, trees: &Trees) -> Result<(), Problem> {
    if trees.count == 0 || trees.count > MAX_TREES {
        return Err(Problem::Count { is: u64::from(trees.count), max: u64::from(MAX_TREES) });
    }
    let count = u64::from(trees.count);
    let table = node.data(What::Trees, trees.table, count.saturating_mul(4))?;
    let mut nodes = 0u64;
    for (tree, entry) in numbered(chunks(table, 4)) {
        let is = match entry {
            &[low, high, ..] => u32::from(u16::from_le_bytes([low, high])),
            _ => 0,
        };
        if is > MAX_NODES {
            return Err(Problem::TreeNodes { tree, is, max: MAX_NODES });
        }
        nodes = nodes.saturating_add(u64::from(is));
    }
    let classes = node.outputs();
    let row = (trees.row(classes) as u64).saturating_mul(4);
    node.data(What::Nodes, trees.nodes, nodes.saturating_mul(4))?;
    node.data(What::LeafValues, trees.values, nodes.saturating_add(count).saturating_mul(row))?;
    node.data(What::Bases, trees.bases, (classes as u64).saturating_mul(4))?;
    Ok(())
}

/// Trees of a class lie together, so that the scores are summed class by class.
fn check_class(tree: u32, of: &Tree<'_>, leaves: Leaves, least: u16, classes: u32) -> Result<(), Problem> {
    let classes = match leaves {
        Leaves::Value => classes,
        Leaves::Vector => 1,
    };
    if of.class < least || u32::from(of.class) >= classes {
        return Err(Problem::TreeClass { tree, is: of.class, from: least, classes });
    }
    Ok(())
}

/// The depth of a tree whose nodes all have a parent before them, and all of whose children are there.
fn check_shape(tree: u32, of: &Tree<'_>, inputs: u32, missing: bool) -> Result<u32, Problem> {
    let nodes = of.nodes();
    let mut named = 1;
    for (node, split) in numbered(of.splits()) {
        if node >= named {
            return Err(Problem::TreeOrphan { tree, node });
        }
        if u32::from(split.feature) >= inputs {
            return Err(Problem::TreeFeature { tree, node, is: split.feature, inputs });
        }
        if split.missing_right && (!missing || split.threshold == i16::MIN) {
            return Err(Problem::TreeMissing { tree, node });
        }
        for child in [split.left, split.right] {
            if let Child::Node(child) = child {
                named = child.saturating_add(1);
            }
        }
    }
    if nodes > 0 && named != nodes {
        return Err(Problem::TreeChildren { tree, names: named, nodes });
    }
    let depth = of.depth();
    if depth > MAX_DEPTH {
        return Err(Problem::TreeDepth { tree, max: MAX_DEPTH });
    }
    Ok(depth)
}

/// All values of all scores: a class's base and, of each of its trees, the smallest and the largest leaf.
fn scores(node: &Node<'_>, trees: &Trees) -> Result<Interval, Problem> {
    let (data, classes) = (node.model.data(), node.outputs());
    let (min, max) = node.output.element.range();
    let mut all: Option<Interval> = None;
    let mut of_class = trees.iter(data, classes);
    let mut ahead = of_class.next();
    for (class, base) in numbered(trees.bases(data, classes)) {
        let mut score = Interval::point(i64::from(base));
        match trees.leaves {
            Leaves::Value => {
                while let Some(tree) = ahead.filter(|tree| u32::from(tree.class) == class) {
                    add(&mut score, tree.column(0));
                    ahead = of_class.next();
                }
            }
            Leaves::Vector => {
                for tree in trees.iter(data, classes) {
                    add(&mut score, tree.column(class as usize));
                }
            }
        }
        if score.lo < i64::from(min) || score.hi > i64::from(max) {
            return Err(Problem::Accumulator { channel: class });
        }
        all = Some(all.map_or(score, |all| all.union(score)));
    }
    all.ok_or(Problem::Shapes { input: node.input.elements(), output: node.output.elements() })
}

/// One of `leaves`, added. There are at most 2^16 trees and values of 32 bits, so nothing saturates.
fn add(score: &mut Interval, leaves: impl Iterator<Item = i32>) {
    let (mut lo, mut hi) = (i32::MAX, i32::MIN);
    for leaf in leaves {
        (lo, hi) = (lo.min(leaf), hi.max(leaf));
    }
    score.lo = score.lo.saturating_add(i64::from(lo));
    score.hi = score.hi.saturating_add(i64::from(hi));
}

//! Graph → the operators that are made integer, and the functions of one feature that the feature program takes.
//!
//! Values keep the numbers they have in the graph. What is folded away is gone: affine maps into the weights beside them,
//! clips into the operator before them, places into the rows and columns of dense layers, reshapes everywhere.

use super::chain::{Chain, Unary};
use super::check::{MALFORMED, check};
use super::form::Form;
use super::frontier::{self, Column};
use super::ranks::Ranks;
use super::simplify;
use super::wrong;
use crate::error::Result;
use crate::graph::ensemble::TreeNode;
use crate::graph::{Ensemble, Graph, Operator, ValueId};

/// Number of a value: that of the graph, or behind those a group of columns of tensor 0.
pub(super) type Key = usize;

/// An operator with what is fused to it.
#[derive(Clone, Debug)]
pub(super) struct Op {
    /// The node whose weights or function it has.
    pub(super) node: usize,
    /// The value it makes.
    pub(super) value: ValueId,
    /// The value before the fused clip.
    pub(super) linear: ValueId,
    pub(super) kind: Kind,
    pub(super) inputs: Vec<Key>,
    pub(super) shape: Vec<usize>,
    /// The fused clip.
    pub(super) lo: f64,
    pub(super) hi: f64,
}

/// What an operator computes.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// As in the graph.
    Plain(Operator),
    /// A function of each element.
    Chain(Chain),
    /// `factor · Σ (a − b)²`.
    SquaredError { factor: f64 },
}

/// Columns of tensor 0 that an operator reads.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The value whose elements they are.
    pub(super) value: ValueId,
    /// Which elements.
    pub(super) elements: Vec<usize>,
    pub(super) columns: Vec<Column>,
    pub(super) coding: Coding,
}

/// How the columns of a group are written.
#[derive(Clone, Debug)]
pub(super) enum Coding {
    /// As numbers on a grid.
    Numbers(Vec<Form>),
    /// As ranks among the thresholds of trees.
    Ranks(Ranks),
}

/// The whole model, lowered.
#[derive(Clone, Debug)]
pub(super) struct Lowered {
    /// By value; nothing where there is no operator or nobody reads it.
    pub(super) ops: Vec<Option<Op>>,
    pub(super) groups: Vec<Group>,
    pub(super) scores: Key,
}

impl Op {
    pub(super) fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a clip is fused to it.
    pub(super) fn is_clipped(&self) -> bool {
        self.lo != f64::NEG_INFINITY || self.hi != f64::INFINITY
    }

    /// Whether it has weights, or reads values as exactly as its precision says.
    pub(super) fn is_weighted(&self) -> bool {
        matches!(self.kind, Kind::Plain(Operator::Dense { .. } | Operator::Conv(_)))
    }

    /// Whether it is the square of each element.
    pub(super) fn is_square(&self) -> bool {
        matches!(self.kind, Kind::Plain(Operator::Mul)) && self.inputs.first() == self.inputs.get(1)
    }

    /// Whether it is made of trees.
    pub(super) fn is_trees(&self) -> bool {
        matches!(self.kind, Kind::Plain(Operator::Trees(_)))
    }

    /// Whether it has nothing but places to change, so that its output is on its input's grid.
    pub(super) fn keeps_grid(&self) -> bool {
        matches!(
            self.kind,
            Kind::Plain(
                Operator::Select { .. }
                    | Operator::Reshape
                    | Operator::Concat { .. }
                    | Operator::Pool(_)
                    | Operator::Clip { .. }
            )
        )
    }
}

impl Lowered {
    /// `resolutions` and `ranges` are those of the raw counters.
    pub(super) fn new(graph: &Graph, resolutions: &[f64], ranges: &[(i64, i64)]) -> Result<Self> {
        check(graph)?;
        let forms = |column: &Column| Form::of(&column.chain, resolutions[column.feature], ranges[column.feature]);
        let columns = frontier::columns(graph);
        let numbers: Vec<Option<Vec<Form>>> =
            columns.iter().map(|columns| columns.as_ref()?.iter().map(forms).collect()).collect();

        let mut ops = vec![None];
        for (node, of) in graph.nodes.iter().enumerate() {
            let value = node + 1;
            let op = Op {
                node,
                value,
                linear: value,
                kind: kind(&of.operator),
                inputs: of.inputs.clone(),
                shape: of.shape.clone(),
                lo: f64::NEG_INFINITY,
                hi: f64::INFINITY,
            };
            // A value that the feature program makes needs no operator.
            ops.push(if numbers[value].is_none() { Some(op) } else { None });
        }
        let scores = simplify::simplify(&mut ops, graph.scores);
        let mut lowered = Self { ops, groups: vec![], scores };
        lowered.group(graph, &columns, &numbers, resolutions)?;
        Ok(lowered)
    }

    /// Operators in the order they run.
    pub(super) fn alive(&self) -> impl Iterator<Item = &Op> {
        self.ops.iter().flatten()
    }

    /// One more than the largest key.
    pub(super) fn keys(&self) -> usize {
        self.ops.len() + self.groups.len()
    }

    pub(super) fn op(&self, key: Key) -> Option<&Op> {
        self.ops.get(key).and_then(Option::as_ref)
    }

    pub(super) fn group_of(&self, key: Key) -> Option<&Group> {
        key.checked_sub(self.ops.len()).and_then(|index| self.groups.get(index))
    }

    /// Elements of a value; none of one that is not there.
    pub(super) fn width(&self, key: Key) -> usize {
        self.op(key).map(Op::width).or_else(|| self.group_of(key).map(|group| group.columns.len())).unwrap_or(0)
    }

    /// Operators that read a value.
    pub(super) fn readers(&self, key: Key) -> impl Iterator<Item = &Op> {
        self.alive().filter(move |op| op.inputs.contains(&key))
    }

    /// Gives every operator that reads features the columns that it reads.
    fn group(
        &mut self,
        graph: &Graph,
        columns: &[Option<Vec<Column>>],
        numbers: &[Option<Vec<Form>>],
        resolutions: &[f64],
    ) -> Result<()> {
        let first = self.ops.len();
        // Trees that read one value share its ranks: the thresholds of each of its elements.
        let mut used: Vec<Vec<Vec<f32>>> = (0..first).map(|value| vec![vec![]; graph.width(value)]).collect();
        for op in self.ops.iter().flatten() {
            let (Kind::Plain(Operator::Trees(ensemble)), Some(&input)) = (&op.kind, op.inputs.first()) else {
                continue;
            };
            for (feature, threshold) in thresholds(ensemble) {
                match used[input].get_mut(feature) {
                    Some(used) => used.push(threshold),
                    None => {
                        let what = format!("a tree reads element {feature}, which its input does not have");
                        return Err(wrong(&graph.nodes[op.node].name, &what, MALFORMED));
                    }
                }
            }
        }
        let mut groups: Vec<Group> = vec![];
        for op in self.ops.iter_mut().flatten() {
            let is_trees = matches!(op.kind, Kind::Plain(Operator::Trees(_)));
            for input in &mut op.inputs {
                let value = *input;
                let Some(all) = columns.get(value).and_then(Option::as_ref) else { continue };
                let wanted: Vec<usize> = (0..all.len()).filter(|&element| !used[value][element].is_empty()).collect();
                let ranks = is_trees && wanted.iter().all(|&element| all[element].ranks());
                if !ranks && numbers[value].is_none() {
                    continue; // an operator makes it
                }
                let found = groups
                    .iter()
                    .position(|group| group.value == value && matches!(group.coding, Coding::Ranks(_)) == ranks);
                let index = if let Some(index) = found {
                    index
                } else {
                    let elements = match (ranks, wanted.is_empty()) {
                        (true, true) => vec![0],
                        (true, false) => wanted,
                        (false, _) => (0..all.len()).collect(),
                    };
                    let columns: Vec<_> = elements.iter().map(|&element| all[element].clone()).collect();
                    let coding = match (&numbers[value], ranks) {
                        (Some(forms), false) => Coding::Numbers(forms.clone()),
                        _ => {
                            let thresholds: Vec<_> =
                                elements.iter().map(|&element| used[value][element].clone()).collect();
                            Coding::Ranks(Ranks::new(&columns, &thresholds, resolutions)?)
                        }
                    };
                    groups.push(Group { value, elements, columns, coding });
                    groups.len() - 1
                };
                *input = first + index;
            }
        }
        // Scores that are features themselves.
        if let (Some(Some(all)), Some(Some(forms))) = (columns.get(self.scores), numbers.get(self.scores)) {
            let value = self.scores;
            let group = Group {
                value,
                elements: (0..all.len()).collect(),
                columns: all.clone(),
                coding: Coding::Numbers(forms.clone()),
            };
            groups.push(group);
            self.scores = first + groups.len() - 1;
        }
        self.groups = groups;
        self.prune(graph)
    }

    /// Drops what the scores do not need.
    fn prune(&mut self, graph: &Graph) -> Result<()> {
        let mut needed = vec![false; self.keys()];
        needed[self.scores] = true;
        for value in (0..self.ops.len()).rev() {
            match &self.ops[value] {
                Some(op) if needed[value] => op.inputs.iter().for_each(|&input| needed[input] = true),
                _ => self.ops[value] = None,
            }
        }
        for op in self.alive() {
            for &input in &op.inputs {
                if self.width(input) == 0 {
                    let what =
                        "it reads a value that has no elements, or that features give in no form that integers have";
                    return Err(wrong(&graph.nodes[op.node].name, what, MALFORMED));
                }
            }
        }
        let first = self.ops.len();
        let mut renumbered = vec![0; self.groups.len()];
        let mut kept = vec![];
        for (index, group) in std::mem::take(&mut self.groups).into_iter().enumerate() {
            if needed[first + index] {
                renumbered[index] = first + kept.len();
                kept.push(group);
            }
        }
        self.groups = kept;
        let renumber = |key: &mut Key| {
            if let Some(index) = key.checked_sub(first) {
                *key = renumbered[index];
            }
        };
        self.ops.iter_mut().flatten().flat_map(|op| &mut op.inputs).for_each(renumber);
        renumber(&mut self.scores);
        Ok(())
    }
}

/// Elements and thresholds of all splits.
fn thresholds(ensemble: &Ensemble) -> impl Iterator<Item = (usize, f32)> {
    ensemble.trees.iter().flat_map(|tree| &tree.nodes).filter_map(|node| match *node {
        TreeNode::Split { feature, threshold, .. } => Some((feature, threshold)),
        TreeNode::Leaf(_) => None,
    })
}

fn kind(operator: &Operator) -> Kind {
    match operator {
        Operator::Map(function) => Kind::Chain(Chain(vec![Unary::Function(*function)])),
        Operator::SquaredError => Kind::SquaredError { factor: 1.0 },
        operator => Kind::Plain(operator.clone()),
    }
}

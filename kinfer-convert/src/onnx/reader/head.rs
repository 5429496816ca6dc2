//! The graph's tail: probabilities, classes, labels, and what they say about the decision.
//!
//! A decision needs no probabilities: Softmax and Sigmoid do not change which score is largest. So the scores are what the
//! last of them reads, and a threshold on a probability is one on its logit.

use super::super::GraphError;
use super::super::constant::Constant;
use super::super::node::int;
use super::context::Context;
use super::value::Value;
use crate::graph::{Function, Graph, Operator, ValueId};
use crate::kinf::functions::Function as Table;

/// How scores become a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// What is decided.
    pub rule: Rule,
    /// Labels of the classes in their order, where the graph names them.
    pub labels: Option<Vec<String>>,
}

/// Scores → decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// The largest score, the lowest index at a tie.
    ArgMax,
    /// The smallest score, the lowest index at a tie: the nearest centroid.
    ArgMin,
    /// Class 1 where the one score is above the threshold.
    Threshold {
        /// In units of the score.
        threshold: f64,
        /// Whether the model's own output is Sigmoid of the score: people then think in probabilities.
        sigmoid: bool,
    },
    /// Anomalous where the one score is above the threshold.
    Anomaly {
        /// In units of the score.
        threshold: f64,
    },
    /// The one score itself: a regression.
    Value,
}

/// A class, as the graph chooses it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Value of the scores.
    pub(crate) scores: ValueId,
    pub(crate) head: Head,
}

/// A tail without its monotone functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tail {
    scores: ValueId,
    squash: Squash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Squash {
    None,
    /// The value is Sigmoid of the scores, element by element.
    Sigmoid,
    Softmax,
    /// `[1 − p, p]` of the one Sigmoid `p`.
    TwoClass,
    /// `[−s, s]` of the one score `s`.
    Mirrored,
}

/// The scores behind a value.
fn tail(graph: &Graph, value: ValueId) -> Tail {
    let plain = Tail { scores: value, squash: Squash::None };
    let Some(node) = graph.node(value) else { return plain };
    match (&node.operator, &node.inputs[..]) {
        (Operator::Reshape, &[input]) => match tail(graph, input) {
            Tail { squash: Squash::None, .. } => plain,
            squashed => squashed,
        },
        (Operator::Map(Function::Log), &[input]) => match tail(graph, input) {
            // The logarithm of shares is in their order.
            squashed @ Tail { squash: Squash::Softmax, .. } => squashed,
            _ => plain,
        },
        (Operator::Softmax { row }, &[input]) if *row == node.width() => {
            Tail { scores: input, squash: Squash::Softmax }
        }
        (Operator::Map(Function::Table(Table::Sigmoid)), &[input]) => Tail { scores: input, squash: Squash::Sigmoid },
        (Operator::Concat { rows: 1 }, &[first, second]) => {
            let of = tail(graph, second);
            let is = |added: f64| {
                graph.node(first).is_some_and(|node| match &node.operator {
                    Operator::Affine { factor, offset } => {
                        factor[..] == [-1.0] && offset[..] == [added] && tail(graph, node.inputs[0]) == of
                    }
                    _ => false,
                })
            };
            match of.squash {
                _ if graph.width(of.scores) != 1 => plain,
                Squash::Sigmoid if is(1.0) => Tail { scores: of.scores, squash: Squash::TwoClass },
                Squash::None if is(0.0) => Tail { scores: of.scores, squash: Squash::Mirrored },
                _ => plain,
            }
        }
        _ => plain,
    }
}

/// Whether a value is probabilities.
pub(super) fn is_probability(graph: &Graph, value: ValueId) -> bool {
    tail(graph, value).squash != Squash::None
}

/// A value whose elements are in the same order as those of `value`, with less to compute: without what is added to all of
/// them (the `|x|²` of a distance), and without functions that never fall.
fn same_order(graph: &mut Graph, value: ValueId) -> ValueId {
    let Some(node) = graph.node(value).cloned() else { return value };
    match (&node.operator, &node.inputs[..]) {
        (Operator::Add | Operator::Sub, &[all, common]) if graph.width(common) == 1 && graph.width(all) > 1 => {
            same_order(graph, all)
        }
        (Operator::Map(Function::Sqrt | Function::Log | Function::Exp), &[input]) => same_order(graph, input),
        (Operator::Affine { factor, .. }, &[input]) if factor.iter().all(|&f| f > 0.0 && f == factor[0]) => {
            let shorter = same_order(graph, input);
            if shorter == input {
                return value;
            }
            graph.push(node.name, node.operator, vec![shorter], node.shape)
        }
        _ => value,
    }
}

/// ArgMax and ArgMin over the scores.
pub(super) fn arg_best(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let largest = context.node.op_type == "ArgMax";
    let axis = tensor.axis(int(context.node, "axis", 0));
    let over_all = axis.is_some_and(|axis| tensor.dims[axis] == tensor.width());
    if !over_all || int(context.node, "select_last_index", 0) != 0 {
        return Err(context.unsupported("the axis is not that of the scores, or ties go to the last"));
    }
    let tail = tail(context.graph, tensor.id);
    let (scores, rule) = match (largest, tail.squash) {
        (true, Squash::TwoClass) => (tail.scores, Rule::Threshold { threshold: 0.0, sigmoid: true }),
        (true, Squash::Mirrored) => (tail.scores, Rule::Threshold { threshold: 0.0, sigmoid: false }),
        (true, _) => (same_order(context.graph, tail.scores), Rule::ArgMax),
        (false, Squash::None) => (same_order(context.graph, tensor.id), Rule::ArgMin),
        (false, _) => return Err(context.unsupported("the least probable class is not a decision")),
    };
    if matches!(rule, Rule::ArgMax | Rule::ArgMin) && context.graph.width(scores) < 2 {
        return Err(context.unsupported("the largest of one score is always class 0"));
    }
    Ok(Value::Class(Choice { scores, head: Head { rule, labels: None } }))
}

/// One score, or a function of it that never turns, above or below a constant.
pub(super) fn compare(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let bound = context.constant(1)?.scalar()?;
    let Some(bound) = bound.filter(|_| tensor.width() == 1) else {
        return Err(context.unsupported("supported for one score or probability and a constant"));
    };
    let chain = Chain::of(context.graph, tensor.id);
    let Some(threshold) = chain.inverse(context.graph, bound) else {
        return Err(context.unsupported("supported for a threshold that both sides can reach"));
    };
    let above = context.node.op_type.starts_with("Greater");
    let (scores, threshold) = if above == chain.rises {
        (chain.base, threshold)
    } else {
        let negative = Operator::Affine { factor: vec![-1.0], offset: vec![0.0] };
        (context.push(negative, vec![chain.base], vec![1, 1]).id, -threshold)
    };
    let rule = Rule::Threshold { threshold, sigmoid: chain.sigmoid };
    Ok(Value::Class(Choice { scores, head: Head { rule, labels: None } }))
}

/// Functions of one score, each of which never turns, behind one another.
struct Chain {
    base: ValueId,
    /// From the last to the first.
    nodes: Vec<ValueId>,
    rises: bool,
    /// Whether it is Sigmoid and nothing else.
    sigmoid: bool,
}

impl Chain {
    fn of(graph: &Graph, value: ValueId) -> Self {
        let mut chain = Self { base: value, nodes: vec![], rises: true, sigmoid: false };
        while let Some(node) = graph.node(chain.base) {
            let rises = match &node.operator {
                Operator::Reshape => true,
                Operator::Affine { factor, .. } if factor[..] != [0.0] => factor.iter().all(|&factor| factor > 0.0),
                Operator::Map(Function::Table(Table::Sigmoid | Table::Tanh) | Function::Exp | Function::Log) => true,
                _ => break,
            };
            chain.rises = chain.rises == rises;
            chain.nodes.push(chain.base);
            chain.base = node.inputs[0];
        }
        let is_sigmoid = |&value: &ValueId| {
            graph.node(value).is_some_and(|node| node.operator == Operator::Map(Function::Table(Table::Sigmoid)))
        };
        let is_reshape = |&value: &ValueId| graph.node(value).is_some_and(|node| node.operator == Operator::Reshape);
        chain.sigmoid =
            chain.nodes.iter().filter(|value| !is_reshape(value)).count() == 1 && chain.nodes.iter().any(is_sigmoid);
        chain
    }

    fn at(&self, graph: &Graph, x: f64) -> f64 {
        let apply = |x: f64, &value: &ValueId| match graph.node(value).map(|node| &node.operator) {
            Some(Operator::Affine { factor, offset }) => factor[0] * x + offset[0],
            Some(Operator::Map(function)) => function.value(x),
            _ => x,
        };
        self.nodes.iter().rev().fold(x, apply)
    }

    /// The score at which the chain has the value `bound`; nothing where it is always on one side.
    fn inverse(&self, graph: &Graph, bound: f64) -> Option<f64> {
        if self.sigmoid {
            return Some(logit(bound)).filter(|score| score.is_finite());
        }
        if self.nodes.iter().all(|&value| graph.node(value).is_some_and(|node| node.operator == Operator::Reshape)) {
            return Some(bound);
        }
        let below = |x: f64| (self.at(graph, x) < bound) == self.rises;
        let (mut lo, mut hi) = (-1e12, 1e12);
        if !below(lo) || below(hi) {
            return None;
        }
        // Halving in 128 steps ends where two neighbours of f64 are left.
        for _ in 0..128 {
            let middle = lo / 2.0 + hi / 2.0;
            if below(middle) { lo = middle } else { hi = middle }
        }
        Some(hi)
    }
}

/// Labels of the classes, looked up by the class.
pub(super) fn labelled(context: &Context<'_>, labels: &Constant, choice: &Choice) -> Result<Value, GraphError> {
    let (texts, classes) = (labels.texts(), choice.classes(context.graph));
    if choice.head.labels.is_some() {
        return Err(context.unsupported("the class has labels already"));
    }
    if texts.len() != classes {
        return Err(context.wrong(
            format!("`{}` has {} labels for {classes} classes", labels.name, texts.len()),
            "the file is damaged: export it again",
        ));
    }
    let mut choice = choice.clone();
    choice.head.labels = Some(texts);
    Ok(Value::Class(choice))
}

impl Choice {
    /// Labels of the classes; their numbers where they have none.
    pub(super) fn labels(&self, graph: &Graph) -> Vec<String> {
        let numbers = || (0..self.classes(graph)).map(|class| class.to_string()).collect();
        self.head.labels.clone().unwrap_or_else(numbers)
    }

    /// Between how many classes it is.
    pub(crate) fn classes(&self, graph: &Graph) -> usize {
        match self.head.rule {
            Rule::ArgMax | Rule::ArgMin => graph.width(self.scores),
            Rule::Threshold { .. } | Rule::Anomaly { .. } => 2,
            Rule::Value => 1,
        }
    }
}

/// What the scores are one affine map of, the same for all, and its factor.
pub(super) fn without_affine(graph: &Graph) -> Option<(ValueId, f64)> {
    let node = graph.node(graph.scores)?;
    let Operator::Affine { factor, offset } = &node.operator else { return None };
    let (&first, &added) = (factor.first()?, offset.first()?);
    let is_one = factor.iter().all(|&factor| factor == first) && offset.iter().all(|&offset| offset == added);
    (is_one && first != 0.0).then(|| node.inputs.first().map(|&input| (input, first))).flatten()
}

/// The outputs that may be the decision: not the state of cells, which is handed out beside it.
pub(super) fn decisive<'a>(
    graph: &Graph,
    outputs: Vec<(&'a str, Result<Value, GraphError>)>,
) -> Vec<(&'a str, Result<Value, GraphError>)> {
    let is_hidden = |mut value: ValueId| {
        while let Some(node) = graph.node(value) {
            match node.operator {
                Operator::Cell(_) => return true,
                Operator::Reshape => value = node.inputs.first().copied().unwrap_or(0),
                Operator::Concat { .. } => value = node.inputs.first().copied().unwrap_or(0),
                _ => return false,
            }
        }
        false
    };
    let decides = |(at, (_, value)): &(usize, &(&str, Result<Value, GraphError>))| match value {
        Ok(Value::State(_)) => false,
        Ok(Value::Tensor(tensor)) => *at == 0 || !is_hidden(tensor.id),
        _ => true,
    };
    let kept: Vec<usize> = outputs.iter().enumerate().filter(decides).map(|(at, _)| at).collect();
    let mut at = 0..outputs.len();
    outputs.into_iter().filter(|_| at.next().is_some_and(|at| kept.contains(&at))).collect()
}

/// The scores and the decision that the graph's outputs stand for.
///
/// An output that is a class is taken at its word, whatever the others are. Without one, every output must be understood,
/// since a decision is then derived from the first: probabilities, scores or one value.
pub(super) fn resolve(
    graph: &Graph,
    outputs: &[(&str, Result<Value, GraphError>)],
) -> Result<(ValueId, Head), GraphError> {
    let class = outputs.iter().find_map(|(_, value)| match value {
        Ok(Value::Class(choice)) => Some((choice.scores, choice.head.clone())),
        _ => None,
    });
    if let Some(class) = class {
        return Ok(class);
    }
    if let Some(error) = outputs.iter().find_map(|(_, value)| value.as_ref().err()) {
        return Err(error.clone());
    }
    let advice = "a model's output is scores, probabilities, a class or one value";
    let interface = |what: String| GraphError::Interface { what, advice: advice.into() };
    let Some((name, Ok(value))) = outputs.first() else {
        return Err(interface("the graph has no output".into()));
    };
    let Value::Tensor(tensor) = value else {
        return Err(interface(format!("output `{name}` is {}", value.describe())));
    };
    let tail = tail(graph, tensor.id);
    let width = graph.width(tail.scores);
    let rule = match tail.squash {
        Squash::Sigmoid if width > 1 => {
            return Err(interface(format!(
                "output `{name}`: {width} probabilities that do not exclude one another are not one decision"
            )));
        }
        Squash::Sigmoid | Squash::TwoClass => Rule::Threshold { threshold: 0.0, sigmoid: true },
        Squash::Mirrored => Rule::Threshold { threshold: 0.0, sigmoid: false },
        Squash::None if width == 1 => Rule::Value,
        Squash::None | Squash::Softmax if width > 1 => Rule::ArgMax,
        _ => return Err(interface(format!("output `{name}` is the same whatever the features are"))),
    };
    Ok((tail.scores, Head { rule, labels: None }))
}

/// The score whose Sigmoid is `probability`.
pub(crate) fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

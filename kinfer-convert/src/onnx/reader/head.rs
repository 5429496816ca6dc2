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
        (Operator::Concat { rows: 1 }, &[complement, probability]) => {
            let of = tail(graph, probability);
            let is_complement = graph.node(complement).is_some_and(|node| match &node.operator {
                Operator::Affine { factor, offset } => {
                    factor[..] == [-1.0] && offset[..] == [1.0] && tail(graph, node.inputs[0]) == of
                }
                _ => false,
            });
            if of.squash == Squash::Sigmoid && graph.width(of.scores) == 1 && is_complement {
                Tail { scores: of.scores, squash: Squash::TwoClass }
            } else {
                plain
            }
        }
        _ => plain,
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
        (true, _) => (tail.scores, Rule::ArgMax),
        (false, Squash::None) => (tensor.id, Rule::ArgMin),
        (false, _) => return Err(context.unsupported("the least probable class is not a decision")),
    };
    if matches!(rule, Rule::ArgMax | Rule::ArgMin) && context.graph.width(scores) < 2 {
        return Err(context.unsupported("the largest of one score is always class 0"));
    }
    Ok(Value::Class(Choice { scores, head: Head { rule, labels: None } }))
}

/// One score, or its Sigmoid, above a constant.
pub(super) fn greater(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let bound = context.constant(1)?.scalar()?;
    let tail = tail(context.graph, tensor.id);
    let (scores, threshold, sigmoid) = match (bound, tail.squash) {
        (Some(bound), Squash::Sigmoid) => (tail.scores, logit(bound), true),
        (Some(bound), Squash::None) => (tensor.id, bound, false),
        _ => return Err(context.unsupported("supported for one score or probability and a constant")),
    };
    if context.graph.width(scores) != 1 || !threshold.is_finite() {
        return Err(context.unsupported("supported for one score, and a threshold that both sides can reach"));
    }
    Ok(Value::Class(Choice { scores, head: Head { rule: Rule::Threshold { threshold, sigmoid }, labels: None } }))
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
    /// Between how many classes it is.
    pub(crate) fn classes(&self, graph: &Graph) -> usize {
        match self.head.rule {
            Rule::ArgMax | Rule::ArgMin => graph.width(self.scores),
            Rule::Threshold { .. } | Rule::Anomaly { .. } => 2,
            Rule::Value => 1,
        }
    }
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

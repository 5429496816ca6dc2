//! The graph's tail: probabilities, classes, labels, and what they say about the decision. For
//! scores that are integers or dequantised ones.

use super::super::GraphError;
use super::super::node::int;
use super::constant::Known;
use super::node::Node;
use super::value::{Integers, Move, Real, Source, Value};

/// How scores become a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Argmax or threshold.
    pub rule: Rule,
    /// Labels of the classes in their order, where the graph names them.
    pub labels: Option<Vec<String>>,
}

/// Scores → class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// The largest score, the lowest index at a tie.
    ArgMax,
    /// Class 1 where the one score is above the threshold.
    Threshold {
        /// In units of the score.
        threshold: f64,
        /// Whether the model's own output is Sigmoid of the score: people then think in probabilities.
        sigmoid: bool,
    },
}

/// The score whose Sigmoid is `probability`.
fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// What is decided from.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a graph")]
pub(super) enum Scores {
    Real(Real),
    Integers(Integers),
}

impl Scores {
    fn elements(&self) -> usize {
        match self {
            Self::Real(real) => real.elements(),
            Self::Integers(integers) => integers.elements(),
        }
    }
}

/// A class, as the graph chooses it.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    scores: Scores,
    head: Head,
}

/// Softmax over all elements of a row, or over the last dimension.
pub(super) fn softmax(node: &Node<'_>) -> Result<Value, GraphError> {
    let mut real = node.real(0)?;
    let dims = real.dims.clone();
    let default = if node.opset < 13 { 1 } else { -1 };
    let axis = super::moves::row_axis(node, int(node.node, "axis", default), dims.len())?;
    let all = dims.get(axis) == Some(&real.elements());
    let mut moves = vec![];
    if all && dims.len() > 1 {
        let flat = vec![real.elements()];
        match &mut real.source {
            Source::Element(term, _) => term.of = term.of.reshaped(flat.clone()),
            _ => real.moves.push(Move::Reshape(flat.clone())),
        }
        real.dims = flat;
        moves.push(Move::Reshape(dims.clone()));
    } else if axis + 1 != dims.len() || (node.opset < 13 && dims.len() > 1) {
        return Err(node.unsupported("supported over the last dimension, or over all of a row"));
    }
    Ok(Value::Real(Real { moves, ..Real::new(Source::Softmax(Box::new(real)), dims, &node.site) }))
}

pub(super) fn arg_max(node: &Node<'_>) -> Result<Value, GraphError> {
    let value = node.input(0)?;
    let (scores, rule) = match value {
        Value::Real(real) => (understood(real)?.0, Rule::ArgMax),
        Value::Integers(integers) => (Scores::Integers(integers.clone()), Rule::ArgMax),
        Value::TwoClass(real) => (Scores::Real(real.clone()), Rule::Threshold { threshold: 0.0, sigmoid: true }),
        other => return Err(node.unsupported(format!("its input is {}", other.describe()))),
    };
    let dims = match value {
        Value::Integers(integers) => integers.dims.clone(),
        Value::Real(real) => real.dims.clone(),
        _ => vec![2],
    };
    let axis = super::moves::row_axis(node, int(node.node, "axis", 0), dims.len())?;
    if dims.get(axis) != Some(&dims.iter().product()) || int(node.node, "select_last_index", 0) != 0 {
        return Err(node.unsupported("the axis is not that of the scores, or ties go to the last"));
    }
    if rule == Rule::ArgMax && scores.elements() < 2 {
        return Err(node.unsupported("the largest of one score is always class 0"));
    }
    Ok(Value::Class(Choice { scores, head: Head { rule, labels: None } }))
}

/// One score, or its Sigmoid, above a constant.
pub(super) fn greater(node: &Node<'_>) -> Result<Value, GraphError> {
    let (real, bound) = (node.real(0)?, node.known(1)?.scalar()?);
    let (Some(bound), 1) = (bound.map(f64::from), real.elements()) else {
        return Err(node.unsupported("supported for one score or probability and a constant"));
    };
    let (scores, threshold, sigmoid) = match real.logit() {
        Some(score) => (score, logit(bound), true),
        None => (real, bound, false),
    };
    if !threshold.is_finite() {
        return Err(node.unsupported("supported for a threshold that both sides can reach"));
    }
    let head = Head { rule: Rule::Threshold { threshold, sigmoid }, labels: None };
    Ok(Value::Class(Choice { scores: Scores::Real(scores), head }))
}

/// Labels of the classes, looked up by the class.
pub(super) fn labels(node: &Node<'_>) -> Result<Value, GraphError> {
    match (node.input(0)?, node.input(1)?) {
        (Value::Known(Known::Plain(labels)), Value::Class(choice)) if choice.head.labels.is_none() => {
            let (texts, classes) = (labels.texts(), choice.classes());
            if texts.len() != classes {
                return Err(node.invalid(
                    format!("`{}` has {} labels for {classes} classes", labels.name, texts.len()),
                    "the file is damaged: export it again",
                ));
            }
            let mut choice = choice.clone();
            choice.head.labels = Some(texts);
            Ok(Value::Class(choice))
        }
        _ => Err(node.unsupported("supported only for looking up the label of a class")),
    }
}

impl Choice {
    fn classes(&self) -> usize {
        match self.head.rule {
            Rule::ArgMax => self.scores.elements(),
            Rule::Threshold { .. } => 2,
        }
    }
}

/// The scores behind probabilities, and whether these are a Sigmoid.
fn understood(real: &Real) -> Result<(Scores, bool), GraphError> {
    if let Some(score) = real.logit() {
        return Ok((Scores::Real(score), true));
    }
    match &real.source {
        Source::Softmax(scores) if scores.dims.len() <= 1 => Ok((Scores::Real(Real::clone(scores)), false)),
        Source::Softmax(_) => {
            Err(GraphError::unsupported(&real.site, "several decisions a row are not supported, one is"))
        }
        _ => Ok((Scores::Real(real.clone()), false)),
    }
}

/// The scores and the decision that the graph's outputs stand for: an output that is a class is taken at its word, whatever
/// the others are; without one every output must be understood, and the first decides.
pub(super) fn resolve(outputs: &[(&str, Result<Value, GraphError>)]) -> Result<(Scores, Head), GraphError> {
    let class = outputs.iter().find_map(|(_, value)| match value {
        Ok(Value::Class(choice)) => Some((choice.scores.clone(), choice.head.clone())),
        _ => None,
    });
    if let Some(class) = class {
        return Ok(class);
    }
    if let Some(error) = outputs.iter().find_map(|(_, value)| value.as_ref().err()) {
        return Err(error.clone());
    }
    let interface = |what: String| GraphError::Interface {
        what,
        advice: "a model's output is scores, probabilities or a class".into(),
    };
    let Some((name, Ok(value))) = outputs.first() else { return Err(interface("the graph has no output".into())) };
    let (scores, sigmoid) = match value {
        Value::Real(real) => understood(real)?,
        Value::Integers(integers) => (Scores::Integers(integers.clone()), false),
        Value::TwoClass(real) => (Scores::Real(real.clone()), true),
        other => return Err(interface(format!("output `{name}` is {}", other.describe()))),
    };
    match (scores.elements(), sigmoid) {
        (1, _) => {
            let rule = Rule::Threshold { threshold: 0.0, sigmoid };
            Ok((scores, Head { rule, labels: None }))
        }
        (classes, true) => {
            Err(interface(format!("output `{name}` is {classes} probabilities that do not exclude one another")))
        }
        _ => Ok((scores, Head { rule: Rule::ArgMax, labels: None })),
    }
}

//! The graph's tail: probabilities, classes, labels, and what they say about the decision.

use super::GraphError;
use super::lower::Node;
use super::node::int;
use super::value::{Chain, Squash, Value};

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

/// A class, as the graph chooses it.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    chain: Chain,
    head: Head,
}

/// Sigmoid and Softmax over the columns.
pub(super) fn squash(node: &Node<'_>) -> Result<Value, GraphError> {
    let chain = node.numbers(0)?;
    let squash = if node.node.op_type == "Sigmoid" { Squash::Sigmoid } else { Squash::Softmax };
    let default = if node.opset < 13 { 1 } else { -1 };
    if squash == Squash::Softmax && !matches!(int(node.node, "axis", default), 1 | -1) {
        return Err(GraphError::unsupported(&node.site, "the axis is not that of the scores"));
    }
    Ok(Value::Probability(chain, squash, node.site.clone()))
}

/// `[1 − p, p]`.
pub(super) fn concat(node: &Node<'_>) -> Result<Value, GraphError> {
    match &node.inputs[..] {
        [Some(Value::Complement(not)), Some(Value::Probability(chain, Squash::Sigmoid, _))]
            if not.tensor == chain.tensor && chain.width() == 1 && matches!(int(node.node, "axis", 0), 1 | -1) =>
        {
            Ok(Value::TwoClass(chain.clone()))
        }
        _ => {
            Err(GraphError::unsupported(&node.site, "supported only for a probability after its complement, on axis 1"))
        }
    }
}

pub(super) fn arg_max(node: &Node<'_>) -> Result<Value, GraphError> {
    if !matches!(int(node.node, "axis", 0), 1 | -1) || int(node.node, "select_last_index", 0) != 0 {
        return Err(GraphError::unsupported(&node.site, "the axis is not that of the scores, or ties go to the last"));
    }
    let (chain, rule) = match node.input(0)? {
        // Sigmoid and Softmax do not change the order.
        Value::Numbers(chain) | Value::Probability(chain, ..) => (chain, Rule::ArgMax),
        Value::TwoClass(chain) => (chain, Rule::Threshold { threshold: 0.0, sigmoid: true }),
        other => return Err(GraphError::unsupported(&node.site, format!("its input is {}", other.describe()))),
    };
    if rule == Rule::ArgMax && chain.width() < 2 {
        return Err(GraphError::unsupported(&node.site, "the largest of one score is always class 0"));
    }
    Ok(Value::Class(Choice { chain: chain.clone(), head: Head { rule, labels: None } }))
}

/// One score, or its Sigmoid, above a constant.
pub(super) fn greater(node: &Node<'_>) -> Result<Value, GraphError> {
    let bound = node.constant(1)?.scalar()?;
    let (chain, threshold, sigmoid) = match (node.input(0)?, bound) {
        (Value::Numbers(chain), Some(bound)) => (chain, bound, false),
        (Value::Probability(chain, Squash::Sigmoid, _), Some(bound)) => (chain, logit(bound), true),
        _ => return Err(GraphError::unsupported(&node.site, "supported for one score or probability and a constant")),
    };
    if chain.width() != 1 || !threshold.is_finite() {
        return Err(GraphError::unsupported(
            &node.site,
            "supported for one score, and a threshold that both sides can reach",
        ));
    }
    let rule = Rule::Threshold { threshold, sigmoid };
    Ok(Value::Class(Choice { chain: chain.clone(), head: Head { rule, labels: None } }))
}

/// Labels of the classes, looked up by the class.
pub(super) fn labels(node: &Node<'_>) -> Result<Value, GraphError> {
    match (node.input(0)?, node.input(1)?) {
        (Value::Constant(labels), Value::Class(choice)) if choice.head.labels.is_none() => {
            let (texts, classes) = (labels.texts(), choice.classes());
            if texts.len() != classes {
                return Err(GraphError::node(
                    &node.site,
                    format!("`{}` has {} labels for {classes} classes", labels.name, texts.len()),
                    "the file is damaged: export it again",
                ));
            }
            let mut choice = choice.clone();
            choice.head.labels = Some(texts);
            Ok(Value::Class(choice))
        }
        _ => Err(GraphError::unsupported(&node.site, "supported only for looking up the label of a class")),
    }
}

impl Choice {
    fn classes(&self) -> usize {
        match self.head.rule {
            Rule::ArgMax => self.chain.width(),
            Rule::Threshold { .. } => 2,
        }
    }
}

/// The scores and the decision that the graph's outputs stand for.
///
/// An output that is a class is taken at its word, whatever the others are. Without one, every output must be understood,
/// since a decision is then derived from the first: probabilities or scores.
pub(super) fn resolve(outputs: &[(&str, Result<Value, GraphError>)]) -> Result<(Chain, Head), GraphError> {
    let class = outputs.iter().find_map(|(_, value)| match value {
        Ok(Value::Class(choice)) => Some((choice.chain.clone(), choice.head.clone())),
        _ => None,
    });
    if let Some(class) = class {
        return Ok(class);
    }
    if let Some(error) = outputs.iter().find_map(|(_, value)| value.as_ref().err()) {
        return Err(error.clone());
    }
    let Some((name, Ok(value))) = outputs.first() else {
        let what = "the graph has no output".into();
        return Err(GraphError::Interface {
            what,
            advice: "a model's output is scores, probabilities or a class".into(),
        });
    };
    let (chain, sigmoid) = match value {
        Value::Numbers(chain) => (chain, false),
        Value::Probability(chain, Squash::Sigmoid, site) if chain.width() > 1 => {
            let what = format!("{} probabilities that do not exclude one another are not one decision", chain.width());
            return Err(GraphError::unsupported(site, what));
        }
        Value::Probability(chain, squash, _) => (chain, *squash == Squash::Sigmoid),
        Value::TwoClass(chain) => (chain, true),
        other => {
            return Err(GraphError::Interface {
                what: format!("output `{name}` is {}", other.describe()),
                advice: "a model's output is scores, probabilities or a class".into(),
            });
        }
    };
    let rule = if chain.width() == 1 { Rule::Threshold { threshold: 0.0, sigmoid } } else { Rule::ArgMax };
    Ok((chain.clone(), Head { rule, labels: None }))
}

/// The score whose Sigmoid is `probability`.
pub(crate) fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

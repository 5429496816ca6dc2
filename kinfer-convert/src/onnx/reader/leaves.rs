//! Values that are one of finitely many: a number for each leaf of a tree, a label for each class.
//!
//! scikit-learn's isolation forest is exported as trees whose leaves are looked up in tables and computed with until they are
//! path lengths. Computed leaf by leaf, all of that is constants again, and what is left is a tree.

use std::sync::Arc;

use super::super::GraphError;
use super::super::constant::{Constant, Elements};
use super::context::Context;
use super::head::{Choice, Rule};
use super::value::{Leaves, Tensor, Value};
use crate::graph::ensemble::{Ensemble, Tree, TreeNode};
use crate::graph::{Graph, Operator};

/// The node's outputs, where its inputs are constants and values of the leaves of one tree, or labels of one choice, and
/// its operator is one that is computed with constants.
pub(super) fn fold(context: &mut Context<'_>) -> Option<Vec<Value>> {
    let leaves = context.inputs.iter().flatten().find_map(|value| match value {
        Value::Leaves(leaves) => Some(leaves.clone()),
        _ => None,
    });
    if let Some(leaves) = leaves {
        let at = |value: &Value, leaf: usize| match value {
            Value::Constant(_) => Some(value.clone()),
            Value::Leaves(other) if Arc::ptr_eq(&other.tree, &leaves.tree) && other.input == leaves.input => {
                other.values.get(leaf).map(|constant| Value::Constant(constant.clone()))
            }
            _ => None,
        };
        let outputs = each(context, leaves.values.len(), at)?;
        let of = |values| Value::Leaves(Leaves { values, ..leaves.clone() });
        return Some(outputs.into_iter().map(of).collect());
    }
    let choice = context.inputs.iter().flatten().find_map(|value| match value {
        Value::Class(choice) => Some(choice.clone()),
        _ => None,
    })?;
    let labels = choice.labels(context.graph);
    let at = |value: &Value, class: usize| match value {
        Value::Constant(_) => Some(value.clone()),
        Value::Class(_) => labels.get(class).map(|label| Value::Constant(label_constant(label).into())),
        _ => None,
    };
    // A label that only changes its type or shape stays as it is.
    if matches!(context.node.op_type.as_str(), "Cast" | "Reshape" | "Identity" | "Squeeze" | "Unsqueeze" | "Flatten") {
        return None;
    }
    let outputs = each(context, labels.len(), at)?;
    outputs.into_iter().map(|labels| relabelled(&choice, &labels).map(Value::Class)).collect()
}

/// The outputs for each of `count` cases, output by output.
fn each(
    context: &mut Context<'_>,
    count: usize,
    at: impl Fn(&Value, usize) -> Option<Value>,
) -> Option<Vec<Vec<Arc<Constant>>>> {
    let before = context.graph.nodes.len();
    let mut outputs: Vec<Vec<Arc<Constant>>> = Vec::new();
    for case in 0..count {
        let inputs = context.inputs.iter().map(|input| match input {
            Some(value) => at(value, case).map(Some),
            None => Some(None),
        });
        let inputs = inputs.collect::<Option<Vec<_>>>()?;
        let context = Context {
            node: context.node,
            site: context.site.clone(),
            opset: context.opset,
            inputs,
            graph: context.graph,
        };
        let values = context.compute();
        let constants = values.ok().and_then(|values| {
            let constant = |value| match value {
                Value::Constant(constant) => Some(constant),
                _ => None,
            };
            values.into_iter().map(constant).collect::<Option<Vec<_>>>()
        });
        let Some(constants) = constants else {
            break;
        };
        outputs.resize_with(constants.len().max(outputs.len()), Vec::new);
        outputs.iter_mut().zip(constants).for_each(|(output, constant)| output.push(constant));
    }
    if context.graph.nodes.len() > before {
        context.graph.nodes.truncate(before);
        context.graph.scores = before;
    }
    let complete = !outputs.is_empty() && outputs.iter().all(|output| output.len() == count);
    complete.then_some(outputs)
}

fn label_constant(label: &str) -> Constant {
    let elements = match label.parse::<i64>() {
        Ok(integer) => Elements::Integers(vec![integer]),
        Err(_) => Elements::Strings(vec![label.into()]),
    };
    Constant { name: label.into(), dims: vec![1], elements }
}

/// A choice with other labels. Where they are those of an outlier detector, 1 and -1, it is an anomaly.
fn relabelled(choice: &Choice, labels: &[Arc<Constant>]) -> Option<Choice> {
    let texts = labels.iter().map(|label| match &label.texts()[..] {
        [text] => Some(text.clone()),
        _ => None,
    });
    let texts = texts.collect::<Option<Vec<_>>>()?;
    let mut choice = choice.clone();
    if let (Rule::Threshold { threshold, .. }, ["1", "-1"]) =
        (choice.head.rule, [&texts.first()?[..], &texts.get(1)?[..]])
    {
        choice.head.rule = Rule::Anomaly { threshold };
    }
    choice.head.labels = Some(texts);
    Some(choice)
}

/// An output of the graph, a value of leaves as a tensor.
pub(super) fn output(graph: &mut Graph, name: &str, value: Result<Value, GraphError>) -> Result<Value, GraphError> {
    match value {
        Ok(Value::Leaves(leaves)) => {
            tensor(graph, name, &leaves).map(Value::Tensor).ok_or_else(|| GraphError::Interface {
                what: format!("output `{name}` is no number"),
                advice: "a model's output is scores, probabilities, a class or one value".into(),
            })
        }
        value => value,
    }
}

/// Values of leaves among the node's inputs as tensors.
pub(super) fn materialize(context: &mut Context<'_>) -> Result<(), GraphError> {
    for index in 0..context.inputs.len() {
        if let Some(Value::Leaves(leaves)) = context.optional(index).cloned() {
            let name = context.site.name.clone();
            let tensor = tensor(context.graph, &name, &leaves).ok_or_else(|| {
                context.unsupported(format!("input {index} is a tree's leaf, which is no one number"))
            })?;
            context.inputs[index] = Some(Value::Tensor(tensor));
        }
    }
    Ok(())
}

/// Values of leaves as what a tree adds; nothing where a leaf has not one number.
pub(super) fn tensor(graph: &mut Graph, name: &str, leaves: &Leaves) -> Option<Tensor> {
    let dims = leaves.values.first()?.dims.clone();
    let number = |leaf: &Constant| leaf.numbers().ok().filter(|numbers| numbers.len() == 1).map(|numbers| numbers[0]);
    let node = |node: &TreeNode| match node {
        TreeNode::Leaf(values) => {
            let leaf = values.first().map_or(0.0, |(_, leaf)| *leaf) as usize;
            number(leaves.values.get(leaf)?).map(|value| TreeNode::Leaf(vec![(0, value)]))
        }
        split => Some(split.clone()),
    };
    let nodes = leaves.tree.nodes.iter().map(node).collect::<Option<Vec<_>>>()?;
    let ensemble = Ensemble { trees: vec![Tree { nodes }], bases: vec![0.0] };
    let id = graph.push(name, Operator::Trees(ensemble), vec![leaves.input], vec![1]);
    Some(Tensor { id, dims })
}

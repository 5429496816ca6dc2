//! LinearClassifier and LinearRegressor.

use super::super::super::GraphError;
use super::super::super::node::int;
use super::super::context::Context;
use super::super::head::{Choice, Head, Rule};
use super::super::value::{Tensor, Value};
use crate::graph::{Function, Matrix, Operator};
use crate::kinf::functions::Function as Table;

/// Label, and the scores of the classes.
pub(super) fn classifier(context: &mut Context<'_>) -> Result<Vec<Value>, GraphError> {
    let labels = context.class_labels("classlabels_ints")?;
    let transform = context.check_post_transform(&["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])?;
    let input = context.tensor(0)?;
    let (weights, bias) = matrix(context, &input, None)?;
    decide(context, &input, weights, bias, labels, &transform)
}

/// Scores of a linear classifier and what they decide. Two rows of which one is the other's negative are one score.
pub(super) fn decide(
    context: &mut Context<'_>,
    input: &Tensor,
    weights: Matrix,
    bias: Vec<f64>,
    labels: Vec<String>,
    transform: &str,
) -> Result<Vec<Value>, GraphError> {
    let outputs = bias.len();
    let fits = outputs == labels.len() || (outputs == 1 && labels.len() == 2);
    if !fits {
        return Err(context.wrong(
            format!("it has {outputs} scores for {} classes", labels.len()),
            "the file is damaged: export it again",
        ));
    }
    let mirrored = outputs == 2
        && weights.row(0).iter().zip(weights.row(1)).all(|(a, b)| *a == -*b)
        && bias.first().copied() == bias.get(1).map(|bias| -bias);
    let scores = context.push(
        Operator::Dense { weights: weights.clone(), bias: bias.clone() },
        vec![input.id],
        vec![1, outputs],
    );
    let (decided, rule) = if mirrored {
        let weights = Matrix { columns: weights.columns, data: weights.row(1).to_vec() };
        let one = context.push(Operator::Dense { weights, bias: vec![bias[1]] }, vec![input.id], vec![1, 1]);
        (one.id, Rule::Threshold { threshold: 0.0, sigmoid: transform == "LOGISTIC" })
    } else if outputs == 1 {
        (scores.id, Rule::Threshold { threshold: 0.0, sigmoid: transform == "LOGISTIC" })
    } else {
        (scores.id, Rule::ArgMax)
    };
    let class = Choice { scores: decided, head: Head { rule, labels: Some(labels) } };
    let probabilities = match transform {
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

/// Scores of the targets.
pub(super) fn regressor(context: &mut Context<'_>) -> Result<Value, GraphError> {
    context.check_post_transform(&["NONE"])?;
    let input = context.tensor(0)?;
    let targets = usize::try_from(int(context.node, "targets", 1)).unwrap_or(0);
    let (weights, bias) = matrix(context, &input, Some(targets))?;
    let outputs = bias.len();
    Ok(context.value(Operator::Dense { weights, bias }, vec![input.id], vec![1, outputs]))
}

/// Coefficients `[score][feature]` and intercepts.
fn matrix(context: &Context<'_>, input: &Tensor, outputs: Option<usize>) -> Result<(Matrix, Vec<f64>), GraphError> {
    let (coefficients, intercepts) = (context.numbers("coefficients")?, context.numbers("intercepts")?);
    let features = input.width();
    let outputs = outputs.unwrap_or_else(|| coefficients.len() / features.max(1));
    let bias = if intercepts.is_empty() { vec![0.0; outputs] } else { intercepts };
    if outputs == 0 || coefficients.len() != outputs * features || bias.len() != outputs {
        return Err(context.wrong(
            format!("{} coefficients and {} intercepts do not fit {features} features", coefficients.len(), bias.len()),
            "one coefficient a score and feature, one intercept a score: the file is damaged",
        ));
    }
    Ok((Matrix { columns: features, data: coefficients }, bias))
}

//! SVMClassifier and SVMRegressor with a linear kernel, which are linear models.

use super::super::super::GraphError;
use super::super::super::node::int;
use super::super::context::Context;
use super::super::value::Value;
use super::linear::decide;
use crate::graph::{Matrix, Operator};

/// Label, and the scores of the classes.
pub(super) fn classifier(context: &mut Context<'_>) -> Result<Vec<Value>, GraphError> {
    check_kernel(context)?;
    let labels = context.class_labels("classlabels_ints")?;
    let transform = context.check_post_transform(&["NONE", "LOGISTIC"])?;
    let input = context.tensor(0)?;
    let features = input.width();
    let rho = context.numbers("rho")?;
    let vectors = context.numbers("support_vectors")?;
    let coefficients = context.numbers("coefficients")?;
    if context.ints("vectors_per_class").is_empty() {
        // One row of coefficients a class.
        let fits = features > 0 && coefficients.len().is_multiple_of(features) && !rho.is_empty();
        let outputs = coefficients.len() / features.max(1);
        if !fits || outputs == 0 {
            return Err(sizes(context, coefficients.len(), features));
        }
        let bias = vec![rho[0]; outputs];
        return decide(context, &input, Matrix { columns: features, data: coefficients }, bias, labels, &transform);
    }
    if labels.len() != 2 {
        return Err(context.unsupported(
            "it votes one class against the other for every pair of classes: train LinearSVC (one score a class)",
        ));
    }
    let (weights, _) = primal(context, &vectors, &coefficients, features)?;
    let [bias] = rho[..] else { return Err(sizes(context, rho.len(), 1)) };
    // A sum above zero is a vote for class 0.
    let data = weights.iter().map(|weight| -weight).collect();
    decide(context, &input, Matrix { columns: features, data }, vec![-bias], labels, &transform)
}

/// The one score.
pub(super) fn regressor(context: &mut Context<'_>) -> Result<Value, GraphError> {
    check_kernel(context)?;
    context.check_post_transform(&["NONE"])?;
    if int(context.node, "one_class", 0) != 0 {
        return Err(
            context.unsupported("one_class decides by the sign of its score: use SVMClassifier, or a threshold")
        );
    }
    let input = context.tensor(0)?;
    let features = input.width();
    let coefficients = context.numbers("coefficients")?;
    let vectors = context.numbers("support_vectors")?;
    let rho = context.numbers("rho")?;
    let weights = if int(context.node, "n_supports", 0) == 0 {
        coefficients
    } else {
        primal(context, &vectors, &coefficients, features)?.0
    };
    let [bias] = rho[..] else { return Err(sizes(context, rho.len(), 1)) };
    if weights.len() != features {
        return Err(sizes(context, weights.len(), features));
    }
    let weights = Matrix { columns: features, data: weights };
    Ok(context.value(Operator::Dense { weights, bias: vec![bias] }, vec![input.id], vec![1, 1]))
}

fn check_kernel(context: &Context<'_>) -> Result<(), GraphError> {
    match context.string("kernel_type", "LINEAR").as_str() {
        "LINEAR" => Ok(()),
        other => Err(context.unsupported(format!(
            "kernel {other} computes with every support vector: train a linear kernel, a network or trees"
        ))),
    }
}

fn sizes(context: &Context<'_>, has: usize, wants: usize) -> GraphError {
    context.wrong(format!("{has} numbers where {wants} belong"), "the file is damaged: export it again")
}

/// `Σ coefficient · support vector`, and how many vectors there are.
fn primal(
    context: &Context<'_>,
    vectors: &[f64],
    coefficients: &[f64],
    features: usize,
) -> Result<(Vec<f64>, usize), GraphError> {
    let count = vectors.len() / features.max(1);
    if features == 0 || vectors.len() != count * features || coefficients.len() != count {
        return Err(sizes(context, coefficients.len(), count));
    }
    let mut weights = vec![0.0; features];
    for (vector, coefficient) in vectors.chunks_exact(features).zip(coefficients) {
        weights.iter_mut().zip(vector).for_each(|(weight, x)| *weight += coefficient * x);
    }
    Ok((weights, count))
}

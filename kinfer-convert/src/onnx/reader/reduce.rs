//! Reductions of a whole row.

use super::super::GraphError;
use super::super::node::{attribute, int};
use super::context::Context;
use super::value::Value;
use crate::graph::{Matrix, Operator};

/// `Σ x²` over the features.
pub(super) fn sum_of_squares(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let axes = match context.optional(1) {
        Some(_) => context.integers(1)?,
        None => attribute(context.node, "axes").map(|attribute| attribute.ints.clone()).unwrap_or_default(),
    };
    let reduced: Option<Vec<usize>> = axes.iter().map(|&axis| tensor.axis(axis)).collect();
    let whole = reduced.is_some_and(|axes| {
        let kept = tensor.dims.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
        !axes.is_empty() && kept.map(|(_, &size)| size).product::<usize>() == 1
    });
    if !whole {
        return Err(context.unsupported("it does not sum over all features of a row"));
    }
    let dims = if int(context.node, "keepdims", 1) != 0 { vec![1; tensor.dims.len()] } else { vec![1] };
    let operator = Operator::Distance { centroids: Matrix::zeros(1, tensor.width()), weights: None, bias: vec![0.0] };
    Ok(context.value(operator, vec![tensor.id], dims))
}

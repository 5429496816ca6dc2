//! Gemm and MatMul.

use super::super::GraphError;
use super::super::constant::Constant;
use super::super::node::{float, int};
use super::arithmetic::{broadcast, pair};
use super::context::Context;
use super::value::{Tensor, Value};
use crate::graph::{Matrix, Operator};

/// `alpha · A · B' + beta · C` with a tensor A, a constant B, and C either.
pub(super) fn gemm(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = row(context)?;
    if int(context.node, "transA", 0) != 0 {
        return Err(context.unsupported("transA = 1 mixes the rows of a batch"));
    }
    let transposed = int(context.node, "transB", 0) != 0;
    let (alpha, beta) = (f64::from(float(context.node, "alpha", 1.0)), f64::from(float(context.node, "beta", 1.0)));
    let mut weights = weights(context, &*context.constant(1)?, tensor.width(), transposed)?;
    weights.data.iter_mut().for_each(|weight| *weight *= alpha);
    let outputs = weights.rows();
    let bias = match context.optional(2) {
        Some(Value::Tensor(_)) if beta == 1.0 => vec![0.0; outputs],
        Some(_) => broadcast(context, &*context.constant(2)?, &[1, outputs])?.iter().map(|bias| beta * bias).collect(),
        None => vec![0.0; outputs],
    };
    let product = context.push(Operator::Dense { weights, bias }, vec![tensor.id], vec![1, outputs]);
    match context.optional(2).cloned() {
        Some(Value::Tensor(added)) => pair(context, "Add", product, added),
        _ => Ok(Value::Tensor(product)),
    }
}

/// A tensor times a constant matrix `[input, output]`.
pub(super) fn mat_mul(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = row(context)?;
    let weights = weights(context, &*context.constant(1)?, tensor.width(), false)?;
    let outputs = weights.rows();
    let mut dims = tensor.dims.clone();
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    Ok(context.value(Operator::Dense { bias: vec![0.0; outputs], weights }, vec![tensor.id], dims))
}

/// The first input as one row: all dimensions but the last are 1.
fn row(context: &Context<'_>) -> Result<Tensor, GraphError> {
    let tensor = context.tensor(0)?;
    match tensor.dims.split_last() {
        Some((_, rows)) if rows.iter().all(|&dim| dim == 1) => Ok(tensor),
        _ => Err(context.unsupported(format!(
            "it multiplies several rows of a decision at once (shape {:?} with a batch of one)",
            tensor.dims
        ))),
    }
}

/// A constant matrix as `[output][input]`.
fn weights(context: &Context<'_>, constant: &Constant, inputs: usize, transposed: bool) -> Result<Matrix, GraphError> {
    let numbers = constant.numbers()?;
    match constant.dims[..] {
        [outputs, columns] if transposed && columns == inputs && outputs > 0 => {
            Ok(Matrix { columns: inputs, data: numbers })
        }
        [rows, outputs] if !transposed && rows == inputs && outputs > 0 => {
            let mut weights = Matrix::zeros(outputs, inputs);
            for (at, number) in numbers.into_iter().enumerate() {
                weights.row_mut(at % outputs)[at / outputs] = number;
            }
            Ok(weights)
        }
        _ => {
            let wants = if transposed { format!("[outputs, {inputs}]") } else { format!("[{inputs}, outputs]") };
            Err(context.wrong(
                format!("weights `{}` of shape {:?} do not fit its {inputs} inputs", constant.name, constant.dims),
                format!("their shape is {wants}"),
            ))
        }
    }
}

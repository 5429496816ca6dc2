//! Gemm, MatMul and BatchNormalization.

use super::super::GraphError;
use super::super::constant::Constant;
use super::super::node::{float, int};
use super::arithmetic::{broadcast, of_affines, pair};
use super::context::Context;
use super::value::{Tensor, Value};
use crate::graph::{Affine, Conv, Matrix, Operator};
use crate::kinf::WindowSpec;

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

/// A tensor times a constant matrix `[input, output]`. Several rows, as of a sequence, are a convolution of one tap.
pub(super) fn mat_mul(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let (&inputs, rows) = tensor.dims.split_last().ok_or_else(|| context.unsupported("its input has no dimensions"))?;
    let rows: usize = rows.iter().product();
    let matrix = context.constant(1)?;
    let weights = match &matrix.dims[..] {
        [ones @ .., rows, columns] if ones.iter().all(|&dim| dim == 1) => {
            weights(context, &matrix.moved(None, vec![*rows, *columns]), inputs, false)?
        }
        _ => weights(context, &matrix, inputs, false)?,
    };
    let outputs = weights.rows();
    let mut dims = tensor.dims.clone();
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    context.fits(&dims)?;
    let bias = vec![0.0; outputs];
    if rows == 1 {
        return Ok(context.value(Operator::Dense { weights, bias }, vec![tensor.id], dims));
    }
    let conv = Conv { weights, bias, image: [1, rows, inputs], window: WindowSpec::valid([1, 1]), groups: 1 };
    Ok(context.value(Operator::Conv(conv), vec![tensor.id], dims))
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

/// `(x − mean) / √(variance + epsilon) · scale + bias`, one of each a channel.
pub(super) fn batch_normalization(context: &mut Context<'_>) -> Result<Value, GraphError> {
    if int(context.node, "training_mode", 0) != 0
        || context.node.output.iter().filter(|name| !name.is_empty()).count() > 1
    {
        return Err(context.unsupported("it is in training mode: export the model after eval()"));
    }
    let tensor = context.tensor(0)?;
    let channels = tensor.dims.get(1).copied().unwrap_or(1);
    let parameter = |index: usize| {
        let constant = context.constant(index)?;
        let numbers = constant.numbers()?;
        let fits = || {
            context.wrong(
                format!("`{}` has {} values for {channels} channels", constant.name, constant.len()),
                "it has one a channel",
            )
        };
        if numbers.len() == channels { Ok(numbers) } else { Err(fits()) }
    };
    let (scale, bias, mean, variance) = (parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?);
    let epsilon = f64::from(float(context.node, "epsilon", 1e-5));
    let of_channel = |channel: usize| {
        let factor = scale[channel] / (variance[channel] + epsilon).sqrt();
        Affine { factor, offset: bias[channel] - mean[channel] * factor }
    };
    let plane: usize = tensor.dims.iter().skip(2).product();
    let affines: Vec<_> = (0..tensor.width()).map(|at| of_channel(at / plane.max(1) % channels.max(1))).collect();
    of_affines(context, &tensor, &affines)
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

//! Gemm, MatMul, Relu, Clip, and operators that change nothing.

use tract_onnx::pb::tensor_proto::DataType;

use super::GraphError;
use super::arithmetic::broadcast;
use super::constant::Constant;
use super::lower::Node;
use super::node::{attribute, float, int};
use super::value::Value;
use crate::network::Matrix;

/// `alpha · A · B' + beta · C` with numbers A and constants B and C.
pub(super) fn gemm(node: &Node<'_>) -> Result<Value, GraphError> {
    let chain = node.numbers(0)?;
    if int(node.node, "transA", 0) != 0 {
        return Err(GraphError::unsupported(&node.site, "transA = 1 mixes the rows of a batch"));
    }
    let transposed = int(node.node, "transB", 0) != 0;
    let (alpha, beta) = (f64::from(float(node.node, "alpha", 1.0)), f64::from(float(node.node, "beta", 1.0)));
    let mut weights = weights(node, node.constant(1)?, chain.width(), transposed)?;
    weights.data.iter_mut().for_each(|weight| *weight *= alpha);
    let outputs = weights.rows();
    let bias = match node.inputs.get(2) {
        Some(Some(_)) => broadcast(node, node.constant(2)?, outputs)?.iter().map(|bias| beta * bias).collect(),
        _ => vec![0.0; outputs],
    };
    Ok(Value::Numbers(chain.dense(&node.site.name, weights, bias).renamed(node.output())))
}

/// Numbers times a constant matrix `[input, output]`.
pub(super) fn mat_mul(node: &Node<'_>) -> Result<Value, GraphError> {
    let chain = node.numbers(0)?;
    let weights = weights(node, node.constant(1)?, chain.width(), false)?;
    let bias = vec![0.0; weights.rows()];
    Ok(Value::Numbers(chain.dense(&node.site.name, weights, bias).renamed(node.output())))
}

pub(super) fn clamp(node: &Node<'_>, lo: f64, hi: f64) -> Result<Value, GraphError> {
    let clamped = node.numbers(0)?.clamp(lo, hi).map_err(|what| GraphError::unsupported(&node.site, what))?;
    Ok(Value::Numbers(clamped.renamed(node.output())))
}

/// Bounds are attributes before opset 11, inputs since then.
pub(super) fn clip(node: &Node<'_>) -> Result<Value, GraphError> {
    let bound = |index: usize, name: &str, default: f64| match node.inputs.get(index) {
        Some(Some(_)) => node.constant(index)?.scalar()?.ok_or_else(|| {
            GraphError::node(&node.site, format!("the {name} is not a scalar"), "a bound is one number")
        }),
        _ => Ok(attribute(node.node, name).map_or(default, |attribute| f64::from(attribute.f))),
    };
    let (lo, hi) = (bound(1, "min", f64::NEG_INFINITY)?, bound(2, "max", f64::INFINITY)?);
    if lo.is_nan() || hi.is_nan() || lo > hi {
        return Err(GraphError::node(&node.site, format!("min {lo} is above max {hi}"), "bounds are min <= max"));
    }
    clamp(node, lo, hi)
}

/// Operators that leave every number as it is, and the shape `[batch, n]` too. On a class any shape will do.
pub(super) fn pass(node: &Node<'_>) -> Result<Value, GraphError> {
    let value = node.input(0)?;
    let operator = node.node.op_type.as_str();
    let Some(width) = width(value) else {
        return match (value, operator) {
            (Value::Constant(_), "Identity") | (Value::Class(_), _) => Ok(value.clone()),
            _ => Err(GraphError::unsupported(&node.site, format!("its input is {}", value.describe()))),
        };
    };
    let same = match operator {
        "Identity" => true,
        "Dropout" => match node.inputs.get(2) {
            Some(Some(_)) => node.constant(2)?.scalar()? == Some(0.0), // training_mode
            _ => true,
        },
        "Cast" => {
            let to = int(node.node, "to", 0) as i32;
            to == DataType::Float as i32 || to == DataType::Double as i32
        }
        "Flatten" => matches!(int(node.node, "axis", 1), 1 | -1),
        "Reshape" => keeps_rows(node.constant(1)?, width),
        _ => false,
    };
    if !same {
        return Err(GraphError::unsupported(&node.site, format!("it changes {}", value.describe())));
    }
    Ok(match value.clone() {
        Value::Numbers(chain) => Value::Numbers(chain.renamed(node.output())),
        other => other,
    })
}

fn width(value: &Value) -> Option<usize> {
    match value {
        Value::Numbers(chain) | Value::Probability(chain, ..) => Some(chain.width()),
        Value::Complement(_) => Some(1),
        Value::TwoClass(_) => Some(2),
        Value::Constant(_) | Value::Class(_) => None,
    }
}

fn keeps_rows(shape: &Constant, width: usize) -> bool {
    let width = width as i64;
    shape.integers().is_some_and(|shape| match *shape {
        [-1, columns] => columns == width,
        [0, columns] => columns == width || columns == -1,
        _ => false,
    })
}

/// A constant matrix as `[output][input]`.
fn weights(node: &Node<'_>, constant: &Constant, inputs: usize, transposed: bool) -> Result<Matrix, GraphError> {
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
            Err(GraphError::node(
                &node.site,
                format!("weights `{}` of shape {:?} do not fit its {inputs} inputs", constant.name, constant.dims),
                format!("their shape is {wants}"),
            ))
        }
    }
}

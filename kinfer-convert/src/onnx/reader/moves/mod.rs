//! Operators that move elements or leave them alone: of tensors, and of constants just so.
//!
//! Each says which element of its input every element of its output is ([`Move`]), from dimensions alone.

mod join;
mod order;
mod part;
mod shape;

use tract_onnx::pb::tensor_proto::DataType;

use super::super::GraphError;
use super::super::constant::count;
use super::super::node::int;
use super::context::Context;
use super::head;
use super::value::{Tensor, Value};
use crate::graph::{Function, Operator};

pub(super) use self::join::concat;
pub(super) use self::order::permuted;
pub(super) use self::shape::axes;

/// Where an output's elements are in the input, and the output's dimensions.
pub(super) struct Move {
    /// One an output element; nothing where they are the same in the same order.
    pub(super) indices: Option<Vec<usize>>,
    pub(super) dims: Vec<usize>,
}

impl Move {
    /// The same elements under other dimensions.
    fn reshape(dims: Vec<usize>) -> Self {
        Self { indices: None, dims }
    }

    fn select(indices: Vec<usize>, dims: Vec<usize>) -> Self {
        Self { indices: Some(indices), dims }
    }
}

/// Dimensions of a value that elements can be moved of.
pub(super) fn dims_of(context: &Context<'_>, index: usize) -> Result<Vec<usize>, GraphError> {
    match context.input(index)? {
        Value::Tensor(tensor) => Ok(tensor.dims.clone()),
        Value::Constant(constant) => Ok(constant.dims.clone()),
        other => Err(context.unsupported(format!("input {index} is {}", other.describe()))),
    }
}

/// An axis as ONNX counts it, from the end when negative.
pub(super) fn axis_of(dims: &[usize], axis: i64) -> Option<usize> {
    let rank = dims.len() as i64;
    let axis = if axis < 0 { axis.checked_add(rank)? } else { axis };
    (0..rank).contains(&axis).then_some(axis as usize)
}

/// The values of a node that moves its first input's elements.
pub(super) fn read(context: &mut Context<'_>) -> Result<Vec<Value>, GraphError> {
    let name = context.node.op_type.as_str();
    let shapes_only =
        matches!(name, "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" | "Slice" | "Gather");
    match context.input(0)? {
        Value::Class(choice) if shapes_only && !matches!(name, "Slice" | "Gather") => {
            return Ok(vec![Value::Class(choice.clone())]);
        }
        Value::State(name) => return Ok(vec![Value::State(name.clone()); context.node.output.len()]),
        Value::Constant(labels) => {
            if let Some(Value::Class(choice)) = context.optional(1) {
                return head::labelled(context, labels, choice).map(|value| vec![value]);
            }
        }
        _ => {}
    }
    let dims = dims_of(context, 0)?;
    let moves = match name {
        "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => vec![shape::reshape(context, &dims)?],
        "Transpose" => vec![order::transpose(context, &dims)?],
        "Expand" => vec![order::expand(context, &dims)?],
        "Tile" => vec![order::tile(context, &dims)?],
        "Slice" => vec![part::slice(context, &dims)?],
        "Split" => part::split(context, &dims)?,
        _ => vec![part::gather(context, &dims)?],
    };
    moves.into_iter().map(|moved| apply(context, moved)).collect()
}

/// Input 0 with its elements moved.
fn apply(context: &mut Context<'_>, moved: Move) -> Result<Value, GraphError> {
    let Move { indices, dims } = moved;
    match context.input(0)?.clone() {
        Value::Constant(constant) => {
            if count(&dims).is_none() {
                return Err(context.too_large(&dims));
            }
            Ok(Value::Constant(constant.moved(indices.as_deref(), dims).into()))
        }
        Value::Tensor(tensor) => {
            context.fits(&dims)?;
            let same = |indices: &Vec<usize>| indices.iter().copied().eq(0..tensor.width());
            let operator = match indices {
                Some(indices) if same(&indices) => return Ok(Value::Tensor(Tensor { dims, ..tensor })),
                Some(indices) => Operator::Select { indices },
                None => Operator::Reshape,
            };
            Ok(context.value(operator, vec![tensor.id], dims))
        }
        other => Err(context.unsupported(format!("its input is {}", other.describe()))),
    }
}

/// A tensor's elements moved.
pub(super) fn moved(context: &mut Context<'_>, tensor: &Tensor, indices: Vec<usize>, dims: Vec<usize>) -> Tensor {
    context.push(Operator::Select { indices }, vec![tensor.id], dims)
}

/// Identity, Dropout, Cast to a float type: the same value; Cast to integers, its integer part. Cast of a class leaves it one.
pub(super) fn same(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let value = context.input(0)?.clone();
    match (context.node.op_type.as_str(), &value) {
        ("Identity", _) | (_, Value::Class(_) | Value::State(_)) => Ok(value),
        ("Dropout", _) => match context.optional(2) {
            Some(_) if context.constant(2)?.scalar()? != Some(0.0) => {
                Err(context.unsupported("it is in training mode"))
            }
            _ => Ok(value),
        },
        ("CastLike", Value::Tensor(_) | Value::Constant(_)) => Ok(value),
        ("Cast", Value::Tensor(tensor)) => {
            let to = DataType::try_from(int(context.node, "to", 0) as i32);
            match to {
                Ok(DataType::Float | DataType::Double | DataType::Float16) => Ok(value),
                Ok(DataType::Int64 | DataType::Int32) => {
                    let (id, dims) = (tensor.id, tensor.dims.clone());
                    Ok(context.value(Operator::Map(Function::Trunc), vec![id], dims))
                }
                _ => Err(context.unsupported("it makes another type than FLOAT, DOUBLE, INT32 and INT64")),
            }
        }
        _ => Err(context.unsupported(format!("its input is {}", value.describe()))),
    }
}

/// Shape and Size: constants, the batch being one row.
pub(super) fn measure(context: &mut Context<'_>) -> Result<Value, GraphError> {
    use super::super::constant::{Constant, Elements};
    let dims = match context.input(0)? {
        Value::State(_) => {
            return Err(context.unsupported("the shape of a state is not known: initialise it with zeros outside"));
        }
        _ => dims_of(context, 0)?,
    };
    let name = context.site.name.clone();
    let all = |dims: &[usize]| dims.iter().map(|&dim| dim as i64).collect::<Vec<_>>();
    if context.node.op_type == "Size" {
        let size = dims.iter().product::<usize>() as i64;
        return Ok(Value::Constant(Constant { name, dims: vec![], elements: Elements::Integers(vec![size]) }.into()));
    }
    let rank = dims.len() as i64;
    let place = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (place(int(context.node, "start", 0)), place(int(context.node, "end", rank)));
    let sizes = all(dims.get(start..end).unwrap_or_default());
    Ok(Value::Constant(Constant { name, dims: vec![sizes.len()], elements: Elements::Integers(sizes) }.into()))
}

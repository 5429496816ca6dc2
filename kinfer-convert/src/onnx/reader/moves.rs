//! Operators that move elements or leave them alone.

use tract_onnx::pb::tensor_proto::DataType;

use super::super::GraphError;
use super::super::node::{attribute, int};
use super::context::Context;
use super::head;
use super::value::{Tensor, Value};
use crate::graph::{Function, Operator};

/// Identity, Dropout, Cast to a float type: the same value; Cast to integers, its integer part. Cast of a class leaves it one.
pub(super) fn same(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let value = context.input(0)?.clone();
    match (context.node.op_type.as_str(), &value) {
        ("Identity", _) | (_, Value::Class(_)) => Ok(value),
        ("Dropout", _) => match context.optional(2) {
            Some(_) if context.constant(2)?.scalar()? != Some(0.0) => {
                Err(context.unsupported("it is in training mode"))
            }
            _ => Ok(value),
        },
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

/// Flatten, Reshape, Squeeze, Unsqueeze: other dimensions.
pub(super) fn reshape(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = match context.input(0)? {
        Value::Tensor(tensor) => tensor.clone(),
        Value::Class(choice) => return Ok(Value::Class(choice.clone())),
        other => return Err(context.unsupported(format!("its input is {}", other.describe()))),
    };
    let dims = match context.node.op_type.as_str() {
        "Flatten" => {
            let axis = tensor.axis(int(context.node, "axis", 1)).unwrap_or(tensor.dims.len());
            let rows = tensor.rows(axis);
            Some(vec![rows, tensor.width() / rows.max(1)])
        }
        "Reshape" => reshaped(&tensor, &context.integers(1)?, int(context.node, "allowzero", 0) != 0),
        "Squeeze" => squeezed(&tensor, axes(context)?.as_deref()),
        _ => unsqueezed(&tensor, &axes(context)?.unwrap_or_default()),
    };
    match dims {
        Some(dims) => Ok(context.value(Operator::Reshape, vec![tensor.id], dims)),
        None => Err(context.wrong(
            format!("its shape or axes do not fit {:?} (with a batch of one)", tensor.dims),
            "a batch of one row must be possible: export with a dynamic batch or a batch of 1",
        )),
    }
}

/// Axes: an attribute before opset 13, an input since then.
pub(super) fn axes(context: &Context<'_>) -> Result<Option<Vec<i64>>, GraphError> {
    match context.optional(1) {
        Some(_) => Ok(Some(context.integers(1)?)),
        None => Ok(attribute(context.node, "axes").map(|attribute| attribute.ints.clone())),
    }
}

fn reshaped(tensor: &Tensor, shape: &[i64], allow_zero: bool) -> Option<Vec<usize>> {
    let mut dims = Vec::with_capacity(shape.len());
    let mut open = None;
    for (axis, &size) in shape.iter().enumerate() {
        dims.push(match size {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if !allow_zero => *tensor.dims.get(axis)?,
            size => usize::try_from(size).ok()?,
        });
    }
    let known = dims.iter().try_fold(1usize, |all, &dim| all.checked_mul(dim))?;
    match open {
        Some(axis) if known > 0 && tensor.width().is_multiple_of(known) => dims[axis] = tensor.width() / known,
        None if known == tensor.width() => {}
        _ => return None,
    }
    Some(dims)
}

fn squeezed(tensor: &Tensor, axes: Option<&[i64]>) -> Option<Vec<usize>> {
    let dropped = match axes {
        Some(axes) => axes.iter().map(|&axis| tensor.axis(axis)).collect::<Option<Vec<_>>>()?,
        None => (0..tensor.dims.len()).filter(|&axis| tensor.dims[axis] == 1).collect(),
    };
    let fits = dropped.iter().all(|&axis| tensor.dims[axis] == 1);
    let kept = tensor.dims.iter().enumerate().filter(|(axis, _)| !dropped.contains(axis)).map(|(_, &dim)| dim);
    fits.then(|| kept.collect())
}

fn unsqueezed(tensor: &Tensor, axes: &[i64]) -> Option<Vec<usize>> {
    let rank = tensor.dims.len() + axes.len();
    let mut axes = axes
        .iter()
        .map(|&axis| usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok())
        .collect::<Option<Vec<_>>>()?;
    axes.sort_unstable();
    let mut dims = tensor.dims.clone();
    for axis in axes {
        if axis > dims.len() {
            return None;
        }
        dims.insert(axis, 1);
    }
    Some(dims)
}

/// Other order of the axes.
pub(super) fn transpose(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let rank = tensor.dims.len();
    let order: Option<Vec<usize>> = match attribute(context.node, "perm") {
        Some(perm) => perm.ints.iter().map(|&axis| tensor.axis(axis)).collect(),
        None => Some((0..rank).rev().collect()),
    };
    let is_order = |order: &Vec<usize>| order.len() == rank && (0..rank).all(|axis| order.contains(&axis));
    let order = order.filter(is_order).ok_or_else(|| {
        context.wrong(format!("its perm is no order of {rank} axes"), "the file is damaged: export it again")
    })?;
    Ok(transposed(context, &tensor, &order))
}

/// A tensor with its axes in another order.
pub(super) fn transposed(context: &mut Context<'_>, tensor: &Tensor, order: &[usize]) -> Value {
    let strides: Vec<usize> = (0..tensor.dims.len()).map(|axis| tensor.dims[axis + 1..].iter().product()).collect();
    let dims: Vec<usize> = order.iter().map(|&axis| tensor.dims[axis]).collect();
    let index = |mut at: usize| {
        let mut index = 0;
        for (place, &axis) in order.iter().enumerate().rev() {
            index += at % dims[place] * strides[axis];
            at /= dims[place];
        }
        index
    };
    let indices = (0..tensor.width()).map(index).collect();
    context.value(Operator::Select { indices }, vec![tensor.id], dims)
}

/// Tensors side by side along an axis.
pub(super) fn concat(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let count = context.inputs.len();
    let tensors = (0..count).map(|index| context.tensor(index)).collect::<Result<Vec<_>, _>>()?;
    let first = tensors.first().ok_or_else(|| context.wrong("it has no inputs", "export it again"))?.clone();
    let axis = first
        .axis(int(context.node, "axis", 1))
        .filter(|&axis| {
            tensors.iter().all(|tensor| {
                tensor.dims.len() == first.dims.len()
                    && (0..first.dims.len()).all(|other| other == axis || tensor.dims[other] == first.dims[other])
            })
        })
        .ok_or_else(|| context.wrong("its inputs do not fit along its axis", "the file is damaged: export it again"))?;
    let mut dims = first.dims.clone();
    dims[axis] = tensors.iter().map(|tensor| tensor.dims[axis]).sum();
    let inputs = tensors.iter().map(|tensor| tensor.id).collect();
    Ok(context.value(Operator::Concat { rows: first.rows(axis) }, inputs, dims))
}

/// Elements at constant places along an axis; or, of constant labels, the one of a class.
pub(super) fn gather(context: &mut Context<'_>) -> Result<Value, GraphError> {
    if let (Value::Constant(labels), Value::Class(choice)) = (context.input(0)?, context.input(1)?) {
        return head::labelled(context, labels, choice);
    }
    let tensor = context.tensor(0)?;
    let places = context.constant(1)?;
    let is_gather = context.node.op_type == "Gather";
    let axis = if is_gather { int(context.node, "axis", 0) } else { -1 };
    let axis = tensor.axis(axis).ok_or_else(|| context.wrong("its axis is outside its input", "export it again"))?;
    let size = tensor.dims[axis];
    let integers = places.integers().unwrap_or_default();
    let positions = integers.iter().map(|&at| {
        let at = if at < 0 { at + size as i64 } else { at };
        usize::try_from(at).ok().filter(|&at| at < size)
    });
    let positions: Vec<usize> =
        positions.collect::<Option<_>>().filter(|p: &Vec<_>| !p.is_empty()).ok_or_else(|| {
            context.wrong(format!("its indices are not places along axis {axis} of {size}"), "export it again")
        })?;
    let mut dims = tensor.dims.clone();
    if is_gather {
        dims.splice(axis..=axis, places.dims.iter().copied());
    } else {
        dims[axis] = positions.len();
    }
    Ok(taken(context, &tensor, axis, &positions, dims))
}

/// Elements at `positions` along an axis.
pub(super) fn taken(
    context: &mut Context<'_>,
    tensor: &Tensor,
    axis: usize,
    positions: &[usize],
    dims: Vec<usize>,
) -> Value {
    let (rows, size) = (tensor.rows(axis), tensor.dims[axis]);
    if positions.iter().copied().eq(0..size) {
        return Value::Tensor(Tensor { dims, ..tensor.clone() });
    }
    let rest: usize = tensor.dims[axis + 1..].iter().product();
    let of_row = |row: usize| {
        positions.iter().flat_map(move |at| (0..rest).map(move |element| (row * size + at) * rest + element))
    };
    let indices = (0..rows).flat_map(of_row).collect();
    context.value(Operator::Select { indices }, vec![tensor.id], dims)
}

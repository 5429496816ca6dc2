//! Flatten, Reshape, Squeeze, Unsqueeze: other dimensions.

use super::super::super::GraphError;
use super::super::super::node::{attribute, int};
use super::super::context::Context;
use super::{Move, axis_of};

pub(super) fn reshape(context: &Context<'_>, from: &[usize]) -> Result<Move, GraphError> {
    let dims = match context.node.op_type.as_str() {
        "Flatten" => flattened(from, int(context.node, "axis", 1)),
        "Reshape" => reshaped(from, &context.integers(1)?, int(context.node, "allowzero", 0) != 0),
        "Squeeze" => squeezed(from, axes(context)?.as_deref()),
        _ => unsqueezed(from, &axes(context)?.unwrap_or_default()),
    };
    dims.map(Move::reshape).ok_or_else(|| {
        context.wrong(
            format!("its shape or axes do not fit {from:?} (with a batch of one)"),
            "a batch of one row must be possible: export with a dynamic batch or a batch of 1",
        )
    })
}

/// Axes: an attribute before opset 13, an input since then.
pub(in crate::onnx::reader) fn axes(context: &Context<'_>) -> Result<Option<Vec<i64>>, GraphError> {
    match context.optional(1) {
        Some(_) => Ok(Some(context.integers(1)?)),
        None => Ok(attribute(context.node, "axes").map(|attribute| attribute.ints.clone())),
    }
}

fn flattened(from: &[usize], axis: i64) -> Option<Vec<usize>> {
    let axis = if axis == from.len() as i64 { from.len() } else { axis_of(from, axis)? };
    let (rows, columns) = from.split_at(axis);
    Some(vec![rows.iter().product(), columns.iter().product()])
}

fn reshaped(from: &[usize], shape: &[i64], allow_zero: bool) -> Option<Vec<usize>> {
    let width: usize = from.iter().product();
    let mut dims = Vec::with_capacity(shape.len());
    let mut open = None;
    for (axis, &size) in shape.iter().enumerate() {
        dims.push(match size {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if !allow_zero => *from.get(axis)?,
            size => usize::try_from(size).ok()?,
        });
    }
    let known = dims.iter().try_fold(1usize, |all, &dim| all.checked_mul(dim))?;
    match open {
        Some(axis) if known > 0 && width.is_multiple_of(known) => dims[axis] = width / known,
        None if known == width => {}
        _ => return None,
    }
    Some(dims)
}

fn squeezed(from: &[usize], axes: Option<&[i64]>) -> Option<Vec<usize>> {
    let dropped = match axes {
        Some(axes) => axes.iter().map(|&axis| axis_of(from, axis)).collect::<Option<Vec<_>>>()?,
        None => (0..from.len()).filter(|&axis| from[axis] == 1).collect(),
    };
    let fits = dropped.iter().all(|&axis| from[axis] == 1);
    let kept = from.iter().enumerate().filter(|(axis, _)| !dropped.contains(axis)).map(|(_, &dim)| dim);
    fits.then(|| kept.collect())
}

fn unsqueezed(from: &[usize], axes: &[i64]) -> Option<Vec<usize>> {
    let rank = from.len() + axes.len();
    let mut axes = axes
        .iter()
        .map(|&axis| usize::try_from(if axis < 0 { axis.checked_add(rank as i64)? } else { axis }).ok())
        .collect::<Option<Vec<_>>>()?;
    axes.sort_unstable();
    let mut dims = from.to_vec();
    for axis in axes {
        if axis > dims.len() {
            return None;
        }
        dims.insert(axis, 1);
    }
    Some(dims)
}

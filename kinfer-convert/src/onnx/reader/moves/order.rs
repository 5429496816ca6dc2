//! Transpose, Expand, Tile: elements in another order, or several times.

use super::super::super::GraphError;
use super::super::super::node::attribute;
use super::super::arithmetic::{broadcast_dims, broadcast_indices};
use super::super::context::Context;
use super::{Move, axis_of};

/// Other order of the axes.
pub(super) fn transpose(context: &Context<'_>, from: &[usize]) -> Result<Move, GraphError> {
    let rank = from.len();
    let order: Option<Vec<usize>> = match attribute(context.node, "perm") {
        Some(perm) => perm.ints.iter().map(|&axis| axis_of(from, axis)).collect(),
        None => Some((0..rank).rev().collect()),
    };
    let is_order = |order: &Vec<usize>| order.len() == rank && (0..rank).all(|axis| order.contains(&axis));
    let order = order.filter(is_order).ok_or_else(|| {
        context.wrong(format!("its perm is no order of {rank} axes"), "the file is damaged: export it again")
    })?;
    let dims = order.iter().map(|&axis| from[axis]).collect();
    Ok(Move::select(permuted(from, &order), dims))
}

/// Elements of a tensor of dimensions `from` with its axes in another order.
pub(in crate::onnx::reader) fn permuted(from: &[usize], order: &[usize]) -> Vec<usize> {
    let stride = |axis: usize| from.iter().skip(axis + 1).product::<usize>();
    let axes: Vec<(usize, usize)> = order.iter().map(|&axis| (from[axis], stride(axis))).collect();
    let element = |mut at: usize| {
        let mut index = 0;
        for &(size, stride) in axes.iter().rev() {
            index += at % size * stride;
            at /= size;
        }
        index
    };
    (0..from.iter().product()).map(element).collect()
}

/// Elements repeated along axes of one.
pub(super) fn expand(context: &Context<'_>, from: &[usize]) -> Result<Move, GraphError> {
    let shape = context.integers(1)?;
    let shape = shape.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>();
    let dims = shape.and_then(|shape| broadcast_dims(from, &shape)).ok_or_else(|| {
        context.wrong(format!("{from:?} does not expand to its shape"), "the file is damaged: export it again")
    })?;
    context.fits(&dims)?;
    Ok(Move::select(broadcast_indices(from, &dims), dims))
}

/// Everything repeated along each axis.
pub(super) fn tile(context: &Context<'_>, from: &[usize]) -> Result<Move, GraphError> {
    let times = context.integers(1)?;
    let dims: Option<Vec<usize>> = from
        .iter()
        .zip(&times)
        .map(|(&dim, &times)| usize::try_from(times).ok().and_then(|times| dim.checked_mul(times)))
        .collect();
    let dims = dims.filter(|_| times.len() == from.len()).ok_or_else(|| {
        context.wrong(format!("its repeats do not fit {from:?}"), "the file is damaged: export it again")
    })?;
    context.fits(&dims)?;
    let element = |mut at: usize| {
        let (mut index, mut stride) = (0, 1);
        for (&from, &to) in from.iter().zip(&dims).rev() {
            index += at % to % from * stride;
            at /= to;
            stride *= from;
        }
        index
    };
    let indices = (0..dims.iter().product()).map(element).collect();
    Ok(Move::select(indices, dims))
}

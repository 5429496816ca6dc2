//! Slice, Split, Gather: some of the elements.

use super::super::super::GraphError;
use super::super::super::node::{attribute, int};
use super::super::context::Context;
use super::{Move, axis_of};

const DAMAGED: &str = "the file is damaged: export it again";

/// Elements from start to end along some axes: inputs since opset 10, attributes before.
pub(super) fn slice(context: &Context<'_>, from: &[usize]) -> Result<Move, GraphError> {
    let list = |index: usize, name: &str| match context.optional(index) {
        Some(_) => context.integers(index).map(Some),
        None => Ok(attribute(context.node, name).map(|attribute| attribute.ints.clone())),
    };
    let (starts, ends) = (list(1, "starts")?.unwrap_or_default(), list(2, "ends")?.unwrap_or_default());
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    let refuse = || context.wrong(format!("its starts, ends, axes or steps do not fit {from:?}"), DAMAGED);
    if starts.len() != ends.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(refuse());
    }
    let mut places: Vec<Vec<usize>> = from.iter().map(|&size| (0..size).collect()).collect();
    for (at, &axis) in axes.iter().enumerate() {
        let axis = axis_of(from, axis).ok_or_else(refuse)?;
        places[axis] = positions(from[axis], starts[at], ends[at], steps[at]).ok_or_else(refuse)?;
    }
    if places.iter().any(Vec::is_empty) && !context.is_constant() {
        return Err(context.wrong("it leaves no elements", DAMAGED));
    }
    let dims: Vec<usize> = places.iter().map(Vec::len).collect();
    let mut indices = vec![0];
    for (axis, places) in places.iter().enumerate() {
        let size = from[axis];
        indices = indices.iter().flat_map(|index| places.iter().map(move |place| index * size + place)).collect();
    }
    Ok(Move::select(indices, dims))
}

/// Places that a slice of an axis takes.
fn positions(size: usize, start: i64, end: i64, step: i64) -> Option<Vec<usize>> {
    let size = i64::try_from(size).ok()?;
    let from_end = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
    let (start, end) = if step > 0 {
        (from_end(start).clamp(0, size), from_end(end).clamp(0, size))
    } else {
        (from_end(start).clamp(-1, size - 1), from_end(end).clamp(-1, size - 1))
    };
    let step_size = usize::try_from(step.unsigned_abs()).ok().filter(|&step| step > 0)?;
    let places: Vec<usize> = if step > 0 {
        (start..end).step_by(step_size).map(|at| at as usize).collect()
    } else {
        (end + 1..=start).rev().step_by(step_size).map(|at| at as usize).collect()
    };
    Some(places)
}

/// Parts along an axis, one an output.
pub(super) fn split(context: &Context<'_>, from: &[usize]) -> Result<Vec<Move>, GraphError> {
    let refuse = || context.wrong(format!("its parts do not fit {from:?}"), DAMAGED);
    let axis = axis_of(from, int(context.node, "axis", 0)).ok_or_else(refuse)?;
    let (size, outputs) = (from[axis], context.node.output.len());
    let sizes = match context.optional(1) {
        Some(_) => Some(context.integers(1)?),
        None => attribute(context.node, "split").map(|attribute| attribute.ints.clone()),
    };
    let sizes: Vec<usize> = match sizes {
        Some(sizes) => {
            sizes.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<_>>().ok_or_else(refuse)?
        }
        None => {
            let part = size.div_ceil(outputs.max(1));
            (0..outputs).map(|at| part.min(size.saturating_sub(at * part))).collect()
        }
    };
    let sum = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
    if sum != Some(size) || sizes.contains(&0) || sizes.len() != outputs {
        return Err(refuse());
    }
    let mut start = 0;
    let part = |size: usize| {
        let positions: Vec<usize> = (start..start + size).collect();
        start += size;
        taken(from, axis, &positions)
    };
    Ok(sizes.into_iter().map(part).collect())
}

/// Elements at constant places along an axis.
pub(super) fn gather(context: &Context<'_>, from: &[usize]) -> Result<Move, GraphError> {
    let places = context.constant(1)?;
    let is_gather = context.node.op_type == "Gather";
    let axis = if is_gather { int(context.node, "axis", 0) } else { -1 };
    let axis = axis_of(from, axis).ok_or_else(|| context.wrong("its axis is outside its input", "export it again"))?;
    let size = from[axis];
    let integers = places.integers().unwrap_or_default();
    let positions = integers.iter().map(|&at| {
        let at = if at < 0 { at.checked_add(size as i64)? } else { at };
        usize::try_from(at).ok().filter(|&at| at < size)
    });
    let positions: Vec<usize> =
        positions.collect::<Option<_>>().filter(|p: &Vec<_>| !p.is_empty()).ok_or_else(|| {
            context.wrong(format!("its indices are not places along axis {axis} of {size}"), "export it again")
        })?;
    let mut taken_dims = from.to_vec();
    taken_dims[axis] = positions.len();
    context.fits(&taken_dims)?;
    let mut moved = taken(from, axis, &positions);
    if is_gather {
        let mut dims = from.to_vec();
        dims.splice(axis..=axis, places.dims.iter().copied());
        moved.dims = dims;
    }
    Ok(moved)
}

/// Elements at `positions` along an axis.
fn taken(from: &[usize], axis: usize, positions: &[usize]) -> Move {
    let rows: usize = from.iter().take(axis).product();
    let rest: usize = from.iter().skip(axis + 1).product();
    let size = from[axis];
    let of_row = |row: usize| {
        positions.iter().flat_map(move |at| (0..rest).map(move |element| (row * size + at) * rest + element))
    };
    let indices = (0..rows).flat_map(of_row).collect();
    let mut dims = from.to_vec();
    dims[axis] = positions.len();
    Move::select(indices, dims)
}

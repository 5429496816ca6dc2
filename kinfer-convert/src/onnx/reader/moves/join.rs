//! Concat: values side by side along an axis.

use super::super::super::GraphError;
use super::super::super::constant::{Constant, Elements};
use super::super::super::node::int;
use super::super::context::Context;
use super::super::value::Value;
use super::{axis_of, dims_of};
use crate::graph::{Operator, ValueId};

pub(in crate::onnx::reader) fn concat(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let count = context.inputs.len();
    if let Some(state) = context.inputs.iter().flatten().find(|input| matches!(input, Value::State(_))) {
        return Ok(state.clone());
    }
    let all = (0..count).map(|index| dims_of(context, index)).collect::<Result<Vec<_>, _>>()?;
    let first = all.first().ok_or_else(|| context.wrong("it has no inputs", "export it again"))?;
    let axis = axis_of(first, int(context.node, "axis", 1))
        .filter(|&axis| {
            all.iter().all(|dims| {
                dims.len() == first.len() && (0..first.len()).all(|other| other == axis || dims[other] == first[other])
            })
        })
        .ok_or_else(|| context.wrong("its inputs do not fit along its axis", "the file is damaged: export it again"))?;
    let mut dims = first.clone();
    dims[axis] = all.iter().map(|dims| dims[axis]).sum();
    let rows: usize = dims.iter().take(axis).product();
    context.fits(&dims)?;

    let constants: Option<Vec<_>> = context
        .inputs
        .iter()
        .map(|input| match input {
            Some(Value::Constant(constant)) => Some(constant.clone()),
            _ => None,
        })
        .collect();
    if let Some(constants) = constants {
        let parts: Vec<&Constant> = constants.iter().map(AsRef::as_ref).collect();
        let elements = joined(&parts, rows)
            .ok_or_else(|| context.wrong("its constants are of different types", "export it again"))?;
        return Ok(Value::Constant(Constant { name: context.site.name.clone(), dims, elements }.into()));
    }
    let inputs = (0..count).map(|index| part(context, index)).collect::<Result<Vec<_>, _>>()?;
    Ok(context.value(Operator::Concat { rows }, inputs, dims))
}

/// A value to be joined with tensors: a constant is one that no feature changes.
fn part(context: &mut Context<'_>, index: usize) -> Result<ValueId, GraphError> {
    let constant = match context.input(index)? {
        Value::Constant(constant) => constant.clone(),
        _ => return context.tensor(index).map(|tensor| tensor.id),
    };
    let offset = constant.numbers()?;
    let zeros = context.push(Operator::Select { indices: vec![0; offset.len()] }, vec![0], constant.dims.clone());
    let operator = Operator::Affine { factor: vec![0.0; offset.len()], offset };
    Ok(context.push(operator, vec![zeros.id], constant.dims.clone()).id)
}

fn joined(parts: &[&Constant], rows: usize) -> Option<Elements> {
    fn of<T: Clone>(parts: &[&[T]], rows: usize) -> Vec<T> {
        let row = |part: &[T], row: usize| {
            let width = part.len() / rows.max(1);
            part.iter().skip(row * width).take(width).cloned().collect::<Vec<_>>()
        };
        (0..rows).flat_map(|at| parts.iter().flat_map(move |part| row(part, at))).collect()
    }
    let integers: Option<Vec<&[i64]>> = parts.iter().map(|part| part.integers()).collect();
    if let Some(parts) = integers {
        return Some(Elements::Integers(of(&parts, rows)));
    }
    let floats: Option<Vec<&[f64]>> = parts
        .iter()
        .map(|part| match &part.elements {
            Elements::Floats(values) => Some(&values[..]),
            _ => None,
        })
        .collect();
    floats.map(|parts| Elements::Floats(of(&parts, rows)))
}

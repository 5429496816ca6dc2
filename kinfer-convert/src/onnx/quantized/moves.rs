//! Operators that move elements, and pools.

use kinfer::format::PoolMode;

use super::super::GraphError;
use super::super::node::{attribute, int};
use super::builder::{Builder, image_dims};
use super::constant::Known;
use super::layout::transposition;
use super::linear::quantised;
use super::node::Node;
use super::value::{Features, Mean, Move, Real, Source, Value};
use super::windows;
use crate::kinf::WindowSpec;

/// Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout, Cast: the same elements in the same order.
pub(super) fn reshape(node: &Node<'_>) -> Result<Value, GraphError> {
    let value = node.input(0)?;
    let operator = node.node.op_type.as_str();
    if let Value::Class(_) = value {
        return Ok(value.clone()); // any shape will do
    }
    if let Value::Known(Known::Plain(constant)) = value {
        let same = matches!(operator, "Identity" | "Cast");
        let dims = if operator == "Reshape" { node.longs(1)? } else { vec![] };
        let dims: Option<Vec<usize>> = dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        return match dims.filter(|dims| dims.iter().product::<usize>() == constant.dims.iter().product::<usize>()) {
            Some(dims) if operator == "Reshape" => Ok(Value::Known(Known::Plain(constant.reshaped(dims).into()))),
            _ if same => Ok(value.clone()),
            _ => Err(node.unsupported(format!("its input is {}", value.describe()))),
        };
    }
    if operator == "Identity" {
        return Ok(value.clone());
    }
    let Some(dims) = row_dims(value) else {
        return Err(node.unsupported(format!("its input is {}", value.describe())));
    };
    let training = operator == "Dropout" && node.optional(2).is_some() && node.known(2)?.scalar()? != Some(0.0);
    if training {
        return Err(node.unsupported("it is in training mode"));
    }
    let dims = match operator {
        "Cast" if matches!(int(node.node, "to", 0), 1 | 11) => dims,
        "Dropout" => dims,
        "Flatten" if matches!(int(node.node, "axis", 1), 1) => vec![dims.iter().product()],
        "Reshape" => target(node, &node.longs(1)?, &dims)?,
        "Squeeze" | "Unsqueeze" => squeezed(node, dims)?,
        _ => return Err(node.unsupported(format!("it changes {}", value.describe()))),
    };
    moved(node, value, Move::Reshape(dims.clone()), dims)
}

/// Dimensions of a row after a Reshape to `shape`.
fn target(node: &Node<'_>, shape: &[i64], dims: &[usize]) -> Result<Vec<usize>, GraphError> {
    let elements: usize = dims.iter().product();
    let mixes = || node.unsupported(format!("its shape {shape:?} mixes the rows of a batch of {dims:?}"));
    let [rows, rest @ ..] = shape else { return Err(mixes()) };
    let own = match *rows {
        -1 | 0 => true,
        rows => usize::try_from(rows).is_ok_and(|rows| rows == node.batch.unwrap_or(1)),
    };
    if rest.is_empty() && elements == 1 && own {
        return Ok(vec![1]);
    }
    let sizes = rest.iter().enumerate().map(|(at, &size)| match size {
        0 => dims.get(at).copied(),
        -1 if *rows != -1 => Some(usize::MAX),
        size => usize::try_from(size).ok(),
    });
    let mut sizes = sizes.collect::<Option<Vec<_>>>().ok_or_else(mixes)?;
    let known: usize = sizes.iter().filter(|&&size| size != usize::MAX).product();
    for size in sizes.iter_mut().filter(|size| **size == usize::MAX) {
        *size = elements.checked_div(known).unwrap_or(0);
    }
    let fits = own && sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size)) == Some(elements);
    if fits { Ok(sizes) } else { Err(mixes()) }
}

/// Axes are an attribute before opset 13, an input since then.
fn squeezed(node: &Node<'_>, mut dims: Vec<usize>) -> Result<Vec<usize>, GraphError> {
    let axes = match node.optional(1) {
        Some(_) => Some(node.longs(1)?),
        None => attribute(node.node, "axes").map(|attribute| attribute.ints.clone()),
    };
    let invalid = || node.invalid("its axes do not fit its input", "the graph is not valid: export it again");
    let unsqueeze = node.node.op_type == "Unsqueeze";
    let Some(axes) = axes else {
        dims.retain(|&dim| dim != 1);
        return if unsqueeze { Err(invalid()) } else { Ok(dims) };
    };
    let rank = dims.len() as i64 + 1 + if unsqueeze { axes.len() as i64 } else { 0 };
    let mut axes: Vec<i64> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    axes.sort_unstable();
    if !unsqueeze {
        axes.reverse();
    }
    for axis in axes {
        // Axis 0 is the batch.
        let at = usize::try_from(axis - 1).map_err(|_| node.unsupported("it moves the batch"))?;
        match unsqueeze {
            true if at <= dims.len() => dims.insert(at, 1),
            false if dims.get(at) == Some(&1) => drop(dims.remove(at)),
            _ => return Err(invalid()),
        }
    }
    Ok(dims)
}

pub(super) fn transpose(node: &Node<'_>) -> Result<Value, GraphError> {
    let value = node.input(0)?;
    let perm = attribute(node.node, "perm").map(|attribute| attribute.ints.clone());
    let rank = match value {
        Value::Known(known) => known.dims().len(),
        other => row_dims(other).map_or(0, |dims| dims.len() + 1),
    };
    let perm = perm.unwrap_or_else(|| (0..rank as i64).rev().collect());
    let axes: Option<Vec<usize>> =
        perm.iter().map(|&axis| usize::try_from(axis).ok().filter(|&axis| axis < rank)).collect();
    let mut sorted = axes.clone().unwrap_or_default();
    sorted.sort_unstable();
    let Some(axes) = axes.filter(|_| sorted.iter().copied().eq(0..rank)) else {
        return Err(node.invalid(format!("perm {perm:?} does not fit its input"), "the graph is not valid"));
    };
    if let Value::Known(Known::Quantised(quantised)) = value {
        return Ok(Value::Known(Known::Quantised(quantised.transposed(&axes).into())));
    }
    let ([0, rest @ ..], Some(dims)) = (&axes[..], row_dims(value)) else {
        return Err(node.unsupported("it moves the batch, or its input is not of numbers"));
    };
    let rest: Vec<usize> = rest.iter().map(|axis| axis - 1).collect();
    let to = rest.iter().filter_map(|&axis| dims.get(axis).copied()).collect();
    moved(node, value, Move::Transpose(rest), to)
}

fn row_dims(value: &Value) -> Option<Vec<usize>> {
    match value {
        Value::Features(features) => Some(features.dims.clone()),
        Value::Integers(integers) => Some(integers.dims.clone()),
        Value::Real(real) | Value::Complement(real) => Some(real.dims.clone()),
        Value::TwoClass(_) => Some(vec![2]),
        Value::Known(_) | Value::Class(_) => None,
    }
}

fn moved(node: &Node<'_>, value: &Value, step: Move, dims: Vec<usize>) -> Result<Value, GraphError> {
    let mut builder = Builder::default(); // nothing that only renumbers is an operator
    Ok(match value {
        Value::Features(features) => {
            let from = match &step {
                Move::Transpose(axes) => transposition(&features.dims, axes),
                _ => (0..features.elements.len()).collect(),
            };
            let elements = from.iter().filter_map(|&from| features.elements.get(from).copied()).collect();
            Value::Features(Features { dims, elements })
        }
        Value::Integers(integers) => Value::Integers(builder.moved(integers, &step, &node.site)?),
        Value::Real(real) => {
            let mut real = real.clone();
            match &mut real.source {
                Source::Element(term, _) => term.of = builder.moved(&term.of, &step, &node.site)?,
                _ => real.moves.push(step),
            }
            real.dims = dims;
            Value::Real(real)
        }
        other => other.clone(),
    })
}

/// Concat of integers, or of floats that are quantised behind it.
pub(super) fn concat(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    if let [Some(Value::Complement(not)), Some(Value::Real(real))] = &node.inputs[..] {
        let same = real.logit().is_some_and(|score| score.name == not.name);
        return if same && matches!(int(node.node, "axis", 0), 1 | -1) {
            Ok(Value::TwoClass(not.clone()))
        } else {
            Err(node.unsupported("supported for a probability after its own complement, on axis 1"))
        };
    }
    let first = node.input(0)?;
    let rank = row_dims(first).map_or(0, |dims| dims.len());
    let axis = row_axis(node, int(node.node, "axis", 0), rank)?;
    if let Value::Integers(first) = first {
        let mut all = first.clone();
        for index in 1..node.inputs.len() {
            let next = node.integers(index)?;
            builder.same_class(&all, &next, &node.site)?;
            all = builder.concat(&all, &next, axis, &node.site)?;
        }
        return Ok(Value::Integers(all));
    }
    let parts = (0..node.inputs.len()).map(|index| node.real(index)).collect::<Result<Vec<_>, _>>()?;
    side_by_side(node, parts, axis).map(Value::Real)
}

/// com.microsoft.QLinearConcat: scale and zero point of the output, then three inputs a part.
pub(super) fn q_linear_concat(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    let mut parts = Vec::new();
    for index in (2..node.inputs.len()).step_by(3) {
        let term = node.quantised_term(index)?;
        builder.read(&term.of, &term.params, &node.site)?;
        parts.push(Real::dequantised(term, &node.site));
    }
    let rank = parts.first().map_or(0, |part| part.dims.len());
    let axis = row_axis(node, int(node.node, "axis", 0), rank)?;
    quantised(builder, &side_by_side(node, parts, axis)?, &node.params(0, 1, None)?)
}

fn side_by_side(node: &Node<'_>, parts: Vec<Real>, axis: usize) -> Result<Real, GraphError> {
    let mut dims = parts.first().map(|part| part.dims.clone()).unwrap_or_default();
    let total = parts.iter().filter_map(|part| part.dims.get(axis)).sum();
    match dims.get_mut(axis) {
        Some(size) => *size = total,
        None => return Err(node.invalid("its axis does not fit its inputs", "the graph is not valid")),
    }
    Ok(Real::new(Source::Concat(parts, axis), dims, &node.site))
}

/// An axis of the graph as one of a row.
pub(super) fn row_axis(node: &Node<'_>, axis: i64, rank: usize) -> Result<usize, GraphError> {
    let from_front = if axis < 0 { axis + rank as i64 + 1 } else { axis };
    let at = usize::try_from(from_front - 1).ok().filter(|&at| at < rank);
    at.ok_or_else(|| node.unsupported(format!("axis {axis} is that of the batch, or none of its input's")))
}

/// MaxPool and GlobalMaxPool, of integers or of floats.
pub(super) fn max_pool(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    let (value, spatial) = spatial(node)?;
    let window = if node.node.op_type == "MaxPool" {
        windows::pool(node.node, &node.site, &spatial)?
    } else {
        windows::global(&node.site, &spatial)?
    };
    match value {
        Value::Integers(integers) => Ok(Value::Integers(builder.pool(integers, window, PoolMode::Max, &node.site)?)),
        Value::Real(real) => {
            let mut real = real.clone();
            let dims = pooled(&real.dims, &window);
            match &mut real.source {
                // What does not fall commutes with a maximum.
                Source::Element(term, function)
                    if function.clamped_slopes().is_some_and(|((below, above), _)| below >= 0.0 && above >= 0.0) =>
                {
                    term.of = builder.pool(&term.of, window, PoolMode::Max, &node.site)?;
                }
                Source::Element(..) => return Err(super::quantise::not_quantised(&real.site, &node.site)),
                _ => real.moves.push(Move::MaxPool(window)),
            }
            real.dims = dims;
            Ok(Value::Real(real.at(&node.site)))
        }
        other => Err(node.unsupported(format!("its input is {}", other.describe()))),
    }
}

/// AveragePool, GlobalAveragePool, and ReduceMean over height and width.
pub(super) fn mean(node: &Node<'_>) -> Result<Value, GraphError> {
    let (_, spatial) = spatial(node)?;
    let term = node.term(0)?;
    let (mean, flat) = read_mean(node, &spatial)?;
    let dims = pooled(&term.of.dims, &mean.window);
    let mut real = Real::new(Source::Mean(term, mean), dims, &node.site);
    if flat {
        let dims: Vec<usize> = real.dims.iter().take(1).copied().collect();
        real.moves.push(Move::Reshape(dims.clone()));
        real.dims = dims;
    }
    Ok(Value::Real(real))
}

/// com.microsoft.QLinearAveragePool and QLinearGlobalAveragePool.
pub(super) fn q_linear_mean(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    if int(node.node, "channels_last", 0) != 0 {
        return Err(node.unsupported("channels_last is not supported"));
    }
    let (_, spatial) = spatial(node)?;
    let term = node.quantised_term(0)?;
    builder.read(&term.of, &term.params, &node.site)?;
    let (mean, _) = read_mean(node, &spatial)?;
    let dims = pooled(&term.of.dims, &mean.window);
    quantised(builder, &Real::new(Source::Mean(term, mean), dims, &node.site), &node.params(3, 4, None)?)
}

/// The window, and whether its dimensions are dropped.
fn read_mean(node: &Node<'_>, spatial: &[usize]) -> Result<(Mean, bool), GraphError> {
    let operator = node.node.op_type.as_str();
    if matches!(operator, "AveragePool" | "QLinearAveragePool") {
        let window = windows::pool(node.node, &node.site, spatial)?;
        let with_padding = int(node.node, "count_include_pad", 0) != 0;
        if with_padding && int(node.node, "ceil_mode", 0) != 0 {
            return Err(node.unsupported("ceil_mode with count_include_pad is not supported"));
        }
        return Ok((Mean { window, with_padding }, false));
    }
    let mean = Mean { window: windows::global(&node.site, spatial)?, with_padding: false };
    if operator != "ReduceMean" {
        return Ok((mean, false));
    }
    let axes = match node.optional(1) {
        Some(_) => node.longs(1)?,
        None => attribute(node.node, "axes").map(|attribute| attribute.ints.clone()).unwrap_or_default(),
    };
    let rank = spatial.len() as i64 + 2;
    let mut axes: Vec<i64> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    axes.sort_unstable();
    if !axes.iter().copied().eq(2..rank) {
        return Err(node.unsupported("supported over height and width"));
    }
    Ok((mean, int(node.node, "keepdims", 1) == 0))
}

fn spatial<'a>(node: &'a Node<'_>) -> Result<(&'a Value, Vec<usize>), GraphError> {
    let value = node.input(0)?;
    match row_dims(value) {
        Some(dims) if dims.len() >= 2 => Ok((value, dims[1..].to_vec())),
        _ => Err(node.unsupported(format!("its input is {}, windows need an image", value.describe()))),
    }
}

fn pooled(dims: &[usize], window: &WindowSpec) -> Vec<usize> {
    let (channels, size) = (dims.first().copied().unwrap_or(1), |axis: usize| dims.get(axis).copied().unwrap_or(1));
    let [height, width] = if dims.len() == 2 { [1, size(1)] } else { [size(1), size(2)] };
    let [height, width] = window.positions(height as u32, width as u32).map(|size| size as usize);
    image_dims(dims.len(), channels, height, width)
}

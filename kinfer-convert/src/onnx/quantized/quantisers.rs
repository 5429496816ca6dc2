//! QuantizeLinear and DequantizeLinear.

use std::rc::Rc;

use super::super::GraphError;
use super::super::node::int;
use super::builder::Builder;
use super::constant::{Constant, Elements, Known};
use super::input::Inputs;
use super::kind::{Kind, Params};
use super::node::Node;
use super::value::{Real, Term, Value};

pub(super) fn quantize(node: &Node<'_>, builder: &mut Builder, inputs: &mut Inputs) -> Result<Value, GraphError> {
    let wants = match int(node.node, "output_dtype", 0) {
        0 => None,
        code => match Kind::of_code(code as i32) {
            Some(kind) => Some(kind),
            None => return Err(node.unsupported(format!("element type {code} is not one of integers"))),
        },
    };
    match node.input(0)? {
        Value::Known(known) => constant(node, known, wants),
        Value::Features(features) => {
            let (scales, (kind, zero_points)) = (node.scales(1)?, node.zero_points(2, wants)?);
            let kind = kind.unwrap_or(Kind::U8);
            inputs.quantise(node, builder, features, &scales, &zero_points, kind).map(Value::Integers)
        }
        Value::Real(real) => Ok(Value::Integers(builder.quantize(real, &node.params(1, 2, wants)?)?)),
        other => Err(node.unsupported(format!("its input is {}", other.describe()))),
    }
}

pub(super) fn dequantize(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    match node.input(0)? {
        Value::Known(_) => {
            let quantised = node.weights(0, Some(1), 2, int(node.node, "axis", 1))?;
            Ok(Value::Known(Known::Quantised(Rc::new(quantised))))
        }
        Value::Integers(of) => {
            let params = node.params(1, 2, Some(of.kind))?;
            builder.read(of, &params, &node.site)?;
            let term = Term { of: of.clone(), params, name: node.output().into() };
            Ok(Value::Real(Real::dequantised(term, &node.site)))
        }
        other => Err(node.unsupported(format!("its input is {}", other.describe()))),
    }
}

/// Weights that are quantised in the graph, as quantisation-aware training leaves them.
fn constant(node: &Node<'_>, known: &Known, wants: Option<Kind>) -> Result<Value, GraphError> {
    let (floats, dims) = (known.floats()?, known.dims());
    let (scales, (kind, zero_points)) = (node.scales(1)?, node.zero_points(2, wants)?);
    let kind = kind.unwrap_or(Kind::U8);
    let axis = int(node.node, "axis", 1);
    let axis = usize::try_from(if axis < 0 { axis + dims.len() as i64 } else { axis }).unwrap_or(usize::MAX);
    let slices = scales.len().max(zero_points.len());
    if slices > 1 && dims.get(axis) != Some(&slices) || ![1, slices].contains(&zero_points.len()) {
        return Err(node.invalid(
            format!(
                "{} scales and {} zero points do not fit {dims:?} along axis {axis}",
                scales.len(),
                zero_points.len()
            ),
            "there is one, or one a slice along the axis",
        ));
    }
    if int(node.node, "block_size", 0) != 0 {
        return Err(node.unsupported("a scale a block is not supported, one a channel is"));
    }
    let inner: usize = dims.iter().skip(axis.saturating_add(1)).product();
    let of_slice = |flat: usize, count: usize| if count == 1 { 0 } else { flat / inner.max(1) % count };
    let quantised = floats.iter().enumerate().map(|(flat, &real)| {
        let scale = scales.get(of_slice(flat, scales.len())).copied().unwrap_or(1.0);
        let zero_point = zero_points.get(of_slice(flat, zero_points.len())).copied().unwrap_or_default();
        Params { kind, scale, zero_point }.quantize(real) + kind.offset()
    });
    let elements = Elements::Integers(kind, quantised.collect());
    let constant = Constant { name: known.name().into(), dims: dims.to_vec(), elements };
    Ok(Value::Known(Known::Plain(Rc::new(constant))))
}

//! Gemm, MatMul, Conv and their integer forms.

use std::rc::Rc;

use super::super::GraphError;
use super::super::node::{float, int};
use super::builder::{Builder, image_dims};
use super::constant::{Known, Quantised};
use super::kind::Params;
use super::node::Node;
use super::value::{Bias, Body, Real, Rows, Source, Term, Value};
use super::windows;

/// A bias's scale may be so far from the sum's to be taken for it: roundings of `f32`.
const SAME_SCALE: f32 = 1e-6;

/// Conv of floats.
pub(super) fn conv(node: &Node<'_>) -> Result<Value, GraphError> {
    let term = node.term(0)?;
    conv_of(node, term, node_weights(node, 1)?, node.optional(2)).map(Value::Real)
}

/// Gemm of floats.
pub(super) fn gemm(node: &Node<'_>) -> Result<Value, GraphError> {
    let term = node.term(0)?;
    let beta = float(node.node, "beta", 1.0);
    gemm_of(node, term, node_weights(node, 1)?, node.optional(2), beta).map(Value::Real)
}

/// MatMul of floats.
pub(super) fn mat_mul(node: &Node<'_>) -> Result<Value, GraphError> {
    let term = node.term(0)?;
    mat_mul_of(node, term, node_weights(node, 1)?, 1.0).map(Value::Real)
}

pub(super) fn q_linear_conv(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    let term = read(node, builder)?;
    let weights = node.weights(3, Some(4), 5, 0)?;
    let real = conv_of(node, term, weights, node.optional(8))?;
    quantised(builder, &real, &node.params(6, 7, None)?)
}

pub(super) fn q_linear_mat_mul(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    let term = read(node, builder)?;
    let weights = node.weights(3, Some(4), 5, -1)?;
    let real = mat_mul_of(node, term, weights, 1.0)?;
    quantised(builder, &real, &node.params(6, 7, None)?)
}

/// com.microsoft.QGemm: its output is float where it has no scale.
pub(super) fn q_gemm(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    let term = read(node, builder)?;
    let axis = if int(node.node, "transB", 0) != 0 { 0 } else { 1 };
    let weights = node.weights(3, Some(4), 5, axis)?;
    let real = gemm_of(node, term, weights, node.optional(6), 1.0)?;
    match node.optional(7) {
        Some(_) => quantised(builder, &real, &node.params(7, 8, None)?),
        None => Ok(Value::Real(real)),
    }
}

/// ConvInteger and MatMulInteger: sums without a scale.
pub(super) fn integer(node: &Node<'_>, builder: &mut Builder) -> Result<Value, GraphError> {
    let of = node.integers(0)?;
    let (_, zero_points) = node.zero_points(2, Some(of.kind))?;
    let [zero_point] = zero_points[..] else {
        return Err(node.unsupported("a zero point a row of activations is not supported"));
    };
    let params = Params { kind: of.kind, scale: 1.0, zero_point };
    builder.read_units(&of, &params, &node.site)?;
    let name = of.name.clone();
    let term = Term { of, params, name };
    let real = if node.node.op_type == "ConvInteger" {
        conv_of(node, term, node.weights(1, None, 3, 0)?, None)?
    } else {
        mat_mul_of(node, term, node.weights(1, None, 3, -1)?, 1.0)?
    };
    Ok(Value::Real(real))
}

fn read(node: &Node<'_>, builder: &mut Builder) -> Result<Term, GraphError> {
    let term = node.quantised_term(0)?;
    builder.read(&term.of, &term.params, &node.site)?;
    Ok(term)
}

pub(super) fn quantised(builder: &mut Builder, real: &Real, params: &Params) -> Result<Value, GraphError> {
    Ok(Value::Integers(builder.quantize(real, params)?))
}

/// Input `index` as dequantised weights.
fn node_weights(node: &Node<'_>, index: usize) -> Result<Quantised, GraphError> {
    match node.known(index)? {
        Known::Quantised(quantised) => Ok(Quantised::clone(quantised)),
        Known::Plain(constant) => {
            let what = format!("its weights `{}` are not quantised", constant.name);
            Err(node.unsupported(what + ": quantise them too (QuantizeLinear, DequantizeLinear)"))
        }
    }
}

fn conv_of(node: &Node<'_>, term: Term, weights: Quantised, bias: Option<&Value>) -> Result<Real, GraphError> {
    let (dims, of_weights) = (term.of.dims.clone(), &weights.dims);
    let invalid = |what: String| node.invalid(what, "the graph is not valid: export it again");
    let [outputs, of_group, kernel @ ..] = &of_weights[..] else {
        return Err(invalid(format!("its weights `{}` are {of_weights:?}", weights.name)));
    };
    let groups = usize::try_from(int(node.node, "group", 1)).unwrap_or(0);
    let channels = dims.first().copied().unwrap_or(0);
    let fits = groups > 0 && of_group.checked_mul(groups) == Some(channels) && *outputs > 0 && outputs % groups == 0;
    if !fits || kernel.len() + 1 != dims.len() {
        return Err(invalid(format!(
            "weights `{}` of {of_weights:?} in {groups} groups do not fit its input of one row {dims:?}",
            weights.name
        )));
    }
    if int(node.node, "channels_last", 0) != 0 {
        return Err(node.unsupported("channels_last is not supported"));
    }
    let spatial = dims.get(1..).unwrap_or_default();
    let window = windows::window(node.node, &node.site, spatial, Some(kernel))?;
    let size = |axis: usize| if spatial.len() == 2 { spatial[axis] } else { [1, spatial[0]][axis] };
    let [height, width] = window.positions(size(0) as u32, size(1) as u32).map(|size| size as usize);
    if height == 0 || width == 0 {
        return Err(invalid(format!("its kernel {kernel:?} is larger than the padded image {spatial:?}")));
    }
    let outputs = *outputs;
    let scales = row_scales(node, &weights, 0, term.params.scale, outputs)?;
    let mut rows = Rows {
        input: term.of,
        weights: weights.units,
        biases: vec![Bias::default(); outputs],
        scales,
        body: Body::Conv { window, groups },
    };
    add_bias(node, &mut rows, bias, 1.0)?;
    Ok(Real::new(Source::Rows(Rc::new(rows)), image_dims(dims.len(), outputs, height, width), &node.site))
}

fn gemm_of(
    node: &Node<'_>,
    term: Term,
    weights: Quantised,
    bias: Option<&Value>,
    beta: f32,
) -> Result<Real, GraphError> {
    if int(node.node, "transA", 0) != 0 {
        return Err(node.unsupported("transA = 1 mixes the rows of a batch"));
    }
    if term.of.dims.len() != 1 {
        return Err(node.invalid(
            format!("its input of one row is {:?}", term.of.dims),
            "Gemm reads [batch, features]: put a Flatten before it",
        ));
    }
    let alpha = float(node.node, "alpha", 1.0);
    if !(alpha.is_finite() && alpha > 0.0 && beta.is_finite()) {
        return Err(node.unsupported(format!("alpha {alpha} and beta {beta}: a positive factor is supported")));
    }
    let weights =
        if int(node.node, "transB", 0) != 0 && weights.dims.len() == 2 { weights.transposed(&[1, 0]) } else { weights };
    let mut real = mat_mul_of(node, term, weights, alpha)?;
    if let Source::Rows(rows) = &mut real.source {
        add_bias(node, Rc::make_mut(rows), bias, beta)?;
    }
    Ok(real)
}

/// Weights `[input, output]`.
fn mat_mul_of(node: &Node<'_>, term: Term, weights: Quantised, alpha: f32) -> Result<Real, GraphError> {
    let mut dims = term.of.dims.clone();
    let inputs = dims.pop().unwrap_or(0);
    let [rows, outputs] = weights.dims[..] else {
        return Err(node.unsupported(format!(
            "its weights `{}` are {:?}: one matrix for all rows is supported",
            weights.name, weights.dims
        )));
    };
    if rows != inputs || outputs == 0 {
        return Err(node.invalid(
            format!("weights `{}` of {:?} do not fit its {inputs} inputs", weights.name, weights.dims),
            "the graph is not valid: export it again",
        ));
    }
    let weights = weights.transposed(&[1, 0]);
    let scales = row_scales(node, &weights, 0, term.params.scale, outputs)?;
    let scales = scales.iter().map(|scale| alpha * scale).collect();
    let body = if dims.is_empty() { Body::Dense(vec![outputs]) } else { Body::Each };
    dims.push(outputs);
    let rows = Rows { input: term.of, weights: weights.units, biases: vec![Bias::default(); outputs], scales, body };
    Ok(Real::new(Source::Rows(Rc::new(rows)), dims, &node.site))
}

/// Scale of a unit of each sum, for weights whose outputs are along `axis`.
fn row_scales(
    node: &Node<'_>,
    weights: &Quantised,
    axis: usize,
    input: f32,
    outputs: usize,
) -> Result<Vec<f32>, GraphError> {
    match weights.scales[..] {
        [scale] => Ok(vec![input * scale; outputs]),
        _ if weights.axis == axis && weights.scales.len() == outputs => {
            Ok(weights.scales.iter().map(|scale| input * scale).collect())
        }
        _ => Err(node
            .unsupported(format!("its weights `{}` have a scale an input, supported is one an output", weights.name))),
    }
}

/// Adds a bias of one an output, or one for all.
pub(super) fn add_bias(node: &Node<'_>, rows: &mut Rows, bias: Option<&Value>, factor: f32) -> Result<(), GraphError> {
    let known = match bias {
        None => return Ok(()),
        Some(Value::Known(known)) => known,
        Some(other) => return Err(node.unsupported(format!("its bias must be a constant and is {}", other.describe()))),
    };
    let outputs = rows.scales.len();
    let dims = known.dims();
    let elements: usize = dims.iter().product();
    let last = dims.iter().rposition(|&dim| dim > 1).map_or(1, |at| dims[at]);
    if elements != last || ![1, outputs].contains(&elements) {
        return Err(node.invalid(
            format!("bias `{}` of {dims:?} does not fit {outputs} outputs", known.name()),
            "it has one number, or one an output",
        ));
    }
    let at = |output: usize| if elements == 1 { 0 } else { output };
    match known {
        // In units of the sum, as QLinearConv and QGemm have it.
        Known::Plain(constant) if constant.integers().is_some() => {
            let units = constant.integers().map_or(&[][..], |(_, units)| units);
            for (output, bias) in rows.biases.iter_mut().enumerate() {
                bias.units += i64::from(units.get(at(output)).copied().unwrap_or_default());
            }
        }
        Known::Plain(constant) => {
            let floats = constant.floats()?;
            for (output, bias) in rows.biases.iter_mut().enumerate() {
                bias.real += f64::from(factor) * f64::from(floats.get(at(output)).copied().unwrap_or_default());
            }
        }
        Known::Quantised(quantised) => {
            for (output, (bias, &scale)) in rows.biases.iter_mut().zip(&rows.scales).enumerate() {
                let unit = quantised.units.get(at(output)).copied().unwrap_or_default();
                let of_bias = quantised.scale(at(output)) * factor;
                if (of_bias / scale - 1.0).abs() < SAME_SCALE {
                    bias.units += i64::from(unit);
                } else {
                    bias.real += f64::from(unit) * f64::from(of_bias);
                }
            }
        }
    }
    Ok(())
}

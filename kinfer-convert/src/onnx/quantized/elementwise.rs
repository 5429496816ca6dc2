//! Operators from element to element: functions, sums, products.

use std::rc::Rc;

use super::super::GraphError;
use super::super::node::{attribute, float};
use super::builder::Builder;
use super::constant::Known;
use super::expression::{Binary, Expression, Unary};
use super::linear::{add_bias, quantised};
use super::node::Node;
use super::quantise::{constants, not_quantised};
use super::value::{Body, Feature, Features, Integers, Real, Rows, Sign, Source, Term, Value};

/// A function of each element.
pub(super) fn unary(node: &Node<'_>, function: Unary) -> Result<Value, GraphError> {
    let mut real = node.real(0)?.at(&node.site);
    match (&mut real.source, function) {
        (Source::Element(_, of), _) => *of = of.clone().unary(function),
        // Quantising a clamped number is clamping a quantised one.
        (_, Unary::Clamp(lo, hi)) => {
            let clamp = Expression::Identity.unary(function);
            real.clamp = (clamp.at(real.clamp.0), clamp.at(real.clamp.1));
            if lo.is_nan() || hi.is_nan() {
                return Err(node.invalid("a bound is not a number", "bounds are min <= max"));
            }
        }
        (_, Unary::Sigmoid) => {
            let (dims, score) = (real.dims.clone(), node.real(0)?);
            return Ok(Value::Real(Real::new(Source::Sigmoid(Box::new(score)), dims, &node.site)));
        }
        _ => return Err(not_quantised(&node.real(0)?.site, &node.site)),
    }
    Ok(Value::Real(real))
}

pub(super) fn relu(node: &Node<'_>) -> Result<Value, GraphError> {
    unary(node, Unary::Clamp(0.0, f32::INFINITY))
}

/// Bounds are attributes before opset 11, inputs since then.
pub(super) fn clip(node: &Node<'_>) -> Result<Value, GraphError> {
    let bound = |index: usize, name: &str, default: f32| match node.optional(index) {
        Some(_) => node
            .known(index)?
            .scalar()?
            .ok_or_else(|| node.invalid(format!("the {name} is not a scalar"), "a bound is one number")),
        None => Ok(attribute(node.node, name).map_or(default, |attribute| attribute.f)),
    };
    let (lo, hi) = (bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?);
    if lo.is_nan() || hi.is_nan() || lo > hi {
        return Err(node.invalid(format!("min {lo} is above max {hi}"), "bounds are min <= max"));
    }
    unary(node, Unary::Clamp(lo, hi))
}

pub(super) fn leaky_relu(node: &Node<'_>) -> Unary {
    Unary::LeakyRelu(float(node.node, "alpha", 0.01))
}

/// Add, Sub, Mul, Div, Min, Max of two values.
pub(super) fn binary(node: &Node<'_>, builder: &mut Builder, operator: Binary) -> Result<Value, GraphError> {
    let (left, right) = (node.input(0)?, node.input(1)?);
    match (left, right) {
        (Value::Features(features), Value::Known(known)) => of_features(node, features, known, operator, false),
        (Value::Known(known), Value::Features(features)) => of_features(node, features, known, operator, true),
        (Value::Known(one), Value::Real(real))
            if operator == Binary::Subtract && real.elements() == 1 && one.scalar()? == Some(1.0) =>
        {
            match real.logit() {
                Some(score) => Ok(Value::Complement(score)),
                None => with_constant(node, builder, real, one, operator, true),
            }
        }
        (Value::Real(real), Value::Known(known)) => with_constant(node, builder, real, known, operator, false),
        (Value::Known(known), Value::Real(real)) => with_constant(node, builder, real, known, operator, true),
        (Value::Real(_), Value::Real(_)) => of_two(node, operator),
        _ => Err(node.unsupported(format!("its inputs are {} and {}", left.describe(), right.describe()))),
    }
}

fn of_two(node: &Node<'_>, operator: Binary) -> Result<Value, GraphError> {
    let (left, right) = (node.real(0)?, node.real(1)?);
    if let (Source::Element(a, f), Source::Element(b, g)) = (&left.source, &right.source) {
        let same = a.of.tensor == b.of.tensor && a.of.order == b.of.order && a.params == b.params;
        if same && a.of.dims == b.of.dims {
            let function = Expression::binary(operator, f.clone(), g.clone());
            let dims = left.dims.clone();
            return Ok(Value::Real(Real::new(Source::Element(a.clone(), function), dims, &node.site)));
        }
    }
    let (a, b) = (node.term(0)?, node.term(1)?);
    terms(node, a, b, operator).map(Value::Real)
}

/// Sum, difference or product of two tensors.
fn terms(node: &Node<'_>, a: Term, b: Term, operator: Binary) -> Result<Real, GraphError> {
    let dims = broadcast(node, &a.of.dims, &b.of.dims)?;
    let reshaped = |term: Term| {
        let dims =
            if term.of.elements() == dims.iter().product::<usize>() { dims.clone() } else { term.of.dims.clone() };
        Term { of: term.of.reshaped(dims), ..term }
    };
    let (a, b) = (reshaped(a), reshaped(b));
    let source = match operator {
        Binary::Add => Source::Sum(a, b, Sign::Plus),
        Binary::Subtract => Source::Sum(a, b, Sign::Minus),
        Binary::Multiply => Source::Product(a, b),
        _ => return Err(node.unsupported("supported for one tensor and a constant, not for two tensors")),
    };
    Ok(Real::new(source, dims, &node.site))
}

/// com.microsoft.QLinearAdd and QLinearMul; one of the two may be constant.
pub(super) fn q_linear(node: &Node<'_>, builder: &mut Builder, operator: Binary) -> Result<Value, GraphError> {
    let is_known = |index: usize| matches!(node.optional(index), Some(Value::Known(_)));
    let read = |index: usize, builder: &mut Builder| {
        let term = node.quantised_term(index)?;
        builder.read(&term.of, &term.params, &node.site)?;
        Ok(term)
    };
    let constant = |index: usize, like: &Term, builder: &mut Builder| {
        let constant = node.weights(index, Some(index + 1), index + 2, 0)?;
        constant_term(node, builder, &like.of, &Known::Quantised(Rc::new(constant)))
    };
    let (a, b) = match (is_known(0), is_known(3)) {
        (false, true) => {
            let a = read(0, builder)?;
            let b = constant(3, &a, builder)?;
            (a, b)
        }
        (true, false) => {
            let b = read(3, builder)?;
            (constant(0, &b, builder)?, b)
        }
        _ => (read(0, builder)?, read(3, builder)?),
    };
    let real = terms(node, a, b, operator)?;
    quantised(builder, &real, &node.params(6, 7, None)?)
}

/// com.microsoft.QLinearSigmoid and QLinearLeakyRelu.
pub(super) fn q_linear_function(node: &Node<'_>, builder: &mut Builder, function: Unary) -> Result<Value, GraphError> {
    let term = node.quantised_term(0)?;
    builder.read(&term.of, &term.params, &node.site)?;
    let dims = term.of.dims.clone();
    let source = Source::Element(term, Expression::Identity.unary(function));
    quantised(builder, &Real::new(source, dims, &node.site), &node.params(3, 4, None)?)
}

fn with_constant(
    node: &Node<'_>,
    builder: &mut Builder,
    real: &Real,
    known: &Known,
    operator: Binary,
    constant_first: bool,
) -> Result<Value, GraphError> {
    let mut real = real.clone();
    if let (Source::Element(_, function), Some(number)) = (&mut real.source, known.scalar()?) {
        let (x, number) = (function.clone(), Expression::Number(number));
        let (left, right) = if constant_first { (number, x) } else { (x, number) };
        *function = Expression::binary(operator, left, right);
        return Ok(Value::Real(real.at(&node.site)));
    }
    let unclamped = real.moves.is_empty() && real.clamp == (f32::NEG_INFINITY, f32::INFINITY);
    if let (Source::Rows(rows), true) = (&mut real.source, unclamped) {
        broadcast(node, &real.dims, &without_batch(known, real.dims.len()))?;
        along_outputs(node, known, &rows.body, &real.dims)?;
        let rows = Rc::make_mut(rows);
        match (operator, constant_first) {
            (Binary::Add, _) => add_bias(node, rows, Some(&Value::Known(known.clone())), 1.0)?,
            (Binary::Subtract, false) => add_bias(node, rows, Some(&Value::Known(known.clone())), -1.0)?,
            (Binary::Multiply, _) => scale(node, rows, known, |factor| factor)?,
            (Binary::Divide, false) => scale(node, rows, known, f32::recip)?,
            _ => return Err(node.unsupported("supported after a layer are sums, products and quotients by constants")),
        }
        return Ok(Value::Real(real.at(&node.site)));
    }
    let Some(term) = real.term().cloned() else { return Err(not_quantised(&real.site, &node.site)) };
    let constant = constant_term(node, builder, &term.of, known)?;
    let (a, b) = if constant_first { (constant, term) } else { (term, constant) };
    terms(node, a, b, operator).map(Value::Real)
}

/// A quantised constant, repeated to the dimensions of `like`, as a tensor.
fn constant_term(node: &Node<'_>, builder: &mut Builder, like: &Integers, known: &Known) -> Result<Term, GraphError> {
    let Known::Quantised(quantised) = known else {
        let what = format!("the constant `{}` has several numbers and is not quantised", known.name());
        return Err(node.unsupported(what + ": quantise it too (QuantizeLinear, DequantizeLinear)"));
    };
    let [scale] = quantised.scales[..] else {
        return Err(node.unsupported(format!("the constant `{}` has several scales", quantised.name)));
    };
    let dims = without_batch(known, like.dims.len());
    if broadcast(node, &like.dims, &dims)? != like.dims {
        return Err(node.unsupported(format!("the constant `{}` is larger than the tensor", quantised.name)));
    }
    let units = (0..like.elements()).filter_map(|flat| quantised.units.get(repeated(flat, &like.dims, &dims)).copied());
    constants(builder, like, &units.collect::<Vec<_>>(), scale, &node.site)
}

/// Number of the element of a constant of dimensions `dims` that meets element `flat` of `of`.
fn repeated(flat: usize, of: &[usize], dims: &[usize]) -> usize {
    let (mut rest, mut index, mut stride) = (flat, 0, 1);
    for (at, &size) in of.iter().rev().enumerate() {
        let (place, own) = (rest % size.max(1), dims.iter().rev().nth(at).copied().unwrap_or(1));
        rest /= size.max(1);
        if own > 1 {
            index += place * stride;
        }
        stride *= own;
    }
    index
}

/// Dimensions of a constant beside a value of `rank` dimensions a row: those of the batch, which are 1, left out.
fn without_batch(known: &Known, rank: usize) -> Vec<usize> {
    let dims = known.dims();
    match dims.len().checked_sub(rank) {
        Some(more) if dims[..more].iter().all(|&dim| dim == 1) => dims[more..].to_vec(),
        _ => dims.to_vec(),
    }
}

fn broadcast(node: &Node<'_>, a: &[usize], b: &[usize]) -> Result<Vec<usize>, GraphError> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    let sizes = (0..rank).map(|axis| match (at(a, axis), at(b, axis)) {
        (one, other) if one == other || other == 1 => Ok(one),
        (1, other) => Ok(other),
        _ => Err(node.invalid(
            format!("{a:?} and {b:?} of a row do not fit one another"),
            "dimensions are equal or one of them is 1: export the model again",
        )),
    });
    sizes.collect()
}

/// Refuses a constant that does not have one number an output of a layer, or one.
fn along_outputs(node: &Node<'_>, known: &Known, body: &Body, dims: &[usize]) -> Result<(), GraphError> {
    let constant = without_batch(known, dims.len());
    let outputs = match body {
        Body::Conv { .. } => 0,
        Body::Dense(_) | Body::Each => dims.len().saturating_sub(1),
    };
    let first = dims.len().saturating_sub(constant.len());
    let elsewhere = constant.iter().enumerate().any(|(axis, &size)| size > 1 && axis + first != outputs);
    if elsewhere {
        let what = format!("the constant `{}` of {constant:?} is not one number an output", known.name());
        return Err(node.unsupported(what));
    }
    Ok(())
}

/// Multiplies the outputs of a layer.
fn scale(node: &Node<'_>, rows: &mut Rows, known: &Known, factor: impl Fn(f32) -> f32) -> Result<(), GraphError> {
    let factors = known.floats()?;
    for (output, (scale, bias)) in rows.scales.iter_mut().zip(&mut rows.biases).enumerate() {
        let number = if factors.len() == 1 { factors.first() } else { factors.get(output) };
        let factor = number.map(|&number| factor(number)).filter(|factor| factor.is_finite() && *factor > 0.0);
        let Some(factor) = factor else {
            return Err(node.unsupported(format!("`{}` is not one positive number, or one an output", known.name())));
        };
        *scale *= factor;
        bias.real *= f64::from(factor);
    }
    Ok(())
}

/// Arithmetic by constants on the graph's input, before it is quantised.
fn of_features(
    node: &Node<'_>,
    features: &Features,
    known: &Known,
    operator: Binary,
    constant_first: bool,
) -> Result<Value, GraphError> {
    let (numbers, dims) = (known.floats()?, without_batch(known, features.dims.len()));
    if broadcast(node, &features.dims, &dims)? != features.dims {
        return Err(node.unsupported(format!("the constant `{}` is larger than the input", known.name())));
    }
    let mut features = features.clone();
    for (flat, element) in features.elements.iter_mut().enumerate() {
        let number = numbers.get(repeated(flat, &features.dims, &dims)).copied().unwrap_or_default();
        let (factor, offset) = match (operator, constant_first) {
            (Binary::Add, _) => (1.0, f64::from(number)),
            (Binary::Subtract, false) => (1.0, -f64::from(number)),
            (Binary::Subtract, true) => (-1.0, f64::from(number)),
            (Binary::Multiply, _) => (f64::from(number), 0.0),
            (Binary::Divide, false) => (f64::from(number).recip(), 0.0),
            _ => return Err(node.unsupported("supported on the input are sums, products and quotients by constants")),
        };
        let Feature { factor: before, offset: shift, .. } = *element;
        (element.factor, element.offset) = (factor * before, factor * shift + offset);
        if !(element.factor.is_finite() && element.offset.is_finite()) {
            return Err(node.invalid(
                format!("divides element {flat} by zero, or leaves the range of f64 there"),
                "a feature that never varies in training has no standard deviation: leave it out",
            ));
        }
    }
    Ok(Value::Features(features))
}

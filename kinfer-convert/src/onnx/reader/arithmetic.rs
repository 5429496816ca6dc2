//! Arithmetic of tensors and constants that broadcast, and ai.onnx.ml Scaler.

use super::super::GraphError;
use super::super::constant::{Constant, Elements};
use super::super::node::floats;
use super::context::Context;
use super::value::{Tensor, Value};
use crate::graph::{Affine, Ensemble, Function, Node, Operator, ValueId};

/// Add, Sub, Mul, Div of two tensors, or of a tensor and a constant in either order.
pub(super) fn binary(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let operator = context.node.op_type.clone();
    let (first, second) = (context.input(0)?.clone(), context.input(1)?.clone());
    of_two(context, &operator, first, second)
}

fn of_two(context: &mut Context<'_>, operator: &str, first: Value, second: Value) -> Result<Value, GraphError> {
    match (first, second) {
        (Value::Tensor(first), Value::Constant(second)) => affine(context, &first, &second, |c| match operator {
            "Add" => Affine { factor: 1.0, offset: c },
            "Sub" => Affine { factor: 1.0, offset: -c },
            "Mul" => Affine { factor: c, offset: 0.0 },
            _ => Affine { factor: 1.0 / c, offset: 0.0 },
        }),
        (Value::Constant(first), Value::Tensor(second)) => match operator {
            "Add" => affine(context, &second, &first, |c| Affine { factor: 1.0, offset: c }),
            "Sub" => affine(context, &second, &first, |c| Affine { factor: -1.0, offset: c }),
            "Mul" => affine(context, &second, &first, |c| Affine { factor: c, offset: 0.0 }),
            _ => {
                let inverse = context.push(Operator::Map(Function::Reciprocal), vec![second.id], second.dims.clone());
                affine(context, &inverse, &first, |c| Affine { factor: c, offset: 0.0 })
            }
        },
        (Value::Tensor(first), Value::Tensor(second)) => pair(context, operator, first, second),
        (Value::Constant(first), Value::Constant(second)) => {
            super::super::constant::combine(&context.site, operator, &first, &second)
                .map(|constant| Value::Constant(constant.into()))
        }
        (first, second) => {
            Err(context.unsupported(format!("its inputs are {} and {}", first.describe(), second.describe())))
        }
    }
}

pub(super) fn pair(
    context: &mut Context<'_>,
    operator: &str,
    first: Tensor,
    second: Tensor,
) -> Result<Value, GraphError> {
    let dims = broadcast_dims(&first.dims, &second.dims).ok_or_else(|| {
        let what = format!("shapes {:?} and {:?} do not broadcast", first.dims, second.dims);
        context.wrong(what, "the file is damaged: export it again")
    })?;
    context.fits(&dims)?;
    let swaps = first.width() == 1 && second.width() > 1 && operator != "Sub" && operator != "Div";
    let (first, second) = if swaps { (second, first) } else { (first, second) };
    let first = expand(context, first, &dims);
    let second = if second.width() == 1 { second } else { expand(context, second, &dims) };
    if operator == "Add"
        && let Some(sum) = joint(context, &first, &second)
    {
        return Ok(context.value(Operator::Trees(sum.0), vec![sum.1], dims));
    }
    let (operator, second) = match operator {
        "Add" => (Operator::Add, second),
        "Sub" => (Operator::Sub, second),
        "Mul" => (Operator::Mul, second),
        _ => {
            let inverse = context.push(Operator::Map(Function::Reciprocal), vec![second.id], second.dims.clone());
            (Operator::Mul, inverse)
        }
    };
    Ok(context.value(operator, vec![first.id, second.id], dims))
}

/// The sum of two values that are trees on the same features, as trees; and what they read.
fn joint(context: &Context<'_>, first: &Tensor, second: &Tensor) -> Option<(Ensemble, ValueId)> {
    let of = |tensor: &Tensor| match context.graph.node(tensor.id) {
        Some(Node { operator: Operator::Trees(ensemble), inputs, .. }) => Some((ensemble, inputs[0])),
        _ => None,
    };
    let ((first, input), (second, other)) = (of(first)?, of(second)?);
    if input != other || first.bases.len() != second.bases.len() {
        return None;
    }
    let trees = first.trees.iter().chain(&second.trees).cloned().collect();
    let bases = first.bases.iter().zip(&second.bases).map(|(a, b)| a + b).collect();
    Some((Ensemble { trees, bases }, input))
}

/// Dimensions that two shapes broadcast to.
pub(in crate::onnx) fn broadcast_dims(first: &[usize], second: &[usize]) -> Option<Vec<usize>> {
    let rank = first.len().max(second.len());
    let padded = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    (0..rank)
        .map(|axis| match (padded(first, axis), padded(second, axis)) {
            (a, b) if a == b => Some(a),
            (1, b) => Some(b),
            (a, 1) => Some(a),
            _ => None,
        })
        .collect()
}

/// Element of a tensor of shape `from` that each element of `to` sees, where `from` broadcasts to `to`.
pub(in crate::onnx) fn broadcast_indices(from: &[usize], to: &[usize]) -> Vec<usize> {
    let lead = to.len().saturating_sub(from.len());
    (0..to.iter().product())
        .map(|mut at: usize| {
            let (mut index, mut stride) = (0, 1);
            for axis in (0..to.len()).rev() {
                let place = at % to[axis];
                at /= to[axis];
                if axis >= lead {
                    let size = from[axis - lead];
                    index += if size == 1 { 0 } else { place * stride };
                    stride *= size;
                }
            }
            index
        })
        .collect()
}

fn expand(context: &mut Context<'_>, tensor: Tensor, dims: &[usize]) -> Tensor {
    if tensor.width() == dims.iter().product::<usize>() {
        return Tensor { dims: dims.to_vec(), ..tensor };
    }
    let indices = broadcast_indices(&tensor.dims, dims);
    context.push(Operator::Select { indices }, vec![tensor.id], dims.to_vec())
}

/// A constant's numbers, one for each element of a tensor that they broadcast to.
pub(super) fn broadcast(context: &Context<'_>, constant: &Constant, dims: &[usize]) -> Result<Vec<f64>, GraphError> {
    let numbers = constant.numbers()?;
    if broadcast_dims(&constant.dims, dims).as_deref() != Some(dims) {
        return Err(context.wrong(
            format!(
                "constant `{}` of shape {:?} does not fit {dims:?} (with a batch of one)",
                constant.name, constant.dims
            ),
            "its dimensions are those of the tensor, or 1",
        ));
    }
    Ok(broadcast_indices(&constant.dims, dims).into_iter().filter_map(|at| numbers.get(at).copied()).collect())
}

fn affine(
    context: &mut Context<'_>,
    tensor: &Tensor,
    constant: &Constant,
    affine: impl Fn(f64) -> Affine,
) -> Result<Value, GraphError> {
    let dims = broadcast_dims(&constant.dims, &tensor.dims).ok_or_else(|| {
        let what = format!("constant `{}` of shape {:?} does not fit {:?}", constant.name, constant.dims, tensor.dims);
        context.wrong(what, "the file is damaged: export it again")
    })?;
    context.fits(&dims)?;
    let numbers = broadcast(context, constant, &dims)?;
    let tensor = expand(context, tensor.clone(), &dims);
    let affines: Vec<_> = numbers.into_iter().map(affine).collect();
    of_affines(context, &tensor, &affines)
}

/// One affine map an element.
pub(super) fn of_affines(context: &mut Context<'_>, tensor: &Tensor, affines: &[Affine]) -> Result<Value, GraphError> {
    if let Some(at) = affines.iter().position(|affine| !(affine.factor.is_finite() && affine.offset.is_finite())) {
        return Err(context.wrong(
            format!("divides element {at} by zero, or leaves the range of f64 there"),
            "a feature that never varies in training has no standard deviation: leave it out",
        ));
    }
    let (factor, offset) = affines.iter().map(|affine| (affine.factor, affine.offset)).unzip();
    Ok(context.value(Operator::Affine { factor, offset }, vec![tensor.id], tensor.dims.clone()))
}

/// Sum and Mean of any number of values.
pub(super) fn sum(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let values = inputs(context)?;
    let count = values.len();
    let sum = all(context, values, |context, first, second| of_two(context, "Add", first, second))?;
    match sum {
        Value::Tensor(tensor) if context.node.op_type == "Mean" => scaled(context, &tensor, 1.0 / count as f64),
        sum => Ok(sum),
    }
}

/// Min and Max of any number of values; of a tensor and one constant they are a Clip.
pub(super) fn extreme(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let values = inputs(context)?;
    let is_max = context.node.op_type == "Max";
    all(context, values, |context, first, second| match (first, second) {
        (Value::Tensor(tensor), Value::Constant(constant)) | (Value::Constant(constant), Value::Tensor(tensor)) => {
            bounded(context, &tensor, &constant, is_max)
        }
        (Value::Tensor(first), Value::Tensor(second)) => {
            // max(a, b) = a + max(b − a, 0)
            let (a, b) = (Value::Tensor(first.clone()), Value::Tensor(second));
            let Value::Tensor(above) = of_two(context, "Sub", b, a)? else { return Err(strange(context)) };
            let clip = clip(context, &above, is_max);
            of_two(context, "Add", Value::Tensor(first), Value::Tensor(clip))
        }
        _ => Err(strange(context)),
    })
}

/// A tensor no less, or no more, than a constant.
fn bounded(context: &mut Context<'_>, tensor: &Tensor, constant: &Constant, is_max: bool) -> Result<Value, GraphError> {
    if let Some(bound) = constant.scalar()? {
        let (lo, hi) = if is_max { (bound, f64::INFINITY) } else { (f64::NEG_INFINITY, bound) };
        return Ok(context.value(Operator::Clip { lo, hi }, vec![tensor.id], tensor.dims.clone()));
    }
    let Value::Tensor(above) = affine(context, tensor, constant, |c| Affine { factor: 1.0, offset: -c })? else {
        return Err(strange(context));
    };
    let clip = clip(context, &above, is_max);
    affine(context, &clip, constant, |c| Affine { factor: 1.0, offset: c })
}

fn clip(context: &mut Context<'_>, tensor: &Tensor, is_max: bool) -> Tensor {
    let (lo, hi) = if is_max { (0.0, f64::INFINITY) } else { (f64::NEG_INFINITY, 0.0) };
    context.push(Operator::Clip { lo, hi }, vec![tensor.id], tensor.dims.clone())
}

/// A tensor to a constant power: those that are products, roots and reciprocals.
pub(super) fn pow(context: &mut Context<'_>) -> Result<Value, GraphError> {
    if let Value::Constant(base) = context.input(0)?.clone() {
        // b^x = exp(x · ln b)
        let Some(base) = base.scalar()?.filter(|&base| base > 0.0) else {
            return Err(context.unsupported("its base is not one number above zero"));
        };
        let exponent = context.tensor(1)?;
        return match scaled(context, &exponent, base.ln())? {
            Value::Tensor(tensor) => Ok(context.value(Operator::Map(Function::Exp), vec![tensor.id], tensor.dims)),
            other => Ok(other),
        };
    }
    let (tensor, exponent) = (context.tensor(0)?, context.constant(1)?.scalar()?);
    let map = |context: &mut Context<'_>, function, from: &Tensor| {
        context.push(Operator::Map(function), vec![from.id], from.dims.clone())
    };
    Ok(Value::Tensor(match exponent {
        Some(1.0) => tensor,
        Some(2.0) => map(context, Function::Square, &tensor),
        Some(3.0) => {
            let square = map(context, Function::Square, &tensor);
            context.push(Operator::Mul, vec![square.id, tensor.id], tensor.dims)
        }
        Some(4.0) => {
            let square = map(context, Function::Square, &tensor);
            map(context, Function::Square, &square)
        }
        Some(0.5) => map(context, Function::Sqrt, &tensor),
        Some(-0.5) => {
            let root = map(context, Function::Sqrt, &tensor);
            map(context, Function::Reciprocal, &root)
        }
        Some(-1.0) => map(context, Function::Reciprocal, &tensor),
        _ => return Err(context.unsupported("its exponent is not 0.5, 1, 2, 3, 4, -0.5 or -1")),
    }))
}

/// One of two values, element by element, as a constant condition says.
pub(super) fn choose(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let condition = match context.input(0)? {
        Value::Constant(condition) => condition.clone(),
        other => {
            let what = format!("its condition is {}, which depends on the features", other.describe());
            return Err(context.wrong(what, "write it as Relu, Clip, Max or Min"));
        }
    };
    let bits = condition.numbers()?;
    let mask = |inverted: bool| {
        let of = |bit: &f64| if (*bit != 0.0) != inverted { 1.0 } else { 0.0 };
        let elements = Elements::Floats(bits.iter().map(of).collect());
        Value::Constant(Constant { elements, ..(*condition).clone() }.into())
    };
    let (yes, no) = (context.input(1)?.clone(), context.input(2)?.clone());
    let yes = of_two(context, "Mul", yes, mask(false))?;
    let no = of_two(context, "Mul", no, mask(true))?;
    of_two(context, "Add", yes, no)
}

fn inputs(context: &Context<'_>) -> Result<Vec<Value>, GraphError> {
    (0..context.inputs.len()).map(|index| context.input(index).cloned()).collect()
}

/// Values taken together, two at a time.
fn all(
    context: &mut Context<'_>,
    values: Vec<Value>,
    mut both: impl FnMut(&mut Context<'_>, Value, Value) -> Result<Value, GraphError>,
) -> Result<Value, GraphError> {
    let mut values = values.into_iter();
    let first =
        values.next().ok_or_else(|| context.wrong("it has no inputs", "the file is damaged: export it again"))?;
    values.try_fold(first, |first, second| both(context, first, second))
}

fn strange(context: &Context<'_>) -> GraphError {
    context.unsupported("its inputs are not tensors and constants")
}

/// A tensor times a number.
pub(super) fn scaled(context: &mut Context<'_>, tensor: &Tensor, factor: f64) -> Result<Value, GraphError> {
    let affines = vec![Affine { factor, offset: 0.0 }; tensor.width()];
    of_affines(context, tensor, &affines)
}

pub(super) fn neg(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    scaled(context, &tensor, -1.0)
}

/// `(x − offset) · scale`, either of one element or of one a feature.
pub(super) fn scaler(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let width = tensor.width();
    let attribute = |name: &str| match floats(context.node, name) {
        [value] => Ok(vec![f64::from(*value); width]),
        values if values.len() == width => Ok(values.iter().map(|&value| f64::from(value)).collect()),
        values => Err(context.wrong(
            format!("attribute {name} has {} values for {width} features", values.len()),
            "it has one, or one a feature",
        )),
    };
    let affines: Vec<_> = attribute("offset")?
        .into_iter()
        .zip(attribute("scale")?)
        .map(|(offset, scale)| Affine { factor: scale, offset: -offset * scale })
        .collect();
    of_affines(context, &tensor, &affines)
}

//! Add, Sub, Mul, Div by constants, and ai.onnx.ml Scaler: element-wise affine maps.

use super::GraphError;
use super::constant::Constant;
use super::lower::Node;
use super::node::floats;
use super::value::{Chain, Squash, Value};
use crate::network::Affine;

/// Add, Sub, Mul, Div of numbers and a constant, in either order; `1 − probability`.
pub(super) fn lower(node: &Node<'_>) -> Result<Value, GraphError> {
    let operator = node.node.op_type.as_str();
    match (node.input(0)?, node.input(1)?) {
        (Value::Constant(one), Value::Probability(chain, Squash::Sigmoid, _))
            if operator == "Sub" && one.scalar()? == Some(1.0) =>
        {
            Ok(Value::Complement(chain.clone()))
        }
        (Value::Constant(constant), _) => elementwise(node, node.numbers(1)?, constant, |c| match operator {
            "Add" => Some(Affine { factor: 1.0, offset: c }),
            "Sub" => Some(Affine { factor: -1.0, offset: c }),
            "Mul" => Some(Affine { factor: c, offset: 0.0 }),
            _ => None,
        }),
        (_, Value::Constant(constant)) => elementwise(node, node.numbers(0)?, constant, |c| match operator {
            "Add" => Some(Affine { factor: 1.0, offset: c }),
            "Sub" => Some(Affine { factor: 1.0, offset: -c }),
            "Mul" => Some(Affine { factor: c, offset: 0.0 }),
            _ => Some(Affine { factor: 1.0 / c, offset: 0.0 }),
        }),
        _ => {
            node.numbers(0)?; // an activation in the wrong place is the better message
            node.numbers(1)?;
            Err(GraphError::unsupported(&node.site, "one of its inputs must be a constant"))
        }
    }
}

/// `(x − offset) · scale`, either of one element or of one a feature.
pub(super) fn scaler(node: &Node<'_>) -> Result<Value, GraphError> {
    let chain = node.numbers(0)?;
    let width = chain.width();
    let attribute = |name: &str| match floats(node.node, name) {
        [value] => Ok(vec![f64::from(*value); width]),
        values if values.len() == width => Ok(values.iter().map(|&value| f64::from(value)).collect()),
        values => Err(GraphError::node(
            &node.site,
            format!("attribute {name} has {} values for {width} features", values.len()),
            "it has one, or one a feature",
        )),
    };
    let affines: Vec<_> = attribute("offset")?
        .into_iter()
        .zip(attribute("scale")?)
        .map(|(offset, scale)| Affine { factor: scale, offset: -offset * scale })
        .collect();
    finite(node, &affines)?;
    Ok(Value::Numbers(chain.elementwise(&affines).renamed(node.output())))
}

fn elementwise(
    node: &Node<'_>,
    chain: Chain,
    constant: &Constant,
    affine: impl Fn(f64) -> Option<Affine>,
) -> Result<Value, GraphError> {
    let affines = broadcast(node, constant, chain.width())?
        .into_iter()
        .map(affine)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| GraphError::unsupported(&node.site, "a constant divided by numbers is not supported"))?;
    finite(node, &affines)?;
    Ok(Value::Numbers(chain.elementwise(&affines).renamed(node.output())))
}

/// A constant as one value for each of `width` columns of `[batch, width]`.
pub(super) fn broadcast(node: &Node<'_>, constant: &Constant, width: usize) -> Result<Vec<f64>, GraphError> {
    let numbers = constant.numbers()?;
    match constant.dims[..] {
        _ if constant.dims.len() <= 2 && numbers.len() == 1 => Ok(vec![numbers[0]; width]),
        [columns] | [1, columns] if columns == width => Ok(numbers),
        _ => Err(GraphError::node(
            &node.site,
            format!("constant `{}` of shape {:?} does not fit [batch, {width}]", constant.name, constant.dims),
            format!("its shape is [], [1], [{width}] or [1, {width}]"),
        )),
    }
}

fn finite(node: &Node<'_>, affines: &[Affine]) -> Result<(), GraphError> {
    match affines.iter().position(|affine| !(affine.factor.is_finite() && affine.offset.is_finite())) {
        None => Ok(()),
        Some(at) => Err(GraphError::node(
            &node.site,
            format!("divides element {at} by zero, or leaves the range of f64 there"),
            "a feature that never varies in training has no standard deviation: leave it out",
        )),
    }
}

//! The graph's inputs: the features.

use std::collections::HashSet;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension;
use tract_onnx::pb::{GraphProto, ValueInfoProto, type_proto};

use super::super::GraphError;
use super::value::{Tensor, Value};
use crate::graph::{Graph, Operator};

/// An input of the ONNX graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Dimensions, the batch being one row.
    pub dims: Vec<usize>,
}

impl Input {
    /// Number of features in it.
    pub fn width(&self) -> usize {
        self.dims.iter().product()
    }
}

const ADVICE: &str = "a model takes its features in inputs [batch, features] (or [batch, channels, height, width]) of FLOAT, \
DOUBLE or integers, with every dimension but the batch a number";

/// Inputs that are neither initializers nor the state of a cell, in their order.
pub(super) fn inputs(graph: &GraphProto, states: &HashSet<&str>) -> Result<Vec<Input>, GraphError> {
    let is_constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let is_feature = |name: &str| !is_constant(name) && !states.contains(name);
    let inputs = graph.input.iter().filter(|input| is_feature(&input.name));
    let inputs = inputs.map(input).collect::<Result<Vec<_>, _>>()?;
    if inputs.is_empty() {
        return Err(refuse("the graph has no inputs".into()));
    }
    Ok(inputs)
}

/// The meaning of each input: its part of the features.
pub(super) fn values(inputs: &[Input], graph: &mut Graph) -> Vec<(String, Value)> {
    if let [input] = inputs {
        return vec![(input.name.clone(), Value::Tensor(Tensor { id: 0, dims: input.dims.clone() }))];
    }
    let mut first = 0;
    let mut values = Vec::new();
    for input in inputs {
        let indices = (first..first + input.width()).collect();
        first += input.width();
        let id = graph.push(input.name.clone(), Operator::Select { indices }, vec![0], vec![input.width()]);
        values.push((input.name.clone(), Value::Tensor(Tensor { id, dims: input.dims.clone() })));
    }
    values
}

fn refuse(what: String) -> GraphError {
    GraphError::Interface { what, advice: ADVICE.into() }
}

fn input(input: &ValueInfoProto) -> Result<Input, GraphError> {
    let name = &input.name;
    let (kind, dims) = shape(input).ok_or_else(|| refuse(format!("input `{name}` has no type or shape")))?;
    if kind == DataType::String {
        return Err(GraphError::Interface {
            what: format!("input `{name}` has elements of type STRING"),
            advice: "a kernel counts integers: encode categories as numbers before training (OrdinalEncoder)".into(),
        });
    }
    let is_number = matches!(
        kind,
        DataType::Float
            | DataType::Double
            | DataType::Int64
            | DataType::Int32
            | DataType::Int16
            | DataType::Int8
            | DataType::Uint8
            | DataType::Bool
    );
    if !is_number {
        return Err(refuse(format!("input `{name}` has elements of type {}", kind.as_str_name())));
    }
    let [batch, rest @ ..] = &dims[..] else {
        return Err(refuse(format!("input `{name}` has no dimensions")));
    };
    if batch.is_some_and(|batch| batch != 1) || rest.is_empty() {
        return Err(refuse(format!("input `{name}` does not have one row of features a batch element")));
    }
    let rest = rest.iter().enumerate().map(|(axis, dim)| match dim {
        Some(0) => Err(refuse(format!("input `{name}` has no features"))),
        Some(size) => Ok(*size),
        None => Err(refuse(format!("input `{name}`: dimension {} is not a number", axis + 1))),
    });
    let dims = std::iter::once(Ok(1)).chain(rest).collect::<Result<Vec<_>, _>>()?;
    if dims.iter().try_fold(1usize, |all, &dim| all.checked_mul(dim)).is_none_or(|all| all > 1 << 16) {
        return Err(refuse(format!("input `{name}` has more than 65,536 elements")));
    }
    Ok(Input { name: name.clone(), dims })
}

/// Element type and dimensions; a dimension that is not a number is `None`.
fn shape(input: &ValueInfoProto) -> Option<(DataType, Vec<Option<usize>>)> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().map(|dim| match dim.value {
        Some(dimension::Value::DimValue(size)) => usize::try_from(size).ok(),
        _ => None,
    });
    Some((DataType::try_from(tensor.elem_type).ok()?, dims.collect()))
}

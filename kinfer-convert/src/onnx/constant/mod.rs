//! Constant tensors: initializers, `Constant` nodes.
//!
//! [`decode`] reads their bytes, [`fold`] computes with them what exporters leave to be computed: shapes, above all.

mod decode;
mod fold;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{NodeProto, TensorProto};

use self::decode::elements;
pub(super) use self::fold::{combine, fold};
use super::GraphError;
use super::external::is_external;
use super::node::attribute;

/// Elements that a constant computed from others may have: a hostile shape must not take all memory.
const MOST_ELEMENTS: usize = 1 << 22;

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::onnx) struct Constant {
    pub(in crate::onnx) name: String,
    pub(in crate::onnx) dims: Vec<usize>,
    pub(in crate::onnx) elements: Elements,
}

/// Elements in row-major order; integers of all widths are one kind, floats another.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::onnx) enum Elements {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
    Strings(Vec<String>),
}

impl Constant {
    pub(in crate::onnx) fn of_tensor(name: &str, tensor: &TensorProto) -> Result<Self, GraphError> {
        let refuse =
            |what: String, advice: &str| Err(GraphError::Constant { name: name.into(), what, advice: advice.into() });
        if is_external(tensor) {
            return refuse(
                "its data are in another file".into(),
                "put that file beside the model, or save the model with its weights inside (no external data)",
            );
        }
        let Some(elements) = elements(tensor) else {
            let code = tensor.data_type;
            let name =
                DataType::try_from(code).map_or_else(|_| code.to_string(), |kind| kind.as_str_name().to_string());
            return refuse(
                format!("element type {name} is not read, or its bytes do not fit it"),
                "constants are FLOAT, DOUBLE, integers, BOOL or STRING",
            );
        };
        let dims = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>();
        let wants =
            dims.as_ref().and_then(|dims| dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim)));
        match dims {
            Some(dims) if wants == Some(elements.len()) => Ok(Self { name: name.into(), dims, elements }),
            _ => refuse(
                format!("{} elements do not fill dimensions {:?}", elements.len(), tensor.dims),
                "the file is damaged: export it again",
            ),
        }
    }

    /// Value of a `Constant` node.
    pub(in crate::onnx) fn of_node(node: &NodeProto) -> Result<Self, GraphError> {
        let name = node.output.first().map(String::as_str).unwrap_or_default();
        let new = |dims: Vec<usize>, elements| Ok(Self { name: name.into(), dims, elements });
        let find = |key| attribute(node, key);
        if let Some(tensor) = find("value").and_then(|value| value.t.as_ref()) {
            return Self::of_tensor(name, tensor);
        }
        if let Some(value) = find("value_float") {
            return new(vec![], Elements::Floats(vec![f64::from(value.f)]));
        }
        if let Some(value) = find("value_int") {
            return new(vec![], Elements::Integers(vec![value.i]));
        }
        if let Some(value) = find("value_floats") {
            return new(
                vec![value.floats.len()],
                Elements::Floats(value.floats.iter().map(|&x| f64::from(x)).collect()),
            );
        }
        if let Some(value) = find("value_ints") {
            return new(vec![value.ints.len()], Elements::Integers(value.ints.clone()));
        }
        Err(GraphError::Constant {
            name: name.into(),
            what: "the Constant node has no tensor, float or integer value".into(),
            advice: "sparse and string constants are not read".into(),
        })
    }

    /// Elements as finite numbers, whatever their type.
    pub(in crate::onnx) fn numbers(&self) -> Result<Vec<f64>, GraphError> {
        let refuse = |what: String, advice: &str| {
            Err(GraphError::Constant { name: self.name.clone(), what, advice: advice.into() })
        };
        let numbers: Vec<f64> = match &self.elements {
            Elements::Floats(values) => values.clone(),
            Elements::Integers(values) => values.iter().map(|&value| value as f64).collect(),
            Elements::Strings(_) => {
                return refuse("numbers are wanted, it holds strings".into(), "the graph is not valid");
            }
        };
        match numbers.iter().position(|value| !value.is_finite()) {
            Some(at) => refuse(
                format!("element {at} is {}", numbers[at]),
                "train again: a weight that is not a finite number decides nothing",
            ),
            None => Ok(numbers),
        }
    }

    pub(in crate::onnx) fn integers(&self) -> Option<&[i64]> {
        match &self.elements {
            Elements::Integers(values) => Some(values),
            _ => None,
        }
    }

    /// Elements as numbers, infinite ones and NaN included; nothing for strings.
    pub(in crate::onnx) fn reals(&self) -> Option<Vec<f64>> {
        match &self.elements {
            Elements::Floats(values) => Some(values.clone()),
            Elements::Integers(values) => Some(values.iter().map(|&value| value as f64).collect()),
            Elements::Strings(_) => None,
        }
    }

    /// The same elements at other places, under other dimensions; every index is below the number of elements.
    pub(in crate::onnx) fn moved(&self, indices: Option<&[usize]>, dims: Vec<usize>) -> Self {
        let elements = match (indices, &self.elements) {
            (None, elements) => elements.clone(),
            (Some(at), Elements::Floats(values)) => Elements::Floats(picked(values, at)),
            (Some(at), Elements::Integers(values)) => Elements::Integers(picked(values, at)),
            (Some(at), Elements::Strings(values)) => Elements::Strings(picked(values, at)),
        };
        Self { name: self.name.clone(), dims, elements }
    }

    /// Number of elements.
    pub(in crate::onnx) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The one element of a scalar (of any rank).
    pub(in crate::onnx) fn scalar(&self) -> Result<Option<f64>, GraphError> {
        Ok(match *self.numbers()? {
            [value] => Some(value),
            _ => None,
        })
    }

    /// Its elements as texts: names of classes.
    pub(in crate::onnx) fn texts(&self) -> Vec<String> {
        match &self.elements {
            Elements::Floats(values) => values.iter().map(f64::to_string).collect(),
            Elements::Integers(values) => values.iter().map(i64::to_string).collect(),
            Elements::Strings(values) => values.clone(),
        }
    }
}

impl Elements {
    fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Strings(values) => values.len(),
        }
    }
}

fn picked<T: Clone>(values: &[T], indices: &[usize]) -> Vec<T> {
    indices.iter().filter_map(|&at| values.get(at).cloned()).collect()
}

/// Number of elements of dimensions; nothing where a computed constant may not have as many.
pub(in crate::onnx) fn count(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |all, &dim| all.checked_mul(dim)).filter(|&all| all <= MOST_ELEMENTS)
}

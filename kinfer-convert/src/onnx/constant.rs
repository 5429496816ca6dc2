//! Constant tensors: initializers, `Constant` nodes.

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{NodeProto, TensorProto};

use super::GraphError;
use super::node::{Site, attribute};
use super::reader::{broadcast_dims, broadcast_indices};

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
    pub(super) elements: Elements,
}

/// Elements in row-major order; integers of all widths are one kind, floats another.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Elements {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
    Strings(Vec<String>),
}

impl Constant {
    pub(super) fn of_tensor(name: &str, tensor: &TensorProto) -> Result<Self, GraphError> {
        let refuse =
            |what: String, advice: &str| Err(GraphError::Constant { name: name.into(), what, advice: advice.into() });
        let external = tensor.data_location == Some(DataLocation::External as i32);
        if external || !tensor.external_data.is_empty() {
            return refuse(
                "its data are in another file".into(),
                "save the model with its weights inside (no external data)",
            );
        }
        let Some(elements) = elements(tensor) else {
            let code = tensor.data_type;
            let name =
                DataType::try_from(code).map_or_else(|_| code.to_string(), |kind| kind.as_str_name().to_string());
            return refuse(
                format!("element type {name} is not read, or its bytes do not fit it"),
                "constants are FLOAT, DOUBLE, INT32, INT64, BOOL or STRING",
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
    pub(super) fn of_node(node: &NodeProto) -> Result<Self, GraphError> {
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
    pub(super) fn numbers(&self) -> Result<Vec<f64>, GraphError> {
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

    pub(super) fn integers(&self) -> Option<&[i64]> {
        match &self.elements {
            Elements::Integers(values) => Some(values),
            _ => None,
        }
    }

    /// The one element of a scalar (of any rank).
    pub(super) fn scalar(&self) -> Result<Option<f64>, GraphError> {
        Ok(match *self.numbers()? {
            [value] => Some(value),
            _ => None,
        })
    }

    /// Its elements as texts: names of classes.
    pub(super) fn texts(&self) -> Vec<String> {
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

fn elements(tensor: &TensorProto) -> Option<Elements> {
    let raw = &tensor.raw_data[..];
    let typed = raw.is_empty();
    Some(match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if typed => Elements::Floats(tensor.float_data.iter().map(|&x| f64::from(x)).collect()),
        DataType::Float => Elements::Floats(words(raw, f32::from_le_bytes)?.into_iter().map(f64::from).collect()),
        DataType::Double if typed => Elements::Floats(tensor.double_data.clone()),
        DataType::Double => Elements::Floats(words(raw, f64::from_le_bytes)?),
        DataType::Int64 if typed => Elements::Integers(tensor.int64_data.clone()),
        DataType::Int64 => Elements::Integers(words(raw, i64::from_le_bytes)?),
        DataType::Int32 | DataType::Bool if typed => {
            Elements::Integers(tensor.int32_data.iter().map(|&x| i64::from(x)).collect())
        }
        DataType::Int32 => Elements::Integers(words(raw, i32::from_le_bytes)?.into_iter().map(i64::from).collect()),
        DataType::Bool => Elements::Integers(raw.iter().map(|&byte| i64::from(byte != 0)).collect()),
        DataType::String => Elements::Strings(
            tensor.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect(),
        ),
        _ => return None,
    })
}

fn words<const N: usize, T>(raw: &[u8], word: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (words, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| words.iter().map(|&bytes| word(bytes)).collect())
}

/// Arithmetic of two constants that broadcast: `Add`, `Sub`, `Mul`, `Div`.
pub(super) fn combine(
    site: &Site,
    operator: &str,
    first: &Constant,
    second: &Constant,
) -> Result<Constant, GraphError> {
    let refuse = |what: String| GraphError::node(site, what, "the file is damaged: export it again");
    let dims = broadcast_dims(&first.dims, &second.dims).ok_or_else(|| {
        refuse(format!("constants of shapes {:?} and {:?} do not broadcast", first.dims, second.dims))
    })?;
    let integers = first.integers().zip(second.integers());
    let places = broadcast_indices(&first.dims, &dims).into_iter().zip(broadcast_indices(&second.dims, &dims));
    let elements = match integers {
        Some((a, b)) => {
            let apply = |a: i64, b: i64| match operator {
                "Add" => a.checked_add(b),
                "Sub" => a.checked_sub(b),
                "Mul" => a.checked_mul(b),
                _ => a.checked_div(b),
            };
            let results = places.map(|(i, j)| apply(*a.get(i)?, *b.get(j)?)).collect::<Option<Vec<_>>>();
            Elements::Integers(results.ok_or_else(|| refuse("integers overflow, or are divided by zero".into()))?)
        }
        None => {
            let (a, b) = (first.numbers()?, second.numbers()?);
            let apply = |a: f64, b: f64| match operator {
                "Add" => a + b,
                "Sub" => a - b,
                "Mul" => a * b,
                _ => a / b,
            };
            Elements::Floats(places.filter_map(|(i, j)| Some(apply(*a.get(i)?, *b.get(j)?))).collect())
        }
    };
    Ok(Constant { name: site.name.clone(), dims, elements })
}

//! Constant tensors with the types that quantised graphs have.

use std::rc::Rc;

use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{NodeProto, TensorProto};

use super::super::GraphError;
use super::super::node::attribute;
use super::kind::Kind;

/// A constant tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
    pub(super) elements: Elements,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Elements {
    Floats(Vec<f32>),
    /// Integers of a quantised type.
    Integers(Kind, Vec<i32>),
    /// Shapes, axes, labels.
    Longs(Vec<i64>),
    Strings(Vec<String>),
}

/// Integers with one scale and zero point, or one a slice along an axis: a DequantizeLinear of a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantised {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
    /// Less their zero points.
    pub(super) units: Vec<i32>,
    /// One, or one a slice along `axis`.
    pub(super) scales: Vec<f32>,
    pub(super) axis: usize,
}

impl Constant {
    pub(super) fn of_tensor(name: &str, tensor: &TensorProto) -> Result<Self, GraphError> {
        let external = tensor.data_location == Some(DataLocation::External as i32);
        if external || !tensor.external_data.is_empty() {
            return Err(refusal(
                name,
                "its data are in another file",
                "save the model with its weights inside (no external data)",
            ));
        }
        let damaged = |what: String| refusal(name, what, "the file is damaged: export it again");
        let dims = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>();
        let dims = dims.ok_or_else(|| damaged(format!("its dimensions are {:?}", tensor.dims)))?;
        let count = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
        let elements = elements(tensor, count.unwrap_or(usize::MAX)).ok_or_else(|| {
            refusal(
                name,
                format!("element type {} is not read, or its bytes do not fit it", tensor.data_type),
                "constants are FLOAT, FLOAT16, DOUBLE, INT2 to INT64, UINT2 to UINT16, BOOL or STRING",
            )
        })?;
        if count != Some(elements.len()) {
            return Err(damaged(format!("{} elements do not fill dimensions {dims:?}", elements.len())));
        }
        Ok(Self { name: name.into(), dims, elements })
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
            return new(vec![], Elements::Floats(vec![value.f]));
        }
        if let Some(value) = find("value_int") {
            return new(vec![], Elements::Longs(vec![value.i]));
        }
        if let Some(value) = find("value_floats") {
            return new(vec![value.floats.len()], Elements::Floats(value.floats.clone()));
        }
        if let Some(value) = find("value_ints") {
            return new(vec![value.ints.len()], Elements::Longs(value.ints.clone()));
        }
        Err(refusal(
            name,
            "the Constant node has no tensor, float or integer value",
            "sparse and string constants are not read",
        ))
    }

    /// Its elements as finite floats.
    pub(super) fn floats(&self) -> Result<Vec<f32>, GraphError> {
        let floats: Vec<f32> = match &self.elements {
            Elements::Floats(values) => values.clone(),
            Elements::Integers(_, values) => values.iter().map(|&value| value as f32).collect(),
            Elements::Longs(values) => values.iter().map(|&value| value as f32).collect(),
            Elements::Strings(_) => {
                return Err(refusal(&self.name, "numbers are wanted, it holds strings", "the graph is not valid"));
            }
        };
        match floats.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            Some((at, value)) => Err(refusal(
                &self.name,
                format!("element {at} is {value}"),
                "quantise again: a number that is not finite decides nothing",
            )),
            None => Ok(floats),
        }
    }

    pub(super) fn longs(&self) -> Option<Vec<i64>> {
        match &self.elements {
            Elements::Longs(values) => Some(values.clone()),
            Elements::Integers(_, values) => Some(values.iter().map(|&value| value.into()).collect()),
            _ => None,
        }
    }

    pub(super) fn integers(&self) -> Option<(Kind, &[i32])> {
        match &self.elements {
            Elements::Integers(kind, values) => Some((*kind, values)),
            _ => None,
        }
    }

    /// Its elements as texts: names of classes.
    pub(super) fn texts(&self) -> Vec<String> {
        match &self.elements {
            Elements::Floats(values) => values.iter().map(f32::to_string).collect(),
            Elements::Integers(_, values) => values.iter().map(i32::to_string).collect(),
            Elements::Longs(values) => values.iter().map(i64::to_string).collect(),
            Elements::Strings(values) => values.clone(),
        }
    }

    /// The same elements under other dimensions.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Self {
        Self { dims, ..self.clone() }
    }
}

impl Quantised {
    /// Scale of the element at a flat index.
    pub(super) fn scale(&self, flat: usize) -> f32 {
        match self.scales[..] {
            [scale] => scale,
            _ => {
                let inner: usize = self.dims.iter().skip(self.axis + 1).product();
                let slice = flat / inner.max(1) % self.scales.len().max(1);
                self.scales.get(slice).copied().unwrap_or_default()
            }
        }
    }

    /// Its elements as DequantizeLinear gives them.
    pub(super) fn floats(&self) -> Vec<f32> {
        self.units.iter().enumerate().map(|(flat, &unit)| unit as f32 * self.scale(flat)).collect()
    }

    /// With its dimensions in another order: dimension `i` of the result is dimension `order[i]` of this one.
    pub(super) fn transposed(&self, order: &[usize]) -> Self {
        let flat = super::layout::transposition(&self.dims, order);
        Self {
            name: self.name.clone(),
            dims: order.iter().filter_map(|&axis| self.dims.get(axis).copied()).collect(),
            units: flat.iter().filter_map(|&from| self.units.get(from).copied()).collect(),
            scales: self.scales.clone(),
            axis: order.iter().position(|&axis| axis == self.axis).unwrap_or(0),
        }
    }
}

/// A constant in any of its two forms, shared.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Plain(Rc<Constant>),
    Quantised(Rc<Quantised>),
}

impl Known {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Plain(constant) => &constant.name,
            Self::Quantised(quantised) => &quantised.name,
        }
    }

    pub(super) fn dims(&self) -> &[usize] {
        match self {
            Self::Plain(constant) => &constant.dims,
            Self::Quantised(quantised) => &quantised.dims,
        }
    }

    pub(super) fn floats(&self) -> Result<Vec<f32>, GraphError> {
        match self {
            Self::Plain(constant) => constant.floats(),
            Self::Quantised(quantised) => Ok(quantised.floats()),
        }
    }

    /// The one element of a scalar (of any rank).
    pub(super) fn scalar(&self) -> Result<Option<f32>, GraphError> {
        Ok(match *self.floats()? {
            [value] => Some(value),
            _ => None,
        })
    }
}

pub(super) fn refusal(name: &str, what: impl Into<String>, advice: &str) -> GraphError {
    GraphError::Constant { name: name.into(), what: what.into(), advice: advice.into() }
}

impl Elements {
    fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Integers(_, values) => values.len(),
            Self::Longs(values) => values.len(),
            Self::Strings(values) => values.len(),
        }
    }
}

fn elements(tensor: &TensorProto, count: usize) -> Option<Elements> {
    let raw = &tensor.raw_data[..];
    let typed = raw.is_empty();
    if let Some(kind) = Kind::of_code(tensor.data_type) {
        let (lo, hi) = kind.range();
        let values: Vec<i32> = match kind {
            Kind::I2 | Kind::U2 | Kind::I4 | Kind::U4 => {
                let bytes: Vec<u8> =
                    if typed { tensor.int32_data.iter().map(|&word| word as u8).collect() } else { raw.to_vec() };
                let bits = if matches!(kind, Kind::I2 | Kind::U2) { 2 } else { 4 };
                if bytes.len() != count.div_ceil(8 / bits) {
                    return None;
                }
                // The first element is in the lowest bits.
                let above = 8 - bits;
                let fields = bytes.iter().flat_map(|byte| (0..8).step_by(bits).map(move |at| byte >> at << above));
                let number = |field: u8| if lo < 0 { i32::from(field as i8 >> above) } else { (field >> above).into() };
                fields.take(count).map(number).collect()
            }
            _ if typed => tensor.int32_data.clone(),
            Kind::I8 => raw.iter().map(|&byte| i32::from(byte as i8)).collect(),
            Kind::U8 => raw.iter().map(|&byte| byte.into()).collect(),
            Kind::I16 => words(raw, |bytes| i16::from_le_bytes(bytes).into())?,
            Kind::U16 => words(raw, |bytes| u16::from_le_bytes(bytes).into())?,
            Kind::I32 => words(raw, i32::from_le_bytes)?,
        };
        let inside = values.iter().all(|&value| lo <= value && value <= hi);
        return inside.then_some(Elements::Integers(kind, values));
    }
    Some(match tensor.data_type {
        1 if typed => Elements::Floats(tensor.float_data.clone()),
        1 => Elements::Floats(words(raw, f32::from_le_bytes)?),
        7 if typed => Elements::Longs(tensor.int64_data.clone()),
        7 => Elements::Longs(words(raw, i64::from_le_bytes)?),
        8 => Elements::Strings(
            tensor.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect(),
        ),
        9 if typed => Elements::Longs(tensor.int32_data.iter().map(|&word| word.into()).collect()),
        9 => Elements::Longs(raw.iter().map(|&byte| i64::from(byte != 0)).collect()),
        10 if typed => Elements::Floats(tensor.int32_data.iter().map(|&word| half(word as u16)).collect()),
        10 => Elements::Floats(words(raw, |bytes| half(u16::from_le_bytes(bytes)))?),
        11 if typed => Elements::Floats(tensor.double_data.iter().map(|&value| value as f32).collect()),
        11 => Elements::Floats(words(raw, |bytes| f64::from_le_bytes(bytes) as f32)?),
        _ => return None,
    })
}

fn words<const N: usize, T>(raw: &[u8], word: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (words, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| words.iter().map(|&bytes| word(bytes)).collect())
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * (-24f32).exp2(),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * ((exponent - 25) as f32).exp2(),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data_type: i32, dims: &[i64], raw: &[u8]) -> TensorProto {
        TensorProto { data_type, dims: dims.to_vec(), raw_data: raw.to_vec(), ..Default::default() }
    }

    #[test]
    fn every_integer_type_is_decoded() {
        for (code, raw, kind, values) in [
            (2, &[0u8, 255][..], Kind::U8, [0, 255]),
            (3, &[128, 127], Kind::I8, [-128, 127]),
            (4, &[0, 0, 255, 255], Kind::U16, [0, 65_535]),
            (5, &[0, 128, 255, 127], Kind::I16, [-32_768, 32_767]),
            (6, &[255, 255, 255, 255, 1, 0, 0, 0], Kind::I32, [-1, 1]),
            (21, &[0xf1], Kind::U4, [1, 15]),
            (22, &[0xf1], Kind::I4, [1, -1]),
            (25, &[0b1101], Kind::U2, [1, 3]),
            (26, &[0b1101], Kind::I2, [1, -1]),
        ] {
            let constant = Constant::of_tensor("c", &tensor(code, &[2], raw)).unwrap();
            assert_eq!(constant.integers(), Some((kind, &values[..])), "{}", kind.name());
        }
    }

    #[test]
    fn half_floats_are_those_of_ieee_754() {
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_5e-8), (0x7bff, 65_504.0)] {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7e00).is_nan() && half(0xfc00) == f32::NEG_INFINITY);
    }

    #[test]
    fn bytes_that_do_not_fit_are_refused() {
        for (code, dims, raw) in
            [(5, &[1][..], &[1u8][..]), (3, &[3], &[1, 2]), (99, &[1], &[1]), (3, &[-1], &[1]), (22, &[3], &[1])]
        {
            assert!(Constant::of_tensor("c", &tensor(code, dims, raw)).is_err(), "{code} {dims:?}");
        }
        let mut outside = tensor(3, &[1], &[]);
        outside.int32_data = vec![128];
        assert!(Constant::of_tensor("c", &outside).is_err(), "128 is no int8");
    }

    #[test]
    fn scales_along_an_axis_follow_it_through_a_transposition() {
        let quantised = Quantised {
            name: "w".into(),
            dims: vec![2, 3],
            units: vec![1, 2, 3, 4, 5, 6],
            scales: vec![1.0, 10.0],
            axis: 0,
        };
        assert_eq!(quantised.floats(), [1.0, 2.0, 3.0, 40.0, 50.0, 60.0]);
        let transposed = quantised.transposed(&[1, 0]);
        assert_eq!((transposed.axis, &transposed.dims[..]), (1, &[3, 2][..]));
        assert_eq!(transposed.floats(), [1.0, 40.0, 2.0, 50.0, 3.0, 60.0]);
    }
}

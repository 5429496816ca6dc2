//! A node with the meaning of its inputs.

use tract_onnx::pb::NodeProto;

use super::super::GraphError;
use super::super::node::{Site, int};
use super::constant::{Constant, Elements, Known, Quantised};
use super::kind::{Kind, Params};
use super::quantise::not_quantised;
use super::value::{Integers, Real, Term, Value};

/// A node; an input that is left out is `None`.
pub(super) struct Node<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) site: Site,
    pub(super) opset: i64,
    /// Rows of a batch, where the graph says how many.
    pub(super) batch: Option<usize>,
    pub(super) inputs: Vec<Option<Value>>,
}

impl Node<'_> {
    pub(super) fn unsupported(&self, what: impl Into<String>) -> GraphError {
        GraphError::unsupported(&self.site, what)
    }

    pub(super) fn invalid(&self, what: impl Into<String>, advice: &str) -> GraphError {
        GraphError::node(&self.site, what, advice)
    }

    /// Input `index`, which must be there.
    pub(super) fn input(&self, index: usize) -> Result<&Value, GraphError> {
        let missing = || self.invalid(format!("input {index} is missing"), "the file is damaged: export it again");
        self.optional(index).ok_or_else(missing)
    }

    pub(super) fn optional(&self, index: usize) -> Option<&Value> {
        self.inputs.get(index).and_then(Option::as_ref)
    }

    /// Input `index` as a constant.
    pub(super) fn known(&self, index: usize) -> Result<&Known, GraphError> {
        match self.input(index)? {
            Value::Known(known) => Ok(known),
            other => Err(self.unsupported(format!("input {index} must be a constant and is {}", other.describe()))),
        }
    }

    /// Input `index` as a constant of plain integers, as shapes and axes are.
    pub(super) fn longs(&self, index: usize) -> Result<Vec<i64>, GraphError> {
        let Known::Plain(constant) = self.known(index)? else {
            return Err(self.unsupported(format!("input {index} is quantised")));
        };
        let refuse = || self.invalid(format!("`{}` holds no integers", constant.name), "the graph is not valid");
        constant.longs().ok_or_else(refuse)
    }

    /// Input `index` as floats computed from integer tensors.
    pub(super) fn real(&self, index: usize) -> Result<Real, GraphError> {
        match self.input(index)? {
            Value::Real(real) => Ok(real.clone()),
            Value::Features(_) => Err(self.unsupported(
                "it computes with the graph's input before that is quantised: quantise the input (QuantizeLinear, DequantizeLinear)",
            )),
            other => Err(self.unsupported(format!("input {index} is {}", other.describe()))),
        }
    }

    /// Input `index` as the dequantised form of a tensor.
    pub(super) fn term(&self, index: usize) -> Result<Term, GraphError> {
        let real = self.real(index)?;
        real.term().cloned().ok_or_else(|| not_quantised(&real.site, &self.site))
    }

    /// Input `index` as a tensor of integers.
    pub(super) fn integers(&self, index: usize) -> Result<Integers, GraphError> {
        match self.input(index)? {
            Value::Integers(integers) => Ok(integers.clone()),
            other => Err(self.unsupported(format!("input {index} must be integers and is {}", other.describe()))),
        }
    }

    /// Scales of input `index`: finite and positive.
    pub(super) fn scales(&self, index: usize) -> Result<Vec<f32>, GraphError> {
        let Known::Plain(constant) = self.known(index)? else {
            return Err(self.unsupported(format!("its scale, input {index}, is itself quantised")));
        };
        let refuse = |what: String| {
            self.invalid(what, "a scale is a positive finite number: calibrate on data that is not all the same")
        };
        let Elements::Floats(scales) = &constant.elements else {
            return Err(refuse(format!("its scale `{}` is not of floats", constant.name)));
        };
        match scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
            Some(scale) => Err(refuse(format!("its scale `{}` is {scale}", constant.name))),
            None if scales.is_empty() => Err(refuse(format!("its scale `{}` is empty", constant.name))),
            None => Ok(scales.clone()),
        }
    }

    /// Zero points of input `index`, with their type; 0 where there are none.
    pub(super) fn zero_points(
        &self,
        index: usize,
        wants: Option<Kind>,
    ) -> Result<(Option<Kind>, Vec<i32>), GraphError> {
        if self.optional(index).is_none() {
            return Ok((wants, vec![0]));
        }
        let known = self.known(index)?;
        let advice =
            "a zero point is an integer of its tensor's type, one or as many as scales: quantise the model again";
        let found = match known {
            Known::Plain(constant) => constant.integers(),
            Known::Quantised(_) => None,
        };
        let Some((kind, values)) = found else {
            return Err(self.invalid(format!("its zero point `{}` is not of a quantised type", known.name()), advice));
        };
        if let Some(wants) = wants.filter(|&wants| wants != kind) {
            let what = format!("its zero point `{}` is {}, its tensor {}", known.name(), kind.name(), wants.name());
            return Err(self.invalid(what, advice));
        }
        if values.is_empty() {
            return Err(self.invalid(format!("its zero point `{}` is empty", known.name()), advice));
        }
        Ok((Some(kind), values.to_vec()))
    }

    /// Scale and zero point of a whole tensor, of type `kind` or of the zero point's.
    pub(super) fn params(&self, scale: usize, zero_point: usize, kind: Option<Kind>) -> Result<Params, GraphError> {
        let (scales, (kind, zero_points)) = (self.scales(scale)?, self.zero_points(zero_point, kind)?);
        match (&scales[..], &zero_points[..]) {
            (&[scale], &[zero_point]) => Ok(Params { kind: kind.unwrap_or(Kind::U8), scale, zero_point }),
            _ => Err(self.unsupported(format!(
                "activations have one scale and zero point a tensor, here {} and {}",
                scales.len(),
                zero_points.len()
            ))),
        }
    }

    /// A tensor of integers, inputs `x`, `x + 1`, `x + 2`: values, scale, zero point.
    pub(super) fn quantised_term(&self, x: usize) -> Result<Term, GraphError> {
        let of = self.integers(x)?;
        let params = self.params(x + 1, x + 2, Some(of.kind))?;
        let name = of.name.clone();
        Ok(Term { of, params, name })
    }

    /// The constant of input `x` with scales of input `scale` (units where that is `None`) and zero points of input
    /// `zero_point`, along `axis`.
    pub(super) fn weights(
        &self,
        x: usize,
        scale: Option<usize>,
        zero_point: usize,
        axis: i64,
    ) -> Result<Quantised, GraphError> {
        let constant = match self.known(x)? {
            Known::Plain(constant) => constant,
            Known::Quantised(_) => return Err(self.unsupported(format!("input {x} is dequantised already"))),
        };
        let Some((kind, values)) = constant.integers() else {
            let what = format!("`{}` is not of a quantised type", constant.name);
            return Err(self.invalid(what, "integers of 4, 8, 16 or 32 bits are dequantised"));
        };
        let scales = scale.map_or(Ok(vec![1.0]), |scale| self.scales(scale))?;
        let (_, zero_points) = self.zero_points(zero_point, Some(kind))?;
        self.dequantised(constant, values, (scales, &zero_points), axis)
    }

    fn dequantised(
        &self,
        constant: &Constant,
        values: &[i32],
        (scales, zero_points): (Vec<f32>, &[i32]),
        axis: i64,
    ) -> Result<Quantised, GraphError> {
        if int(self.node, "block_size", 0) != 0 {
            return Err(self.unsupported("a scale a block is not supported, one a channel is"));
        }
        let rank = constant.dims.len();
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        let along = usize::try_from(axis).ok().and_then(|axis| constant.dims.get(axis)).copied();
        let slices = scales.len().max(zero_points.len());
        if slices > 1 && along != Some(slices) || ![1, slices].contains(&zero_points.len()) {
            return Err(self.invalid(
                format!(
                    "{} scales and {} zero points do not fit `{}` of {:?} along axis {axis}",
                    scales.len(),
                    zero_points.len(),
                    constant.name,
                    constant.dims
                ),
                "there is one, or one a slice along the axis",
            ));
        }
        let axis = usize::try_from(axis).unwrap_or(0);
        let inner: usize = constant.dims.iter().skip(axis + 1).product();
        let zero_point = |flat: usize| match zero_points {
            [zero_point] => *zero_point,
            _ => zero_points.get(flat / inner.max(1) % slices).copied().unwrap_or_default(),
        };
        let units = values.iter().enumerate().map(|(flat, &value)| value.checked_sub(zero_point(flat)));
        let units = units.collect::<Option<Vec<_>>>();
        let units =
            units.ok_or_else(|| self.invalid("a value less its zero point leaves 32 bits", "quantise again"))?;
        Ok(Quantised { name: constant.name.clone(), dims: constant.dims.clone(), units, scales, axis })
    }

    /// Name of the first output.
    pub(super) fn output(&self) -> &str {
        self.node.output.first().map_or("", String::as_str)
    }
}

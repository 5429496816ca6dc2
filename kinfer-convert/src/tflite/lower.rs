//! The graph, operator by operator, into the operators of a `.kinf` file.

use std::collections::BTreeMap;

use fixed::types::U32F96;
use kinfer::format::{ElementType, MAX_ELEMENTS, MAX_OPERATORS, SectionKind};
use kinfer::{Place, Problem};

use super::error::{Error, Result};
use super::schema::{File, Grid, INTEGERS, Node, RECONVERT, Tensor, Type};
use super::{Rounding, elementwise, layers, shape, windows};
use crate::kinf::{ClipSpec, OperatorSpec, ReshapeSpec, TensorSpec};

/// Operators that are read. The codes are those of the schema.
pub(super) mod code {
    pub(in super::super) const ADD: i32 = 0;
    pub(in super::super) const AVERAGE_POOL_2D: i32 = 1;
    pub(in super::super) const CONCATENATION: i32 = 2;
    pub(in super::super) const CONV_2D: i32 = 3;
    pub(in super::super) const DEPTHWISE_CONV_2D: i32 = 4;
    pub(in super::super) const DEQUANTIZE: i32 = 6;
    pub(in super::super) const FULLY_CONNECTED: i32 = 9;
    pub(in super::super) const LOGISTIC: i32 = 14;
    pub(in super::super) const MAX_POOL_2D: i32 = 17;
    pub(in super::super) const MUL: i32 = 18;
    pub(in super::super) const RELU: i32 = 19;
    pub(in super::super) const RELU_N1_TO_1: i32 = 20;
    pub(in super::super) const RELU6: i32 = 21;
    pub(in super::super) const RESHAPE: i32 = 22;
    pub(in super::super) const SOFTMAX: i32 = 25;
    pub(in super::super) const TANH: i32 = 28;
    pub(in super::super) const PAD: i32 = 34;
    pub(in super::super) const MEAN: i32 = 40;
    pub(in super::super) const SUB: i32 = 41;
    pub(in super::super) const SQUEEZE: i32 = 43;
    pub(in super::super) const STRIDED_SLICE: i32 = 45;
    pub(in super::super) const ARG_MAX: i32 = 56;
    pub(in super::super) const SLICE: i32 = 65;
    pub(in super::super) const EXPAND_DIMS: i32 = 70;
    pub(in super::super) const LEAKY_RELU: i32 = 98;
    pub(in super::super) const QUANTIZE: i32 = 114;
    pub(in super::super) const HARD_SWISH: i32 = 117;
}

const SUPPORTED: &str = "read are FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D, AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, ADD, SUB, MUL, RELU, \
     RELU6, RELU_N1_TO_1, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH, RESHAPE, SQUEEZE, EXPAND_DIMS, CONCATENATION, SLICE, STRIDED_SLICE, \
     PAD before a window, QUANTIZE, and at the end SOFTMAX, ARG_MAX, DEQUANTIZE: build the model of these, or cut it before this \
     operator";

/// What is lowered so far. Tensor 0 is the feature program's.
#[derive(Debug)]
pub(super) struct Lowering<'a> {
    pub(super) file: File<'a>,
    pub(super) rounding: Rounding,
    pub(super) tensors: Vec<TensorSpec>,
    pub(super) operators: Vec<OperatorSpec>,
    /// The file's tensors that are written, and by which of `tensors` they are.
    values: BTreeMap<usize, u16>,
    /// Outputs of PAD, until a window takes them.
    pub(super) padded: BTreeMap<usize, Padded>,
}

/// An image with real zeros around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Padded {
    /// The image.
    pub(super) image: usize,
    /// Rows above, columns to the left.
    pub(super) before: [u32; 2],
    /// Rows below, columns to the right.
    pub(super) after: [u32; 2],
}

impl<'a> Lowering<'a> {
    /// With the file's tensor `input` as tensor 0.
    pub(super) fn new(file: File<'a>, rounding: Rounding, input: &Tensor<'_>) -> Result<Self> {
        let mut lowering = Self {
            file,
            rounding,
            tensors: vec![],
            operators: vec![],
            values: BTreeMap::new(),
            padded: BTreeMap::new(),
        };
        let spec = lowering.activation(input)?;
        lowering.tensors.push(spec);
        lowering.values.insert(input.index, 0);
        Ok(lowering)
    }

    /// Adds one operator of the file.
    pub(super) fn lower(&mut self, node: &Node<'_>) -> Result<()> {
        match node.code {
            code::FULLY_CONNECTED => layers::fully_connected(self, node),
            code::CONV_2D => layers::conv(self, node, false),
            code::DEPTHWISE_CONV_2D => layers::conv(self, node, true),
            code::AVERAGE_POOL_2D => windows::pool(self, node, true),
            code::MAX_POOL_2D => windows::pool(self, node, false),
            code::MEAN => windows::mean(self, node),
            code::PAD => windows::pad(self, node),
            code::ADD => elementwise::add(self, node, false),
            code::SUB => elementwise::add(self, node, true),
            code::MUL => elementwise::mul(self, node),
            code::RELU | code::RELU6 | code::RELU_N1_TO_1 => elementwise::relu(self, node),
            code::LEAKY_RELU => elementwise::leaky_relu(self, node),
            code::QUANTIZE => elementwise::quantize(self, node),
            code::LOGISTIC | code::TANH | code::HARD_SWISH => elementwise::function(self, node),
            code::RESHAPE | code::SQUEEZE | code::EXPAND_DIMS => shape::reshape(self, node),
            code::CONCATENATION => shape::concatenation(self, node),
            code::SLICE => shape::slice(self, node),
            code::STRIDED_SLICE => shape::strided_slice(self, node),
            code::SOFTMAX => Err(node.refuse(
                "its shares are computed with by another operator, and the engine's softmax has other last bits",
                "end the model at the softmax, which only orders the scores, or compute with the logits",
            )),
            code::DEQUANTIZE | code::ARG_MAX => {
                Err(node.refuse("stands inside the model", "quantise the whole model; these two may only end it"))
            }
            _ => Err(node.refuse("is not read", SUPPORTED)),
        }
    }

    /// Input `which` of a node, as the file has it.
    pub(super) fn input(&self, node: &Node<'_>, which: usize) -> Result<Tensor<'a>> {
        self.optional_input(node, which)?.ok_or_else(|| node.refuse(format!("has no input {which}"), RECONVERT))
    }

    /// Input `which` of a node, where it has one.
    pub(super) fn optional_input(&self, node: &Node<'_>, which: usize) -> Result<Option<Tensor<'a>>> {
        let index = node.inputs.get(which).map_or(-1, i32::from_le_bytes);
        usize::try_from(index).ok().map(|index| self.file.tensor(index)).transpose()
    }

    /// The only output of a node.
    pub(super) fn output(&self, node: &Node<'_>) -> Result<Tensor<'a>> {
        let index = node.outputs.get(0).and_then(|index| usize::try_from(i32::from_le_bytes(index)).ok());
        match index {
            Some(index) if node.outputs.len() == 1 => self.file.tensor(index),
            _ => Err(node.refuse(format!("has {} outputs", node.outputs.len()), RECONVERT)),
        }
    }

    /// The tensor that holds an activation of the file.
    pub(super) fn value(&self, node: &Node<'_>, tensor: &Tensor<'_>) -> Result<u16> {
        if let Some(&value) = self.values.get(&tensor.index) {
            return Ok(value);
        }
        let name = format!("tensor {} (`{}`)", tensor.index, tensor.name);
        Err(if self.padded.contains_key(&tensor.index) {
            node.refuse(
                format!("reads {name}, which PAD makes larger"),
                "a PAD is read in front of CONV_2D, DEPTHWISE_CONV_2D and pooling, where it becomes a part of the window",
            )
        } else if tensor.data.is_some() {
            node.refuse(
                format!("computes with the constant {name}"),
                "let the layer before or behind it take the constant, as the converter does with biases and scales",
            )
        } else {
            node.refuse(format!("reads {name} before anything writes it"), RECONVERT)
        })
    }

    /// Makes `value` what a tensor of the file is, where no operator of its own writes it.
    pub(super) fn alias(&mut self, node: &Node<'_>, tensor: &Tensor<'_>, value: u16) -> Result<()> {
        self.check_unwritten(node, tensor)?;
        self.values.insert(tensor.index, value);
        Ok(())
    }

    /// Tensor of an activation, as its own.
    pub(super) fn activation(&self, tensor: &Tensor<'_>) -> Result<TensorSpec> {
        let element = match tensor.element {
            Type::Int8 => ElementType::I8,
            Type::Int16 => ElementType::I16,
            _ => return Err(tensor.refuse(format!("is of type {}", tensor.type_name()), INTEGERS)),
        };
        let Grid { scale, zero_point } = tensor.grid()?;
        self.spec(element, dims(&tensor.shape), zero_point, scale).and_then(|spec| {
            spec.ok_or_else(|| {
                tensor.refuse(format!("scale {scale} is beyond fixed point"), "scales are 2^-73 to 2^31")
            })
        })
    }

    fn spec(&self, element: ElementType, dims: Vec<u32>, zero_point: i32, scale: f32) -> Result<Option<TensorSpec>> {
        let elements = dims.iter().fold(1, |all: u64, &dim| all.saturating_mul(dim.into()));
        if elements > MAX_ELEMENTS {
            let place = Place::Tensor(self.tensors.len() as u32);
            return Err(Error::Refused(kinfer::Error { place, problem: Problem::Shape }));
        }
        let scale = U32F96::checked_from_num(scale).filter(|scale| *scale > U32F96::ZERO);
        Ok(scale.map(|scale| TensorSpec { element, dims, zero_point, scale }))
    }

    /// Adds an operator that writes a tensor of `spec`; the tensor's number.
    pub(super) fn push(&mut self, spec: TensorSpec, operator: impl FnOnce(u16) -> OperatorSpec) -> Result<u16> {
        let output = self.tensors.len();
        if output > MAX_OPERATORS {
            let (is, max) = (output as u64, MAX_OPERATORS as u64);
            let place = Place::Section(SectionKind::Operators);
            return Err(Error::Refused(kinfer::Error { place, problem: Problem::Count { is, max } }));
        }
        let output = output as u16;
        self.operators.push(operator(output));
        self.tensors.push(spec);
        Ok(output)
    }

    /// Adds the operator that writes an activation of the file.
    pub(super) fn write(
        &mut self,
        node: &Node<'_>,
        tensor: &Tensor<'_>,
        spec: TensorSpec,
        operator: impl FnOnce(u16) -> OperatorSpec,
    ) -> Result<u16> {
        self.check_unwritten(node, tensor)?;
        let written = self.push(spec, operator)?;
        self.values.insert(tensor.index, written);
        Ok(written)
    }

    /// Refuses to write a tensor of the file twice.
    pub(super) fn check_unwritten(&self, node: &Node<'_>, tensor: &Tensor<'_>) -> Result<()> {
        let is_written = self.values.contains_key(&tensor.index) || self.padded.contains_key(&tensor.index);
        if is_written || tensor.data.is_some() {
            let what = format!("writes tensor {} (`{}`), which has a value", tensor.index, tensor.name);
            return Err(node.refuse(what, RECONVERT));
        }
        Ok(())
    }

    /// A tensor's elements under other dimensions, behind a reshape where they are others.
    pub(super) fn shaped(&mut self, value: u16, dims: &[u32]) -> Result<u16> {
        let Some(spec) = self.tensors.get(usize::from(value)).filter(|spec| spec.dims != dims) else {
            return Ok(value);
        };
        let spec = TensorSpec { dims: dims.to_vec(), ..spec.clone() };
        self.push(spec, |output| OperatorSpec::Reshape(ReshapeSpec { input: value, output }))
    }

    /// A node that only moves or picks elements: its output as the input's tensor has it, if both share their grid as far as an
    /// interpreter asks.
    pub(super) fn moved(&self, node: &Node<'_>, from: &Tensor<'_>, to: &Tensor<'_>) -> Result<TensorSpec> {
        let value = self.value(node, from)?;
        let spec = self.activation(to)?;
        let (a, b) = (from.grid()?, to.grid()?);
        match self.tensors.get(usize::from(value)) {
            Some(held)
                if held.element == spec.element
                    && a.zero_point == b.zero_point
                    && f64::from(a.scale - b.scale).abs() <= 1e-6 =>
            {
                Ok(TensorSpec { dims: spec.dims, ..held.clone() })
            }
            _ => Err(node.refuse(
                "its input and output differ in type, scale or zero point, which it does not convert between",
                RECONVERT,
            )),
        }
    }

    /// The tensor that holds an activation of the file, once everything is lowered.
    pub(super) fn held(&self, tensor: usize) -> Option<u16> {
        self.values.get(&tensor).copied()
    }

    /// A tensor of the file that was written, with its elements under the dimensions that the file gives it.
    pub(super) fn reshaped(&mut self, tensor: &Tensor<'_>, written: u16) -> Result<()> {
        let shaped = self.shaped(written, &dims(&tensor.shape))?;
        self.values.insert(tensor.index, shaped);
        Ok(())
    }

    /// Clamps a tensor that was written for `tensor` of the file, where `lo..=hi` is not its whole type.
    pub(super) fn clamped(&mut self, tensor: &Tensor<'_>, written: u16, (lo, hi): (i32, i32)) -> Result<()> {
        let Some(spec) = self.tensors.get(usize::from(written)).cloned() else { return Ok(()) };
        if (lo, hi) != spec.element.range() {
            let clip = |output| OperatorSpec::Clip(ClipSpec { input: written, output, lo, hi });
            let clamped = self.push(spec, clip)?;
            self.values.insert(tensor.index, clamped);
        }
        Ok(())
    }
}

/// Dimensions of a `.kinf` tensor: without the batch of one, at most four.
pub(super) fn dims(shape: &[u32]) -> Vec<u32> {
    let dims = match shape {
        [1, rest @ ..] if !rest.is_empty() => rest,
        [] => &[1],
        all => all,
    };
    let (outer, inner) = dims.split_at(dims.len().saturating_sub(3));
    let outer = outer.iter().fold(1, |all: u32, &dim| all.saturating_mul(dim));
    if dims.len() > 4 { [&[outer], inner].concat() } else { dims.to_vec() }
}

/// Smallest and largest output of a fused activation, `CalculateActivationRangeQuantized`.
pub(super) fn activation_range(node: &Node<'_>, activation: u8, output: &Tensor<'_>) -> Result<(i32, i32)> {
    let Grid { scale, zero_point } = output.grid()?;
    let (lo, hi) = if output.element == Type::Int16 { (-32_768, 32_767) } else { (-128, 127) };
    let quantized = |real: f32| zero_point.saturating_add((real / scale).round() as i32);
    let range = match activation {
        0 => (lo, hi),
        1 => (lo.max(quantized(0.0)), hi),
        2 => (lo.max(quantized(-1.0)), hi.min(quantized(1.0))),
        3 => (lo.max(quantized(0.0)), hi.min(quantized(6.0))),
        code => {
            return Err(node.refuse(
                format!("its fused activation {code} is not read"),
                "RELU, RELU6 and RELU_N1_TO_1 are; make TANH an operator of its own",
            ));
        }
    };
    if range.0 > range.1 {
        return Err(node.refuse("its fused activation leaves no output", RECONVERT));
    }
    Ok(range)
}

//! The ends of a graph: what the feature program and the head do in place of its first and last operators.

use std::collections::BTreeSet;

use kinfer::format::{ElementType, NAME_SIZE, Rounding, UNIT_SIZE};

use super::Network;
use super::error::{Error, Result};
use super::lower::code;
use super::schema::{File, Node, RECONVERT, Tensor, Type};
use crate::data::Unit;
use crate::kinf::{AffineSpec, StepSpec};

/// What a raw counter is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Counters {
    /// The integer of the input tensor, int8 or int16, saturated.
    Elements,
    /// The integer of an input of uint8, saturated; the model's QUANTIZE takes 128 away.
    Unsigned,
    /// A real number of an input of float32 in units of `resolution`, quantised with the scale of the model's QUANTIZE: to the nearest,
    /// ties to even.
    Real {
        /// Real size of one unit of the counters.
        resolution: f64,
    },
}

/// What is found.
pub(super) struct Ends<'a> {
    /// The model's input.
    input: Tensor<'a>,
    /// Tensor 0: the input, or what a QUANTIZE makes of it.
    pub(super) first: Tensor<'a>,
    pub(super) counters: Counters,
    /// What the head reads.
    pub(super) scores: Tensor<'a>,
    /// Operators that are not lowered.
    pub(super) left_out: BTreeSet<usize>,
}

pub(super) fn find<'a>(file: &File<'a>) -> Result<Ends<'a>> {
    let one = |tensors: Vec<usize>, what: &str| match tensors[..] {
        [index] => file.tensor(index),
        _ => Err(Error::model(
            format!("the model has {} {what}s", tensors.len()),
            format!(
                "convert a model with one {what}: join its tensors inside the model, or cut off what is not needed"
            ),
        )),
    };
    let numbers = |vector: super::flatbuffer::Vector<'_, 4>| -> Vec<usize> {
        vector.iter().map(|index| i32::from_le_bytes(index) as usize).collect()
    };
    let input = one(numbers(file.inputs), "input")?;
    let output = one(numbers(file.outputs), "output")?;
    let nodes: Vec<Node<'a>> =
        (0..file.operators().min(MAX_NODES)).map(|index| file.node(index)).collect::<Result<_>>()?;
    if file.operators() > MAX_NODES {
        return Err(Error::model(
            format!("the model has {} operators", file.operators()),
            "a .kinf file has at most 64: this is no model for a kernel",
        ));
    }
    let mut left_out = BTreeSet::new();
    let (first, counters) = begin(file, &nodes, &input, &mut left_out)?;
    let scores = end(file, &nodes, output, &mut left_out)?;
    Ok(Ends { input, first, counters, scores, left_out })
}

/// More operators than this are not looked at; a file of ours has 64.
const MAX_NODES: usize = 4_096;

/// Tensor 0, and what makes it.
fn begin<'a>(
    file: &File<'a>,
    nodes: &[Node<'a>],
    input: &Tensor<'a>,
    left_out: &mut BTreeSet<usize>,
) -> Result<(Tensor<'a>, Counters)> {
    let counters = match input.element {
        Type::Int8 | Type::Int16 => return Ok((input.clone(), Counters::Elements)),
        Type::Uint8 => Counters::Unsigned,
        Type::Float32 => Counters::Real { resolution: 1.0 },
        _ => {
            let what = format!("is the model's input, of type {}", input.type_name());
            return Err(input.refuse(what, "inputs are int8, int16, or float32 and uint8 that are quantised at once"));
        }
    };
    let mut readers = nodes.iter().filter(|node| reads(node, input.index));
    let (Some(node), None) = (readers.next(), readers.next()) else {
        return Err(input.refuse(
            format!("is the model's input, of type {}, and not read by one QUANTIZE alone", input.type_name()),
            "convert with full integer quantisation; int8 as type of the input (`inference_input_type`) needs no QUANTIZE",
        ));
    };
    if node.code != code::QUANTIZE {
        return Err(node.refuse(
            format!("computes with the model's input of type {}", input.type_name()),
            "convert with full integer quantisation: int8 weights and activations",
        ));
    }
    let first = output(file, node)?;
    if !matches!(first.element, Type::Int8 | Type::Int16) || first.elements() != input.elements() {
        return Err(node.refuse(format!("makes a tensor of type {}", first.type_name()), RECONVERT));
    }
    if counters == Counters::Unsigned {
        let (from, to) = (input.grid()?, first.grid()?);
        if first.element != Type::Int8 || (from.scale, from.zero_point) != (to.scale, to.zero_point + 128) {
            return Err(node.refuse(
                "its uint8 input and int8 output have other scales or zero points that are not 128 apart",
                "convert the model with `inference_input_type` int8",
            ));
        }
    }
    left_out.insert(node.index);
    Ok((first, counters))
}

/// What the head reads: the tensor before a softmax, dequantisation, maximum.
fn end<'a>(
    file: &File<'a>,
    nodes: &[Node<'a>],
    output: Tensor<'a>,
    left_out: &mut BTreeSet<usize>,
) -> Result<Tensor<'a>> {
    let mut scores = output;
    for node in nodes.iter().rev() {
        if node.outputs.get(0).map(i32::from_le_bytes) != i32::try_from(scores.index).ok()
            || left_out.contains(&node.index)
        {
            continue;
        }
        let index = node.inputs.get(0).and_then(|index| usize::try_from(i32::from_le_bytes(index)).ok());
        let Some(index) = index else { break };
        let before = file.tensor(index)?;
        let orders = |what: &str| {
            let width = before.shape.last().copied().unwrap_or(1);
            if u64::from(width) == before.elements() && width > 1 {
                return Ok(());
            }
            Err(node.refuse(format!("{what} rows of {width} of {} scores", before.elements()), ONE_ROW))
        };
        match node.code {
            code::SOFTMAX => {
                orders("is over")?;
                let beta = node.real(0)?;
                if beta.is_nan() || beta <= 0.0 {
                    return Err(node.refuse("its beta is not above 0, so that it does not keep the order", RECONVERT));
                }
            }
            code::ARG_MAX => orders("is over")?,
            code::DEQUANTIZE => {}
            code::QUANTIZE if scores.element == Type::Uint8 => {
                let (from, to) = (before.grid()?, scores.grid()?);
                if before.element != Type::Int8 || (from.scale, from.zero_point + 128) != (to.scale, to.zero_point) {
                    return Err(node.refuse(
                        "its int8 input and uint8 output have other scales or zero points that are not 128 apart",
                        "convert the model with `inference_output_type` int8",
                    ));
                }
            }
            _ => break,
        }
        if nodes.iter().any(|other| !left_out.contains(&other.index) && reads(other, scores.index)) {
            break;
        }
        left_out.insert(node.index);
        scores = before;
    }
    Ok(scores)
}

const ONE_ROW: &str =
    "a decision is of one row of scores: convert the model with a batch of 1, and cut off other outputs";

fn reads(node: &Node<'_>, tensor: usize) -> bool {
    node.inputs.iter().any(|index| usize::try_from(i32::from_le_bytes(index)) == Ok(tensor))
}

fn output<'a>(file: &File<'a>, node: &Node<'_>) -> Result<Tensor<'a>> {
    match node.outputs.get(0).map(|index| usize::try_from(i32::from_le_bytes(index))) {
        Some(Ok(index)) => file.tensor(index),
        _ => Err(node.refuse("has no output", RECONVERT)),
    }
}

impl Ends<'_> {
    /// Names of the input's elements: the tensor's, as far as a record has room for it with the number.
    pub(super) fn names(&self) -> Vec<String> {
        let elements = self.input.elements();
        let room = NAME_SIZE - 2 - elements.to_string().len();
        let name = if self.input.name.is_empty() { "input" } else { &self.input.name };
        let name: String = name.chars().take(if elements == 1 { NAME_SIZE } else { room }).collect();
        match elements {
            1 => vec![name],
            _ => (0..elements).map(|element| format!("{name}[{element}]")).collect(),
        }
    }
}

impl Network {
    /// Says what a unit of the counters is, for a model whose input is float32: `resolution` of its real units.
    ///
    /// # Errors
    ///
    /// The input is not float32, or the resolution no positive number near its scale.
    pub fn set_resolution(&mut self, resolution: f64) -> Result<()> {
        match &mut self.counters {
            Counters::Real { resolution: unit } if resolution.is_normal() && resolution > 0.0 => *unit = resolution,
            Counters::Real { .. } => {
                let what = format!("a resolution of {resolution} is no positive number");
                return Err(Error::model(what, SHORT));
            }
            _ => {
                let what = "a resolution is given for a model whose input is not float32";
                return Err(Error::model(what, "its counters are the integers of the input: leave the option out"));
            }
        }
        let unit = self.unit();
        if unit.len() > UNIT_SIZE {
            return Err(Error::model(format!("the unit `{unit}` is longer than {UNIT_SIZE} characters"), SHORT));
        }
        self.program = self.steps()?;
        Ok(())
    }

    /// The schema's unit of each counter: a plain number, with its resolution.
    pub(super) fn unit(&self) -> String {
        Unit { resolution: self.resolution(), name: "1".into() }.field()
    }

    /// What one count is worth, in the real units of an input of float32; 1 for others.
    pub(super) fn resolution(&self) -> f64 {
        match self.counters {
            Counters::Real { resolution } => resolution,
            _ => 1.0,
        }
    }

    /// The feature program.
    pub(super) fn steps(&self) -> Result<Vec<StepSpec>> {
        let Some(first) = self.tensors.first() else { return Ok(vec![]) };
        let (lo, hi) = first.element.range();
        let sources = || (0..self.names.len()).map(|source| source as u16);
        let affine = |multiplier: i64, bias: i128, shift: u8| {
            let step =
                move |source| AffineSpec { source, multiplier, bias, shift, rounding: Rounding::HalfEven, lo, hi };
            sources().map(|source| StepSpec::Affine(step(source))).collect()
        };
        Ok(match self.counters {
            Counters::Elements => sources().map(|source| StepSpec::Copy { source, lo, hi }).collect(),
            Counters::Unsigned => affine(1, -128, 0),
            Counters::Real { resolution } => {
                let units = resolution / scale(self);
                // 53 bits of the quotient, or as few as 25 where the step so runs in 64 bits.
                let (all, narrow) = (52 - exponent(units), if first.element == ElementType::I8 { 54 } else { 46 });
                let shift = if narrow + exponent(units) >= 25 { all.min(narrow) } else { all }.clamp(0, 96);
                let multiplier = (units * f64::from(shift).exp2()).round_ties_even();
                if !(1.0..(1i64 << 61) as f64).contains(&multiplier) {
                    return Err(Error::model(
                        format!("a counter's unit of {resolution} is {units:e} of the input's scale"),
                        "give a resolution between 2^-90 and 2^60 times that scale",
                    ));
                }
                affine(multiplier as i64, i128::from(first.zero_point) << shift, shift as u8)
            }
        })
    }

    /// The counters that stand for elements of the input's type.
    pub(super) fn range(&self) -> (i64, i64) {
        let Some(first) = self.tensors.first() else { return (0, 0) };
        let (lo, hi) = first.element.range();
        match self.counters {
            Counters::Elements => (lo.into(), hi.into()),
            Counters::Unsigned => (0, 255),
            Counters::Real { resolution } => {
                let counter = |q: i32| f64::from(q - first.zero_point) * scale(self) / resolution;
                (counter(lo).floor() as i64, counter(hi).ceil() as i64)
            }
        }
    }
}

const SHORT: &str = "give the real size of one unit of the counters in a few digits, as 0.001";

/// Scale of tensor 0.
fn scale(network: &Network) -> f64 {
    network.tensors.first().map_or(1.0, |first| first.scale.to_bits() as f64 / 96f64.exp2())
}

/// The power of two at or below a positive number.
fn exponent(real: f64) -> i32 {
    (real.to_bits() >> 52 & 0x7ff) as i32 - 1023
}

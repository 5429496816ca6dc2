//! Where things lie: activations in scratch, layers and feature program in packed memory.
//!
//! Scratch holds every tensor, one value a word, in the order in which they are written, so that an operator's input
//! always lies before its output. Packed memory holds the schema's ranges, the feature program, then each layer.

use crate::backend::{Backend, Reference};
use crate::format::{ElementType, Model, Operator, Parameters, Rounding};
use crate::ops::requantize::Output;

/// Bytes of a raw counter's range in packed memory: two `i64`.
pub(super) const RANGE_BYTES: usize = 16;
/// Bytes of a program step in packed memory: multiplier, bias, source, shift.
pub(super) const STEP_BYTES: usize = 32;

/// An operator with everything resolved that running it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The operator as the file has it.
    pub operator: Operator,
    /// Elements of its input.
    pub inputs: usize,
    /// Elements of its output.
    pub outputs: usize,
    /// Zero point of its input.
    pub zero_point: i32,
    /// Accumulator → output, what its channels share.
    pub output: Output,
    /// First word of its input in scratch.
    pub input_at: usize,
    /// First word of its output in scratch; never before the input's end.
    pub output_at: usize,
    /// First byte of its packed memory.
    pub memory_at: usize,
    /// Bytes of its packed memory.
    pub memory_bytes: usize,
}

/// The layers of a verified model in the order they run.
pub(super) fn layers<'a>(model: &'a Model<'_>) -> impl Iterator<Item = Layer> + 'a {
    let mut memory_at = program_bytes(model);
    model.operators().iter().map(move |operator| {
        let input = model.tensors().get(usize::from(operator.input));
        let output = model.tensors().get(usize::from(operator.output));
        let (zero_out, (lo, hi)) = output.map_or((0, ElementType::I8.range()), |t| (t.zero_point, t.element.range()));
        let stage = match (operator.parameters, output) {
            (Parameters::Dense(dense), Some(tensor)) => dense.output(&tensor),
            _ => Output { zero_point: zero_out, lo, hi, rounding: Rounding::HalfEven },
        };
        let mut layer = Layer {
            operator,
            inputs: input.map_or(0, |t| t.elements() as usize),
            outputs: output.map_or(0, |t| t.elements() as usize),
            zero_point: input.map_or(0, |t| t.zero_point),
            output: stage,
            input_at: word_of(model, operator.input),
            output_at: word_of(model, operator.output),
            memory_at,
            memory_bytes: 0,
        };
        layer.memory_bytes = Reference.packed_bytes(&layer);
        memory_at = memory_at.saturating_add(layer.memory_bytes);
        layer
    })
}

/// Words of scratch for all activations.
pub(crate) fn scratch_words(model: &Model<'_>) -> usize {
    let written = written(model).map(|tensor| elements(model, tensor));
    written.fold(0, usize::saturating_add)
}

/// Bytes of packed memory for program and layers.
pub(crate) fn packed_bytes(model: &Model<'_>) -> usize {
    layers(model).fold(program_bytes(model), |sum, layer| sum.saturating_add(layer.memory_bytes))
}

/// First word of `tensor` in scratch.
pub(super) fn word_of(model: &Model<'_>, tensor: u16) -> usize {
    let before = written(model).take_while(|&written| written != tensor);
    before.map(|tensor| elements(model, tensor)).fold(0, usize::saturating_add)
}

fn program_bytes(model: &Model<'_>) -> usize {
    let ranges = model.features().len().saturating_mul(RANGE_BYTES);
    ranges.saturating_add(model.program().len().saturating_mul(STEP_BYTES))
}

/// Tensors in the order they are written.
fn written<'a>(model: &'a Model<'_>) -> impl Iterator<Item = u16> + 'a {
    core::iter::once(0).chain(model.operators().iter().map(|operator| operator.output))
}

fn elements(model: &Model<'_>, tensor: u16) -> usize {
    model.tensors().get(usize::from(tensor)).map_or(0, |tensor| tensor.elements() as usize)
}

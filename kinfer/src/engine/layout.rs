//! Where things lie: activations in scratch, layers and feature program in packed memory.
//!
//! Scratch holds every tensor, one value a word, in the order in which they are written, so that an operator's input
//! always lies before its output. Packed memory holds the schema's ranges, the feature program, then each layer.

use crate::backend::{Backend, Reference};
use crate::format::{Model, Operator, OperatorKind, Parameters, Rounding, Tensor};
use crate::ops::requantize::Output;

/// Bytes of a raw counter's range in packed memory: two `i64`.
pub(super) const RANGE_BYTES: usize = 16;
/// Bytes of a program step in packed memory: multiplier, bias, source, shift.
pub(super) const STEP_BYTES: usize = 32;

/// An operator with everything resolved that running it needs. Small: a kernel stack holds a table of them at load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it does.
    pub kind: OperatorKind,
    /// Zero point of its input.
    pub zero_point: i32,
    /// What its channels share; of a clip only the bounds.
    pub output: Output,
    /// Its input, in words of scratch.
    pub input: Span,
    /// Its output, in words of scratch; never before the input's end.
    pub written: Span,
    /// Its packed memory, in bytes.
    pub memory: Span,
}

/// A part of scratch or of packed memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First word or byte.
    pub at: u32,
    /// How many.
    pub len: u32,
}

impl Span {
    /// The part of `all`; empty when it is not all there.
    #[inline]
    pub fn of<T>(self, all: &[T]) -> &[T] {
        all.get(self.at as usize..).and_then(|tail| tail.get(..self.len as usize)).unwrap_or(&[])
    }

    /// As [`Span::of`], to write to.
    #[inline]
    pub fn of_mut<T>(self, all: &mut [T]) -> &mut [T] {
        all.get_mut(self.at as usize..).and_then(|tail| tail.get_mut(..self.len as usize)).unwrap_or_default()
    }

    const fn end(self) -> u32 {
        self.at.saturating_add(self.len)
    }
}

/// Calls `each` with the layers of a verified model in the order they run; gives the bytes of packed memory of all.
pub(super) fn for_each_layer(model: &Model<'_>, mut each: impl FnMut(&Operator, Layer)) -> u32 {
    let mut memory = Span { at: 0, len: program_bytes(model) };
    for operator in model.operators().iter() {
        let tensors = model.tensors();
        let input = tensors.get(usize::from(operator.input));
        let output = tensors.get(usize::from(operator.output));
        let Some((input, output)) = input.zip(output) else { continue };
        let mut layer = Layer {
            kind: operator.kind(),
            zero_point: input.zero_point,
            output: stage(&operator, &output),
            input: words_of(model, operator.input),
            written: words_of(model, operator.output),
            memory: Span { at: memory.end(), len: 0 },
        };
        layer.memory.len = Reference.packed_bytes(&layer);
        memory = layer.memory;
        each(&operator, layer);
    }
    memory.end()
}

/// Bytes of packed memory for program and layers.
pub(crate) fn packed_bytes(model: &Model<'_>) -> usize {
    for_each_layer(model, |_, _| ()) as usize
}

/// Words of scratch for all activations.
pub(crate) fn scratch_words(model: &Model<'_>) -> usize {
    words_of(model, model.tensors().len() as u16).at as usize
}

/// Where `tensor` lies in scratch.
pub(super) fn words_of(model: &Model<'_>, tensor: u16) -> Span {
    let mut at = 0u32;
    for before in model.tensors().iter().take(usize::from(tensor)) {
        at = at.saturating_add(before.elements() as u32);
    }
    let len = model.tensors().get(usize::from(tensor)).map_or(0, |tensor| tensor.elements() as u32);
    Span { at, len }
}

/// Bytes of the schema's ranges and the feature program; the ranges come first.
fn program_bytes(model: &Model<'_>) -> u32 {
    let ranges = model.features().len().saturating_mul(RANGE_BYTES);
    ranges.saturating_add(model.program().len().saturating_mul(STEP_BYTES)) as u32
}

fn stage(operator: &Operator, output: &Tensor) -> Output {
    match operator.parameters {
        Parameters::Dense(dense) => dense.output(output),
        Parameters::Clip(clip) => {
            Output { zero_point: output.zero_point, lo: clip.lo, hi: clip.hi, rounding: Rounding::HalfEven }
        }
    }
}

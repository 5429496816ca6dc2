//! Where things lie: activations in scratch; layers, feature program and parameters in packed memory.
//!
//! Scratch holds every tensor in the order in which they are written, so that an operator's input always lies before its
//! output, and what an operator needs beside them lies behind its output. A reshape writes nothing: its output is its
//! input under another name. Packed memory holds a record for each layer, the feature program, then each layer's
//! parameters.

use heapless::Vec;

use super::span::Span;
use crate::backend::BackendKind;
use crate::features::program;
use crate::format::{Model, OperatorKind, MAX_TENSORS};
use crate::verify::Report;

/// An operator, or a part of one, with everything resolved that running it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it does.
    pub kind: OperatorKind,
    /// Who does it.
    pub path: Path,
    /// Its input, in scratch.
    pub input: Span,
    /// Its second input; empty when it has none.
    pub second: Span,
    /// Its output, in scratch; never before the end of an input.
    pub output: Span,
    /// Its parameters, in packed memory.
    pub memory: Span,
}

/// How a layer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Path {
    /// By the plain backend.
    Reference = 0,
    /// By the packed backend.
    Packed = 1,
    /// As a segment of rows of the packed backend, without going through the operator.
    Rows = 2,
    /// Lists the inputs of such segments that are not zero: the output is the list.
    List = 3,
    /// As [`Path::Rows`], over the list, which is the second input and lies behind the output.
    ListedRows = 4,
    /// Gathers what a window sees of the image: the output is that. The second input's offset is the window's number.
    Window = 5,
    /// As [`Path::Rows`], over a gathered window, which is the second input and lies behind the output.
    WindowRows = 6,
    /// As a chain of small layers. The second input's length is how much of scratch it takes from its output on.
    Chain = 7,
}

impl From<BackendKind> for Path {
    fn from(backend: BackendKind) -> Self {
        match backend {
            BackendKind::Reference => Self::Reference,
            BackendKind::Packed => Self::Packed,
        }
    }
}

/// Words of a [`Layer`] in packed memory.
pub const LAYER_WORDS: usize = 5;

impl Layer {
    pub(super) const fn to_words(self) -> [i64; LAYER_WORDS] {
        let what = (self.kind as i64) | (self.path as i64) << 16;
        [what, self.input.to_word(), self.second.to_word(), self.output.to_word(), self.memory.to_word()]
    }

    #[inline]
    pub(super) const fn path(&[what, ..]: &[i64; LAYER_WORDS]) -> Path {
        match what >> 16 {
            7 => Path::Chain,
            6 => Path::WindowRows,
            5 => Path::Window,
            4 => Path::ListedRows,
            3 => Path::List,
            2 => Path::Rows,
            1 => Path::Packed,
            _ => Path::Reference,
        }
    }

    #[inline]
    pub(super) const fn kind(&[what, ..]: &[i64; LAYER_WORDS]) -> OperatorKind {
        match OperatorKind::from_code(what as u16) {
            Some(kind) => kind,
            None => OperatorKind::Reshape, // does nothing
        }
    }

    /// Input, second input, output, memory.
    #[inline]
    pub(super) const fn spans(&[_, input, second, output, memory]: &[i64; LAYER_WORDS]) -> [Span; 4] {
        [Span::from_word(input), Span::from_word(second), Span::from_word(output), Span::from_word(memory)]
    }
}

/// Where each tensor lies in scratch.
pub(super) type Tensors = Vec<Span, MAX_TENSORS>;

/// Words of packed memory and of scratch for a model whose operators are proved.
#[cfg_attr(kinfer_module, optimize(size))]
pub(crate) fn sizes(model: &Model<'_>, report: &Report) -> (usize, usize) {
    let (mut packed, mut scratch) = (parameters_at(model, report), 0);
    let tensors = tensors(model);
    for (span, proved) in tensors.iter().skip(1).zip(&report.operators) {
        packed = packed.saturating_add(proved.need.words);
        scratch = scratch.max(span.end().div_ceil(2).saturating_add(proved.need.workspace));
    }
    let inputs = tensors.first().map_or(0, |span| span.end().div_ceil(2));
    (packed as usize, scratch.max(inputs) as usize)
}

/// Where tensors lie in scratch: behind the values of the feature program.
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn tensors(model: &Model<'_>) -> Tensors {
    let mut spans = Tensors::new();
    let mut at = program::value_words(model).saturating_mul(2);
    let mut operators = model.operators().iter();
    for tensor in model.tensors().iter() {
        // Tensor 0 is the feature program's.
        let writer = if spans.is_empty() { None } else { operators.next() };
        let alias = writer.filter(|writer| writer.kind() == OperatorKind::Reshape);
        let span = match alias.and_then(|reshape| spans.get(usize::from(reshape.input)).copied()) {
            Some(span) => span,
            None => Span { at, len: tensor.elements() as u32 },
        };
        // Each begins a word.
        at = at.max(span.end().saturating_add(1) & !1);
        // The format allows no more tensors than the table holds.
        let _ = spans.push(span);
    }
    spans
}

/// Records of the plan.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn records(report: &Report) -> usize {
    report.operators.iter().fold(0, |records, proved| records.saturating_add(usize::from(proved.need.records)))
}

/// The feature program in packed memory, behind the records.
pub(super) fn program_span(model: &Model<'_>, report: &Report) -> Span {
    Span { at: records(report).saturating_mul(LAYER_WORDS) as u32, len: program::words(model) }
}

/// The first word of the layers' parameters.
pub(super) fn parameters_at(model: &Model<'_>, report: &Report) -> u32 {
    program_span(model, report).end()
}

//! A dense layer: a word of header, then segments of rows, each a record of its own in the plan. Where zeros are skipped, a
//! record before them lists the inputs that are not zero.

use super::super::{Io, Need};
use super::block::Rows;
use super::rows::{self, run_segment, segments, Packed};
use super::sums::{All, Listed};
use crate::cast::{halves, pair};
use crate::engine::layout::{Layer, Path};
use crate::engine::span::Span;
use crate::format::Dense;
use crate::verify::Node;

/// The zero point of the input, and whether zeros are skipped.
const HEADER_WORDS: usize = 1;
/// What a block's lanes can hold beyond its rows.
const SPARE_WORDS: u32 = 12;

pub(super) fn need(node: &Node<'_>, dense: &Dense) -> Option<Need> {
    let need = rows::need(&rows_of(node, dense)?);
    Some(Need {
        cycles: need.cycles as u32,
        words: need.words.saturating_add(HEADER_WORDS) as u32,
        workspace: SPARE_WORDS.saturating_add(if skips(node, dense) { list_words(node) } else { 0 }),
        lanes: need.lanes,
        records: u16::try_from(need.segments).ok()?.saturating_add(u16::from(skips(node, dense))),
        ..Need::default()
    })
}

/// Outputs from which on a list of inputs is worth making: it costs a dozen instructions an input, and a zero saves one or two
/// an output.
const WORTH_A_LIST: usize = 32;

/// Whether the model allows to skip zeros, and it pays.
fn skips(node: &Node<'_>, dense: &Dense) -> bool {
    dense.skip_zeros && node.outputs() >= WORTH_A_LIST
}

/// How many inputs are listed, then an entry each.
fn list_words(node: &Node<'_>) -> u32 {
    (node.inputs() as u32).saturating_add(1)
}

pub(super) fn pack(node: &Node<'_>, dense: &Dense, memory: &mut [i64]) {
    let Some(rows) = rows_of(node, dense) else { return };
    let Some((header, segments)) = memory.split_first_mut() else { return };
    *header = pair(node.input.zero_point, i32::from(skips(node, dense)));
    rows::pack(&rows, if skips(node, dense) { 0 } else { node.input.zero_point }, segments);
}

/// Calls `each` with the records that run `layer`, which is packed in `memory`.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(crate) fn parts(node: &Node<'_>, dense: &Dense, layer: Layer, memory: &[i64], each: &mut dyn FnMut(Layer)) {
    let (mut path, mut second) = (Path::Rows, Span::default());
    if skips(node, dense) {
        let behind = (layer.output.end().saturating_add(1) & !1).saturating_add(SPARE_WORDS.saturating_mul(2));
        second = Span { at: behind, len: list_words(node).saturating_mul(2) };
        path = Path::ListedRows;
        let memory = Span { len: HEADER_WORDS as u32, ..layer.memory };
        each(Layer { path: Path::List, output: second, memory, ..layer });
    }
    let first = Layer { path, second, ..layer };
    rows_parts(first, layer.output.at, HEADER_WORDS, memory, each);
}

/// Calls `each` with a record for each segment of `memory` behind its header, like `first` but for output and memory; rows go
/// to `at` and on.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn rows_parts(first: Layer, at: u32, header: usize, memory: &[i64], each: &mut dyn FnMut(Layer)) {
    let (mut row, mut word) = (at, first.memory.at.saturating_add(header as u32));
    for Packed { words, rows } in segments(memory.get(header..).unwrap_or_default()) {
        each(Layer { output: Span { at: row, len: rows }, memory: Span { at: word, len: words }, ..first });
        row = row.saturating_add(rows);
        word = word.saturating_add(words);
    }
}

/// Runs one segment. `output` is all that may be written from its first row on: the last word of a segment can have lanes to
/// spare, and what they hold goes behind the output, where nothing is yet.
#[inline]
pub(crate) fn run(memory: &[i64], input: &[i32], output: &mut [i32]) {
    run_segment(memory, All(input), output);
}

/// As [`run`], over the inputs in `list`.
#[inline]
pub(crate) fn run_listed(memory: &[i64], list: &[i64], output: &mut [i32]) {
    run_segment(memory, Listed::new(list), output);
}

/// Lists the inputs that are not at the zero point: how many, then each less the zero point, with its number.
#[inline(never)]
pub(crate) fn list(memory: &[i64], inputs: &[i32], list: &mut [i64]) {
    let (Some(&header), Some((listed, entries))) = (memory.first(), list.split_first_mut()) else { return };
    let (mut count, mut number) = (0usize, 0i32);
    for &input in inputs {
        let centred = input.wrapping_sub(halves(header).0);
        if let Some(entry) = entries.get_mut(count) {
            *entry = pair(centred, number);
        }
        // Without a branch: what is zero is written over by the next.
        count = count.wrapping_add(usize::from(centred != 0));
        number = number.wrapping_add(1);
    }
    *listed = count as i64;
}

/// Runs the whole layer.
#[inline] // not in the kernel's object
pub(super) fn run_all(memory: &[i64], io: Io<'_>) {
    let Some((&header, segments)) = memory.split_first() else { return };
    if halves(header).1 == 0 {
        rows::run(segments, All(io.input), io.output);
    } else {
        list(memory, io.input, io.workspace);
        rows::run(segments, Listed::new(io.workspace), io.output);
    }
}

pub(super) fn rows_of<'n, 'm>(node: &'n Node<'m>, dense: &'n Dense) -> Option<Rows<'n, 'm>> {
    let centred = node.centred().ok()?;
    Some(Rows { node, weights: &dense.weights, len: node.inputs(), count: node.outputs(), centred })
}

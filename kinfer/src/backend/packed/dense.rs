//! A dense layer: a word of header, then segments of rows. Where no zeros are skipped, each segment is a record of its own
//! in the plan.

use super::super::{Io, Need};
use super::block::Rows;
use super::rows::{self, for_each_segment, run_segment};
use super::sums::{Listed, All};
use crate::cast::{halves, pair};
use crate::engine::span::Span;
use crate::format::Dense;
use crate::verify::Node;

/// The zero point of the input, and whether zeros are skipped.
const HEADER_WORDS: usize = 1;
/// What a block's lanes can hold beyond its rows.
const SPARE_WORDS: u32 = 8;

pub(super) fn need(node: &Node<'_>, dense: &Dense) -> Option<Need> {
    let need = rows::need(&rows_of(node, dense)?);
    Some(Need {
        cycles: need.cycles as u32,
        words: need.words.saturating_add(HEADER_WORDS) as u32,
        workspace: if dense.skip_zeros { node.inputs() as u32 } else { SPARE_WORDS },
        lanes: need.lanes,
        records: if dense.skip_zeros { 1 } else { need.segments as u16 },
    })
}

pub(super) fn pack(node: &Node<'_>, dense: &Dense, memory: &mut [i64]) {
    let Some(rows) = rows_of(node, dense) else { return };
    let Some((header, segments)) = memory.split_first_mut() else { return };
    *header = pair(node.input.zero_point, i32::from(dense.skip_zeros));
    rows::pack(&rows, if dense.skip_zeros { 0 } else { node.input.zero_point }, segments);
}

/// Calls `each` with what of the output and of the memory every segment has; not once where zeros are skipped.
pub(crate) fn segments(node: &Node<'_>, dense: &Dense, output: Span, memory: Span, mut each: impl FnMut(Span, Span)) {
    let Some(rows) = rows_of(node, dense).filter(|_| !dense.skip_zeros) else { return };
    let mut at = memory.at.saturating_add(HEADER_WORDS as u32);
    for_each_segment(&rows, |segment| {
        let memory = Span { at, len: segment.words as u32 };
        at = memory.end();
        each(Span { at: output.at.saturating_add(segment.first as u32), len: segment.rows as u32 }, memory);
    });
}

/// Runs one segment. `output` is all that may be written from its first row on: the last word of a segment can have lanes to
/// spare, and what they hold goes behind the output, where nothing is yet.
#[inline]
pub(crate) fn run(memory: &[i64], input: &[i32], output: &mut [i32]) {
    run_segment(memory, All(input), output);
}

/// Runs all segments.
#[inline(never)]
pub(super) fn run_all(memory: &[i64], io: Io<'_>) {
    let Some((&header, segments)) = memory.split_first() else { return };
    match halves(header) {
        (_, 0) => rows::run(segments, All(io.input), io.output),
        (zero_point, _) => {
            let entries = nonzero(io.input, zero_point, io.workspace);
            rows::run(segments, Listed { inputs: io.input.len(), entries }, io.output);
        }
    }
}

/// The inputs that are not at the zero point, less it, with their numbers.
#[inline]
fn nonzero<'w>(inputs: &[i32], zero_point: i32, workspace: &'w mut [i64]) -> &'w [i64] {
    let (mut count, mut number) = (0usize, 0i64);
    for &input in inputs {
        let centred = input.wrapping_sub(zero_point);
        if let Some(entry) = workspace.get_mut(count) {
            *entry = pair(centred, number as i32);
        }
        // Without a branch: what is zero is written over by the next.
        count = count.wrapping_add(usize::from(centred != 0));
        number = number.wrapping_add(1);
    }
    workspace.get(..count).unwrap_or(&[])
}

fn rows_of<'n, 'm>(node: &'n Node<'m>, dense: &'n Dense) -> Option<Rows<'n, 'm>> {
    let centred = node.centred().ok()?;
    Some(Rows { node, weights: &dense.weights, len: node.inputs(), count: node.outputs(), centred })
}

//! Operators that move elements: how long the rows are, and what of them is taken.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::format::{Concat, Slice};
use crate::iter::{chunks, chunks_mut};
use crate::ops::concat::concat;
use crate::ops::slice::slice;
use crate::verify::Node;

pub(super) fn concat_need(node: &Node<'_>, concat: &Concat) -> Need {
    Need { cycles: copied(node, concat.rows), words: 1, ..Need::default() }
}

pub(super) fn concat_pack(node: &Node<'_>, concat: &Concat, memory: &mut [i64]) {
    let width = |elements: u64| elements.checked_div(u64::from(concat.rows)).unwrap_or(0) as i32;
    Writer(memory).pair(width(node.input.elements()), width(node.second.0.elements()));
}

#[inline(always)]
pub(crate) fn concat_run(memory: &[i64], io: Io<'_>) {
    let Some(&widths) = memory.first() else { return };
    let (first, second) = halves(widths);
    let width = first.wrapping_add(second) as usize;
    let rows = chunks(io.input, first as usize).zip(chunks(io.second, second as usize));
    for (out, (first, second)) in chunks_mut(io.output, width).zip(rows) {
        concat(first, second, out);
    }
}

pub(super) fn slice_need(node: &Node<'_>, slice: &Slice) -> Need {
    Need { cycles: copied(node, slice.rows), words: 2, ..Need::default() }
}

pub(super) fn slice_pack(node: &Node<'_>, slice: &Slice, memory: &mut [i64]) {
    let width = node.input.elements().checked_div(u64::from(slice.rows)).unwrap_or(0);
    let mut to = Writer(memory);
    to.pair(width as i32, slice.count as i32);
    to.pair(slice.start as i32, slice.stride as i32);
}

#[inline(always)]
pub(crate) fn slice_run(memory: &[i64], io: Io<'_>) {
    let Some((&[widths, taken], _)) = memory.split_first_chunk::<2>() else { return };
    let ((width, count), (start, stride)) = (halves(widths), halves(taken));
    for (out, row) in chunks_mut(io.output, count as usize).zip(chunks(io.input, width as usize)) {
        slice(start as usize, stride as u32 as usize, row, out);
    }
}

/// A load and a store an element, and a loop a row.
fn copied(node: &Node<'_>, rows: u32) -> u32 {
    (node.outputs() as u32).saturating_add(rows.saturating_mul(6))
}

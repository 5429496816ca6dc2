//! A softmax: zero point and bounds of the output, row length, units of one; then the entries.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::i32s;
use crate::format::{ElementType, Softmax};
use crate::iter::{chunks, chunks_mut};
use crate::ops::divide::Place;
use crate::ops::softmax::{product, row, ENTRIES};
use crate::verify::Node;

const HEADER_WORDS: usize = 3;

pub(super) fn need(node: &Node<'_>, _softmax: &Softmax) -> Need {
    // A division of 64 bits takes 10 cycles and more, and is not pipelined.
    let (each, entries) = match node.input.element {
        ElementType::I8 => (18, ENTRIES),
        _ => (21, ENTRIES.wrapping_mul(2)),
    };
    let cycles = node.outputs().wrapping_mul(each).wrapping_add(15) as u32;
    Need { cycles, words: (entries / 2).wrapping_add(HEADER_WORDS) as u32, ..Need::default() }
}

pub(super) fn pack(node: &Node<'_>, softmax: &Softmax, memory: &mut [i64]) {
    let entries = match node.input.element {
        ElementType::I8 => ENTRIES,
        _ => ENTRIES.wrapping_mul(2),
    };
    let (lo, hi) = node.output.element.range();
    let mut to = Writer(memory);
    to.pair(softmax.row, softmax.units);
    to.pair(node.output.zero_point, i32::from(entries > ENTRIES));
    to.pair(lo, hi);
    to.values(entries / 2, softmax.entries(node.model.data(), entries));
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    let Some((&[of, zero, clamp], entries)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let (length, units) = halves(of);
    let (zero_point, two) = halves(zero);
    let (lo, hi) = halves(clamp);
    let place = Place { zero_point, lo, hi };
    let Some((coarse, rest)) = i32s(entries).split_first_chunk::<ENTRIES>() else { return };
    let fine = rest.first_chunk::<ENTRIES>().filter(|_| two != 0);
    let exp = |d: u32| match fine {
        None => entry(coarse, d),
        Some(fine) => product(entry(coarse, d.wrapping_shr(8)), entry(fine, d)),
    };
    let length = length as usize;
    for (output, input) in chunks_mut(io.output, length).zip(chunks(io.input, length)) {
        row(input, exp, units as u32, place, output);
    }
}

/// Entry `d mod 256`.
#[inline]
fn entry(table: &[i32; ENTRIES], d: u32) -> i32 {
    table.get(usize::from(d as u8)).copied().unwrap_or(0)
}

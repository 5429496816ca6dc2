//! A table: a header, then its entries.
//!
//! A direct table lies in the type of the output, inputs from 0 up first and those from −128 after them, so that the low
//! byte of an input is its index and no bound is left to check.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::{i16s, i16s_mut, i32s, i32s_mut, i8s, i8s_mut};
use crate::format::{ElementType, Lookup, Table};
use crate::iter::numbered;
use crate::ops::table::{interpolate, wrapped_index, Interpolation, DIRECT_ENTRIES};
use crate::verify::Node;

/// What kind of table it is and the bits of an interpolated one, and its bounds.
const HEADER_WORDS: usize = 2;

const INTERPOLATED: i32 = 0;

pub(super) fn need(node: &Node<'_>, table: &Table) -> Need {
    let (each, bytes) = match table.lookup {
        Lookup::Direct => (2, DIRECT_ENTRIES.wrapping_mul(node.output.element.size())),
        Lookup::Interpolated { segment_bits, .. } => (6, knots(segment_bits).wrapping_mul(4)),
    };
    let cycles = node.outputs().wrapping_mul(each).wrapping_add(8) as u32;
    Need { cycles, words: bytes.div_ceil(8).wrapping_add(HEADER_WORDS) as u32, ..Need::default() }
}

pub(super) fn pack(node: &Node<'_>, table: &Table, memory: &mut [i64]) {
    let data = node.model.data();
    let mut to = Writer(memory);
    match table.lookup {
        Lookup::Direct => {
            let element = node.output.element;
            to.pair(element.size() as i32, 0);
            to.word(0);
            let words = to.take(DIRECT_ENTRIES.wrapping_mul(element.size()) / 8);
            for (number, entry) in numbered(table.direct(data, element)) {
                // Entry 0 is that of −128.
                let index = usize::from(wrapped_index(number.wrapping_sub(128) as i32));
                match element {
                    ElementType::I8 => set(i8s_mut(words), index, entry as i8),
                    ElementType::I16 => set(i16s_mut(words), index, entry as i16),
                    ElementType::I32 => set(i32s_mut(words), index, entry),
                }
            }
        }
        Lookup::Interpolated { segment_bits, fraction, lo, hi } => {
            to.pair(INTERPOLATED, segment_bits | fraction.wrapping_shl(8));
            to.pair(lo, hi);
            let count = knots(segment_bits);
            to.values(count.div_ceil(2), table.knots(data, count));
        }
    }
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    let Some((&[what, _], entries)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    match what as i32 {
        1 => look_up(i8s(entries), io),
        2 => look_up(i16s(entries), io),
        4 => look_up(i32s(entries), io),
        _ => look_between(memory, io.input, io.output),
    }
}

/// Not inlined: a direct table, which is the hot one, has no use for its registers.
#[inline(never)]
fn look_between(memory: &[i64], input: &[i32], output: &mut [i32]) {
    let Some((&[what, clamp], entries)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let ((_, bits), (lo, hi)) = (halves(what), halves(clamp));
    let interpolation = Interpolation::new(bits as u8, (bits >> 8) as u8, lo, hi);
    let knots = i32s(entries);
    for (out, &q) in output.iter_mut().zip(input) {
        *out = interpolate(knots, q, interpolation).unwrap_or(lo);
    }
}

#[inline]
fn look_up<T: Copy + Into<i32>>(entries: &[T], io: Io<'_>) {
    let Some(entries) = entries.first_chunk::<DIRECT_ENTRIES>() else { return };
    for (out, &q) in io.output.iter_mut().zip(io.input) {
        if let Some(&entry) = entries.get(usize::from(wrapped_index(q))) {
            *out = entry.into();
        }
    }
}

fn set<T>(entries: &mut [T], index: usize, entry: T) {
    if let Some(to) = entries.get_mut(index) {
        *to = entry;
    }
}

/// Knots of `2^segment_bits` segments; the verifier has looked at the bits.
const fn knots(segment_bits: i32) -> usize {
    1usize.wrapping_shl(segment_bits as u32).wrapping_add(1)
}

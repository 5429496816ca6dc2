//! An additive model: how many terms and scores, where the sums begin, two words a term for its row, the tables.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::i32s;
use crate::format::{entries, Additive};
use crate::iter::chunks;
use crate::ops::additive::{add, row};
use crate::verify::Node;

const TERM_WORDS: usize = 2;

pub(super) fn need(node: &Node<'_>, additive: &Additive) -> Need {
    let (scores, terms) = (node.outputs() as u32, additive.count);
    let rows = additive.terms(node.model.data()).fold(0u32, |rows, term| rows.saturating_add(term.rows()));
    Need {
        // Two loads, four comparisons, a multiply a term; a load, an addition and a store a score of it.
        cycles: terms.saturating_mul(scores.saturating_mul(2).saturating_add(12)).saturating_add(scores),
        words: 1u32
            .saturating_add(scores.div_ceil(2))
            .saturating_add(terms.saturating_mul(TERM_WORDS as u32))
            .saturating_add(rows.saturating_mul(scores).div_ceil(2)),
        ..Need::default()
    }
}

pub(super) fn pack(node: &Node<'_>, additive: &Additive, memory: &mut [i64]) {
    let (data, scores) = (node.model.data(), node.outputs());
    let mut to = Writer(memory);
    to.pair(scores as i32, additive.count as i32);
    to.values(scores.div_ceil(2), additive.bases(data));
    let mut start = 0u32;
    for term in additive.terms(data) {
        let [first, second] = term.elements.map(u32::from);
        let [firsts, seconds] = term.bins;
        to.pair((first | second.wrapping_shl(16)) as i32, start as i32);
        to.pair(i32::from(firsts).saturating_sub(1), i32::from(seconds));
        start = start.saturating_add(term.rows());
    }
    let tables = data.get(additive.tables as usize..).unwrap_or(&[]);
    let count = (start as usize).saturating_mul(scores);
    to.values(count.div_ceil(2), entries(tables));
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    let Some((&[sizes], rest)) = memory.split_first_chunk::<1>() else { return };
    let (scores, terms) = halves(sizes);
    let scores = scores as usize;
    let (bases, rest) = rest.split_at_checked(scores.div_ceil(2)).unwrap_or_default();
    let (terms, tables) = rest.split_at_checked((terms as usize).wrapping_mul(TERM_WORDS)).unwrap_or_default();
    let tables = i32s(tables);
    for (out, &base) in io.output.iter_mut().zip(i32s(bases)) {
        *out = base;
    }
    for term in chunks(terms, TERM_WORDS) {
        let Some(&[reads, bins]) = term.first_chunk::<TERM_WORDS>() else { continue };
        let ((elements, start), (last, seconds)) = (halves(reads), halves(bins));
        let bin = |element: u32| io.input.get(element as usize).copied().unwrap_or(0);
        let (first, second) = (bin(elements as u32 & 0xffff), bin((elements as u32).wrapping_shr(16)));
        let at = row(first, second, last as u16, seconds as u16).wrapping_add(start as u32) as usize;
        add(tables.get(at.wrapping_mul(scores)..).unwrap_or(&[]), io.output);
    }
}

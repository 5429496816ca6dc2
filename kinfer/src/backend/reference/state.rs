//! Operators on the caller's state: where in it, and what all elements share.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::format::{Recall, Remember};
use crate::ops::state::{recall, remember};
use crate::verify::Node;

pub(super) fn recall_need(node: &Node<'_>, _recall: &Recall) -> Need {
    // A load, an addition that saturates, two comparisons, a store.
    Need { cycles: (node.outputs() as u32).saturating_mul(3), words: 2, ..Need::default() }
}

pub(super) fn recall_pack(node: &Node<'_>, recall: &Recall, memory: &mut [i64]) {
    let mut to = Writer(memory);
    to.pair(recall.slot as i32, node.output.zero_point);
    to.pair(recall.lo, recall.hi);
}

#[inline(always)]
pub(crate) fn recall_run(memory: &[i64], io: Io<'_>) {
    let Some((&[place, clamp], _)) = memory.split_first_chunk::<2>() else { return };
    let ((slot, zero_point), (lo, hi)) = (halves(place), halves(clamp));
    let state = io.state.get(slot as u32 as usize..).unwrap_or_default();
    recall(state, zero_point, lo, hi, io.output);
}

pub(super) fn remember_need(node: &Node<'_>, _remember: &Remember) -> Need {
    Need { cycles: (node.outputs() as u32).saturating_mul(2), words: 1, ..Need::default() }
}

pub(super) fn remember_pack(node: &Node<'_>, remember: &Remember, memory: &mut [i64]) {
    Writer(memory).pair(remember.slot as i32, node.input.zero_point);
}

#[inline(always)]
pub(crate) fn remember_run(memory: &[i64], io: Io<'_>) {
    let Some(&place) = memory.first() else { return };
    let (slot, zero_point) = halves(place);
    let state = io.state.get_mut(slot as u32 as usize..).unwrap_or_default();
    remember(io.input, zero_point, state, io.output);
}

//! An operator as a layer of a chain.
//!
//! A dense layer is a block (see `rows`) in the form *multiply*, with one shift for all rows: the largest of theirs, with
//! multiplier and constant of the others moved up by what their own is less.

use super::super::super::Need;
use super::super::block::{Block, Rows};
use super::super::dense::rows_of;
use super::super::finish::Form;
use super::super::rows::{block_words, pack_block};
use super::{HEAD_WORDS, MAX_INPUTS, ROOM};
use crate::cast::{halves, i8s_mut, pair};
use crate::format::{ElementType, Lookup, Parameters, Rounding, Table};
use crate::iter::{chunks_mut, numbered};
use crate::ops::requantize::Factor;
use crate::ops::table::{wrapped_index, DIRECT_ENTRIES};
use crate::verify::weights::accumulator;
use crate::verify::{Interval, Node};

/// Words of a table's entries.
const TABLE_WORDS: usize = DIRECT_ENTRIES / 8;

/// What `node` needs as a layer, `None` when it cannot be one.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn need(node: &Node<'_>) -> Option<Need> {
    let (words, cycles, lanes) = match &node.operator.parameters {
        Parameters::Dense(dense) => {
            let rows = rows_of(node, dense)?;
            let (block, _) = only_block(&rows)?;
            let sums = rows.len.saturating_mul(block.words);
            let cycles = sums.saturating_add(block.form.cycles(&block)).saturating_add(12);
            (block_words(&block, rows.len).saturating_add(HEAD_WORDS), cycles, block.lanes as u8)
        }
        Parameters::Table(table) if is_small(node, table) => (TABLE_WORDS, node.outputs().div_ceil(2), 0),
        _ => return None,
    };
    Some(Need { cycles: cycles as u32, words: words as u32, lanes, ..Need::default() })
}

/// Fills the words that [`need`] told. Whether a table follows is the head's to know.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(crate) fn pack(node: &Node<'_>, table_follows: bool, memory: &mut [i64]) {
    match &node.operator.parameters {
        Parameters::Dense(dense) => {
            let Some(rows) = rows_of(node, dense) else { return };
            let Some((block, shift)) = only_block(&rows) else { return };
            let Some((head, body)) = memory.split_first_chunk_mut::<HEAD_WORDS>() else { return };
            let (output, weights) = (rows.output(), block.words.wrapping_mul(rows.len));
            let full = block.rows.checked_div(block.lanes as usize).unwrap_or(0);
            let rest = block.rows.wrapping_sub(full.wrapping_mul(block.lanes as usize));
            let [i0, i1] = (rows.len as u16).to_ne_bytes();
            let what =
                [block.words as u8, block.lanes as u8, shift, u8::from(table_follows), i0, i1, full as u8, rest as u8];
            *head = [i64::from_ne_bytes(what), pair(output.lo, output.hi)];
            pack_block(&rows, &block, node.input.zero_point, body);
            move_up(body.get_mut(block.words.wrapping_add(weights)..).unwrap_or_default(), shift);
        }
        Parameters::Table(table) => {
            let entries = i8s_mut(memory);
            for (number, entry) in numbered(table.direct(node.model.data(), ElementType::I8)) {
                // Entry 0 is that of −128.
                if let Some(to) = entries.get_mut(usize::from(wrapped_index(number.wrapping_sub(128) as i32))) {
                    *to = entry as i8;
                }
            }
        }
        _ => {}
    }
}

/// Gives all rows the same `shift`.
fn move_up(constants: &mut [i64], shift: u8) {
    for row in chunks_mut(constants, 2) {
        let [factor, constant] = row else { return };
        let (multiplier, own) = halves(*factor);
        let up = u32::from(shift).wrapping_sub(own as u32);
        (*factor, *constant) = (i64::from(multiplier).wrapping_shl(up), constant.wrapping_shl(up));
    }
}

/// The block that all rows make, and their shift; `None` when they make several, or cannot do with *multiply* and one shift.
fn only_block(rows: &Rows<'_, '_>) -> Option<(Block, u8)> {
    if rows.count > ROOM || rows.len > MAX_INPUTS {
        return None;
    }
    let mut block = rows.block(0);
    if block.rows < rows.count || !matches!(block.form, Form::InLanes { .. } | Form::Multiply) {
        return None;
    }
    block.form = Form::Multiply;
    let (mut shift, output) = (0, rows.output());
    for channel in rows.channels(0) {
        shift = channel.factor.shift.max(shift);
    }
    for channel in rows.channels(0) {
        let sum = accumulator(&channel, rows.centred)?;
        if !fits_moved(sum, channel.factor, shift, output.zero_point, output.rounding) {
            return None;
        }
    }
    Some((block, shift))
}

/// Whether what is shifted down by `shift` in the end fits 64 bits. It may leave them on the way.
#[inline(never)] // for size, shifts of 128 bits would be calls that the kernel does not have
fn fits_moved(sum: Interval, factor: Factor, shift: u8, zero_point: i32, rounding: Rounding) -> bool {
    let own = u32::from(factor.shift);
    if shift > 62 {
        return false;
    }
    let half = match rounding {
        Rounding::Shift => 0,
        _ => 1i128.wrapping_shl(own) >> 1,
    };
    let more = half.wrapping_add(i128::from(zero_point).wrapping_shl(own));
    [sum.lo, sum.hi].iter().all(|&end| {
        let product = i128::from(end).wrapping_mul(i128::from(factor.multiplier)).wrapping_add(more);
        // It fits before it is moved, so that moving it by at most 62 bits does not leave 128.
        let moved =
            i64::try_from(product).map(|product| i128::from(product).wrapping_shl(u32::from(shift).wrapping_sub(own)));
        moved.is_ok_and(|moved| i64::try_from(moved).is_ok())
    })
}

/// Whether a table is one of int8 for int8, and its values fit.
fn is_small(node: &Node<'_>, table: &Table) -> bool {
    table.lookup == Lookup::Direct && node.output.element == ElementType::I8 && node.outputs() <= ROOM
}

//! A dense layer: a header, then blocks of rows.

use super::super::{Io, Need};
use super::block::Rows;
use super::rows;
use crate::cast::halves;
use crate::format::{Dense, Rounding};
use crate::ops::requantize::Output;
use crate::verify::Node;

/// Zero point of the input and whether to skip it; what all rows share.
const HEADER_WORDS: usize = 3;

pub(super) fn need(node: &Node<'_>, dense: &Dense) -> Option<Need> {
    let rows = rows_of(node, dense)?;
    let need = rows::need(&rows);
    Some(Need {
        cycles: need.cycles.saturating_add(12) as u32,
        words: need.words.saturating_add(HEADER_WORDS) as u32,
        workspace: if dense.skip_zeros { node.inputs() as u32 } else { 0 },
        lanes: need.lanes,
    })
}

pub(super) fn pack(node: &Node<'_>, dense: &Dense, memory: &mut [i64]) {
    let Some(rows) = rows_of(node, dense) else { return };
    let Some((header, blocks)) = memory.split_first_chunk_mut::<HEADER_WORDS>() else { return };
    let output = rows.output();
    *header = [
        crate::cast::pair(node.input.zero_point, i32::from(dense.skip_zeros)),
        crate::cast::pair(output.zero_point, i32::from(output.rounding as u8)),
        crate::cast::pair(output.lo, output.hi),
    ];
    rows::pack(&rows, if dense.skip_zeros { 0 } else { node.input.zero_point }, blocks);
}

#[inline]
pub(super) fn run(memory: &[i64], io: Io<'_>) {
    let Some((&[input, output, clamp], blocks)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let (zero_in, skip) = halves(input);
    let (zero_point, rounding) = halves(output);
    let (lo, hi) = halves(clamp);
    let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
    let shared = Output { zero_point, lo, hi, rounding };
    if skip == 0 {
        rows::run(blocks, io.input, &shared, io.output);
    } else {
        let entries = nonzero(io.input, zero_in, io.workspace);
        rows::run_sparse(blocks, io.input.len(), entries, &shared, io.output);
    }
}

/// The inputs that are not at the zero point, less it, with their numbers.
#[inline]
fn nonzero<'w>(inputs: &[i32], zero_point: i32, workspace: &'w mut [i64]) -> &'w [i64] {
    let (mut count, mut number) = (0usize, 0i64);
    for &input in inputs {
        let centred = input.wrapping_sub(zero_point);
        if let Some(entry) = workspace.get_mut(count) {
            *entry = i64::from(centred as u32) | number.wrapping_shl(32);
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

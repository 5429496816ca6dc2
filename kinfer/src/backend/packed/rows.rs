//! Blocks of rows in packed memory, and their sums.
//!
//! A block: a word that says what it is, a bias for each of its words, for each input the block's words of weights, then
//! the constants of its form.

use super::block::{Block, Lanes, Rows, MAX_WORDS};
use super::finish::{finish, lane_bias, pack_in_lanes, pack_row, Form};
use crate::cast::arrays;
use crate::iter::chunks_mut;
use crate::ops::requantize::Output;

/// What rows need: words of memory, cycles, and the lanes of most rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowsNeed {
    pub(super) words: usize,
    pub(super) cycles: usize,
    pub(super) lanes: u8,
}

/// What `rows` need.
pub(super) fn need(rows: &Rows<'_, '_>) -> RowsNeed {
    let mut all = RowsNeed::default();
    let mut by_lanes = [0usize; 5];
    rows.for_each_block(|block| {
        all.words = all.words.saturating_add(words(&block, rows.len));
        let sums = rows.len.saturating_mul(block.words);
        all.cycles = all.cycles.saturating_add(sums).saturating_add(block.form.cycles(&block)).saturating_add(8);
        if let Some(count) = by_lanes.get_mut(block.lanes as usize) {
            *count = count.saturating_add(block.rows);
        }
    });
    all.lanes = (0u8..).zip(by_lanes).max_by_key(|&(_, rows)| rows).map_or(1, |(lanes, _)| lanes);
    all
}

/// Words of a block.
fn words(block: &Block, inputs: usize) -> usize {
    let sums = block.words.saturating_mul(inputs.saturating_add(1));
    sums.saturating_add(block.form.words(block)).saturating_add(1)
}

/// Lays the blocks out. `folded` is the zero point that inputs come with: what it adds to the sums is taken off their
/// biases.
pub(super) fn pack(rows: &Rows<'_, '_>, folded: i32, mut memory: &mut [i64]) {
    rows.for_each_block(|block| {
        let all = core::mem::take(&mut memory);
        let (here, rest) = all.split_at_mut_checked(words(&block, rows.len)).unwrap_or_default();
        pack_block(rows, &block, folded, here);
        memory = rest;
    });
}

fn pack_block(rows: &Rows<'_, '_>, block: &Block, folded: i32, memory: &mut [i64]) {
    let output = rows.output();
    let shift = match block.form {
        Form::InLanes { shift } => shift,
        _ => 0,
    };
    let Some((head, rest)) = memory.split_first_mut() else { return };
    *head = i64::from_le_bytes([
        block.lanes as u8,
        block.words as u8,
        block.form.code(),
        shift,
        block.rows as u8,
        block.form.words(block) as u8,
        0,
        0,
    ]);
    let (biases, rest) = rest.split_at_mut_checked(block.words).unwrap_or_default();
    let weights_words = block.words.saturating_mul(rows.len);
    let (weights, constants) = rest.split_at_mut_checked(weights_words).unwrap_or_default();
    biases.fill(0);
    weights.fill(0);

    if let Form::InLanes { shift } = block.form {
        pack_in_lanes(shift, block.lanes, output, constants);
    }
    let row_constants = block.form.words(block).checked_div(block.rows).unwrap_or(0);
    let mut constants = chunks_mut(constants, row_constants);
    let offset = lane_bias(block.form, block.lanes, output);
    let (mut word, mut lane) = (0usize, 0u32);
    for channel in rows.channels(block.first).take(block.rows) {
        let position = lane.wrapping_mul(block.lanes.bits());
        let mut sum = 0i64;
        // Column `word` of the weights, one row an input.
        let column = weights.iter_mut().skip(word).step_by(block.words);
        for (to, weight) in column.zip(channel.weights()) {
            *to = to.wrapping_add(weight.wrapping_shl(position));
            sum = sum.wrapping_add(weight);
        }
        if let Some(bias) = biases.get_mut(word) {
            let start = channel.bias.wrapping_sub(sum.wrapping_mul(i64::from(folded))).wrapping_add(offset);
            *bias = bias.wrapping_add(start.wrapping_shl(position));
        }
        if !matches!(block.form, Form::InLanes { .. }) {
            if let Some(to) = constants.next() {
                pack_row(block.form, block.lanes, &channel, output, to);
            }
        }
        lane = lane.wrapping_add(1);
        if lane >= u32::from(block.lanes as u8) {
            (word, lane) = (word.wrapping_add(1), 0);
        }
    }
}

/// Sums and finishes all blocks over dense inputs.
#[inline]
pub(super) fn run(memory: &[i64], inputs: &[i32], shared: &Output, output: &mut [i32]) {
    run_blocks(memory, inputs.len(), shared, output, |words, biases, weights| match words {
        4 => sum_dense::<4>(biases, weights, inputs),
        3 => sum_dense::<3>(biases, weights, inputs),
        2 => sum_dense::<2>(biases, weights, inputs),
        _ => sum_dense::<1>(biases, weights, inputs),
    });
}

/// As [`run`], over some inputs only: each entry holds a value in its low half and the number of its input in the high.
#[inline]
pub(super) fn run_sparse(memory: &[i64], inputs: usize, entries: &[i64], shared: &Output, output: &mut [i32]) {
    run_blocks(memory, inputs, shared, output, |words, biases, weights| match words {
        4 => sum_sparse::<4>(biases, weights, entries),
        3 => sum_sparse::<3>(biases, weights, entries),
        2 => sum_sparse::<2>(biases, weights, entries),
        _ => sum_sparse::<1>(biases, weights, entries),
    });
}

#[inline]
fn run_blocks(
    mut memory: &[i64],
    inputs: usize,
    shared: &Output,
    mut output: &mut [i32],
    sum: impl Fn(u8, &[i64], &[i64]) -> [i64; MAX_WORDS],
) {
    while let Some((head, rest)) = memory.split_first() {
        let [lanes, words, form, shift, rows, constants, ..] = head.to_le_bytes();
        let Some((biases, rest)) = rest.split_at_checked(usize::from(words)) else { return };
        let Some((weights, rest)) = rest.split_at_checked(inputs.wrapping_mul(usize::from(words))) else { return };
        let Some((constants, rest)) = rest.split_at_checked(usize::from(constants)) else { return };
        let (here, behind) = core::mem::take(&mut output).split_at_mut_checked(usize::from(rows)).unwrap_or_default();
        let sums = sum(words, biases, weights);
        let sums = sums.get(..usize::from(words)).unwrap_or(&[]);
        finish(form, shift, Lanes::from_code(lanes), sums, constants, shared, here);
        (memory, output) = (rest, behind);
    }
}

#[inline]
fn sum_dense<const W: usize>(biases: &[i64], weights: &[i64], inputs: &[i32]) -> [i64; MAX_WORDS] {
    let mut sums = biases.first_chunk::<W>().copied().unwrap_or([0; W]);
    let columns: &[[i64; W]] = arrays(weights);
    for (words, &input) in columns.iter().zip(inputs) {
        let input = i64::from(input);
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(word.wrapping_mul(input));
        }
    }
    widened(sums)
}

#[inline]
fn sum_sparse<const W: usize>(biases: &[i64], weights: &[i64], entries: &[i64]) -> [i64; MAX_WORDS] {
    let mut sums = biases.first_chunk::<W>().copied().unwrap_or([0; W]);
    let columns: &[[i64; W]] = arrays(weights);
    for &entry in entries {
        let Some(words) = columns.get((entry as u64).wrapping_shr(32) as usize) else { continue };
        let input = i64::from(entry as i32);
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(word.wrapping_mul(input));
        }
    }
    widened(sums)
}

#[inline]
fn widened<const W: usize>(sums: [i64; W]) -> [i64; MAX_WORDS] {
    let mut all = [0; MAX_WORDS];
    for (to, sum) in all.iter_mut().zip(sums) {
        *to = sum;
    }
    all
}

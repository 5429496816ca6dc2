//! Rows of weights in packed memory: segments of blocks of one kind.
//!
//! A segment: a word that says what its blocks are, three constants when they finish in the lanes, then the blocks. A
//! block: a bias for each of its words, for each input the block's words of weights, then the constants of its rows.

use super::block::{Block, Lanes, Rows};
use super::finish::{
    lane_bias, pack_in_lanes, pack_row, Finish, Form, HalfEven, InLanes, Multiply, Plain, IN_LANES_WORDS,
};
use super::sums::{Dense, Sparse, Sums};
use crate::iter::{chunks, chunks_mut};
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
    rows.for_each_segment(|block, blocks| {
        all.words = all.words.saturating_add(segment_words(&block, blocks, rows.len));
        let block_cycles = rows.len.saturating_mul(block.words).saturating_add(block.form.cycles(&block));
        all.cycles = all.cycles.saturating_add(blocks.saturating_mul(block_cycles.saturating_add(4))).saturating_add(12);
        if let Some(count) = by_lanes.get_mut(block.lanes as usize) {
            *count = count.saturating_add(blocks.saturating_mul(block.rows));
        }
    });
    all.lanes = (0u8..).zip(by_lanes).max_by_key(|&(_, rows)| rows).map_or(1, |(lanes, _)| lanes);
    all
}

fn segment_words(block: &Block, blocks: usize, inputs: usize) -> usize {
    let head = match block.form {
        Form::InLanes { .. } => IN_LANES_WORDS.saturating_add(1),
        _ => 1,
    };
    block_words(block, inputs).saturating_mul(blocks).saturating_add(head)
}

fn block_words(block: &Block, inputs: usize) -> usize {
    block.words.saturating_mul(inputs.saturating_add(1)).saturating_add(block.form.words(block))
}

/// Lays the segments out. `folded` is the zero point that inputs come with: what it adds to the sums is taken off their
/// biases.
pub(super) fn pack(rows: &Rows<'_, '_>, folded: i32, mut memory: &mut [i64]) {
    rows.for_each_segment(|block, blocks| {
        let words = segment_words(&block, blocks, rows.len);
        let (here, rest) = core::mem::take(&mut memory).split_at_mut_checked(words).unwrap_or_default();
        memory = rest;
        let Some((head, mut here)) = here.split_first_mut() else { return };
        let mut shift = 0;
        if let Form::InLanes { shift: of_scale } = block.form {
            let (constants, rest) = here.split_at_mut_checked(IN_LANES_WORDS).unwrap_or_default();
            pack_in_lanes(of_scale, block.lanes, rows.output(), constants);
            (shift, here) = (of_scale, rest);
        }
        let [b0, b1, b2, b3] = (here.len() as u32).to_le_bytes();
        let kind = kind(block.form, block.lanes);
        *head = i64::from_le_bytes([kind, block.words as u8, shift, block.form.words(&block) as u8, b0, b1, b2, b3]);
        let mut first = block.first;
        for to in chunks_mut(here, block_words(&block, rows.len)) {
            pack_block(rows, &Block { first, ..block }, folded, to);
            first = first.saturating_add(block.rows);
        }
    });
}

fn pack_block(rows: &Rows<'_, '_>, block: &Block, folded: i32, memory: &mut [i64]) {
    let output = rows.output();
    memory.fill(0);
    let (biases, rest) = memory.split_at_mut_checked(block.words).unwrap_or_default();
    let (weights, constants) = rest.split_at_mut_checked(block.words.saturating_mul(rows.len)).unwrap_or_default();
    let row_constants = block.form.words(block).checked_div(block.padded_rows()).unwrap_or(0);
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
        if let Some(to) = constants.next() {
            pack_row(block.form, block.lanes, &channel, output, to);
        }
        lane = lane.wrapping_add(1);
        if lane >= u32::from(block.lanes as u8) {
            (word, lane) = (word.wrapping_add(1), 0);
        }
    }
}

/// Form and lanes in a byte.
const fn kind(form: Form, lanes: Lanes) -> u8 {
    form.code() << 4 | lanes as u8
}

/// Sums and finishes all rows over all inputs.
#[inline]
pub(super) fn run(memory: &[i64], inputs: &[i32], shared: &Output, output: &mut [i32]) {
    run_segments(memory, Dense(inputs), shared, output);
}

/// As [`run`], over some of `inputs` inputs only: each entry holds a value in its low half and the number of its input in
/// the high.
#[inline]
pub(super) fn run_sparse(memory: &[i64], inputs: usize, entries: &[i64], shared: &Output, output: &mut [i32]) {
    run_segments(memory, Sparse { inputs, entries }, shared, output);
}

#[inline]
fn run_segments<S: Sums>(mut memory: &[i64], sums: S, shared: &Output, mut output: &mut [i32]) {
    let Output { lo, hi, .. } = *shared;
    while let Some((head, mut rest)) = memory.split_first() {
        let [kind, words, shift, constants, b0, b1, b2, b3] = head.to_le_bytes();
        let mut in_lanes = [0; IN_LANES_WORDS];
        if kind >> 4 == 0 {
            let Some((constants, behind)) = rest.split_first_chunk() else { return };
            (in_lanes, rest) = (*constants, behind);
        }
        let all = u32::from_le_bytes([b0, b1, b2, b3]) as usize;
        let Some((blocks, behind)) = rest.split_at_checked(all) else { return };
        let segment = Segment { blocks, words, constants: usize::from(constants), sums, output };
        let (lo_wide, hi_wide) = (i64::from(lo), i64::from(hi));
        output = match kind {
            0x04 => segment.run(InLanes::<16, 4>::new(shift, lo, &in_lanes)),
            0x03 => segment.run(InLanes::<21, 3>::new(shift, lo, &in_lanes)),
            0x02 => segment.run(InLanes::<32, 2>::new(shift, lo, &in_lanes)),
            0x14 => segment.run(Multiply::<16, 4> { lo: lo_wide, hi: hi_wide }),
            0x13 => segment.run(Multiply::<21, 3> { lo: lo_wide, hi: hi_wide }),
            0x12 => segment.run(Multiply::<32, 2> { lo: lo_wide, hi: hi_wide }),
            0x11 => segment.run(Multiply::<64, 1> { lo: lo_wide, hi: hi_wide }),
            0x24 => segment.run(HalfEven { lanes: Lanes::Four, shared: *shared }),
            0x23 => segment.run(HalfEven { lanes: Lanes::Three, shared: *shared }),
            0x22 => segment.run(HalfEven { lanes: Lanes::Two, shared: *shared }),
            0x21 => segment.run(HalfEven { lanes: Lanes::One, shared: *shared }),
            0x34 => segment.run(Plain { lanes: Lanes::Four, shared: *shared }),
            0x33 => segment.run(Plain { lanes: Lanes::Three, shared: *shared }),
            0x32 => segment.run(Plain { lanes: Lanes::Two, shared: *shared }),
            _ => segment.run(Plain { lanes: Lanes::One, shared: *shared }),
        };
        memory = behind;
    }
}

/// A segment about to run.
struct Segment<'m, 'o, S> {
    blocks: &'m [i64],
    words: u8,
    constants: usize,
    sums: S,
    output: &'o mut [i32],
}

impl<'o, S: Sums> Segment<'_, 'o, S> {
    /// Runs all blocks; what of the output is behind them.
    #[inline]
    fn run<F: Finish>(self, finish: F) -> &'o mut [i32] {
        let Self { blocks, words, constants, sums, output } = self;
        match words {
            4 => run_blocks::<S, F, 4>(blocks, constants, sums, finish, output),
            2 => run_blocks::<S, F, 2>(blocks, constants, sums, finish, output),
            _ => run_blocks::<S, F, 1>(blocks, constants, sums, finish, output),
        }
    }
}

/// A function for each kind of block, so that each has the registers to itself.
#[inline(never)]
fn run_blocks<'o, S: Sums, F: Finish, const W: usize>(
    blocks: &[i64],
    constants: usize,
    sums: S,
    finish: F,
    mut output: &'o mut [i32],
) -> &'o mut [i32] {
    let weights_words = sums.inputs().wrapping_mul(W);
    let block_words = weights_words.wrapping_add(W).wrapping_add(constants);
    for block in chunks(blocks, block_words) {
        let Some((biases, rest)) = block.split_first_chunk::<W>() else { return output };
        let Some((weights, constants)) = rest.split_at_checked(weights_words) else { return output };
        let sums = sums.sum(*biases, weights);
        output = finish.finish(sums, constants, output);
    }
    output
}

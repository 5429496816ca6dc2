//! Rows of weights in packed memory: segments of blocks of one kind.
//!
//! A segment: a head that says what its blocks are and what all rows share, then the blocks. A block: a bias for each of
//! its words, for each input the block's words of weights, then the constants of its rows.

use super::block::{Block, Lanes, Rows};
use super::finish::{
    in_lanes_constants, lane_bias, pack_row, Finish, Form, HalfEven, InLanes, Multiply, Plain, IN_LANES_WORDS,
};
use super::sums::Sums;
use crate::cast::{halves, pair};
use crate::format::Rounding;
use crate::iter::{chunks, chunks_mut};
use crate::ops::requantize::Output;

/// What the blocks are; zero point and rounding, smallest and largest output; the constants of [`Form::InLanes`].
const HEAD_WORDS: usize = 3 + IN_LANES_WORDS;

/// What rows need: words of memory, cycles, segments, and the lanes of most rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowsNeed {
    pub(super) words: usize,
    pub(super) cycles: usize,
    pub(super) segments: usize,
    pub(super) lanes: u8,
}

/// What `rows` need.
pub(super) fn need(rows: &Rows<'_, '_>) -> RowsNeed {
    let mut all = RowsNeed::default();
    let mut by_lanes = [0usize; 5];
    for_each_segment(rows, |segment| {
        let Segment { block, blocks, words, rows: count, .. } = segment;
        let block_cycles = rows.len.saturating_mul(block.words).saturating_add(block.form.cycles(&block));
        all.cycles = all.cycles.saturating_add(blocks.saturating_mul(block_cycles.saturating_add(4))).saturating_add(25);
        all.words = all.words.saturating_add(words);
        all.segments = all.segments.saturating_add(1);
        if let Some(by) = by_lanes.get_mut(block.lanes as usize) {
            *by = by.saturating_add(count);
        }
    });
    all.lanes = (0u8..).zip(by_lanes).max_by_key(|&(_, rows)| rows).map_or(1, |(lanes, _)| lanes);
    all
}

/// A segment in packed memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Its first block.
    block: Block,
    blocks: usize,
    /// Words of memory.
    pub(super) words: usize,
    /// Its first row, and how many there are.
    pub(super) first: usize,
    pub(super) rows: usize,
}

/// Calls `each` with the segments of `rows`, which lie in memory one after the other.
pub(super) fn for_each_segment(rows: &Rows<'_, '_>, mut each: impl FnMut(Segment)) {
    rows.for_each_segment(|block, blocks| {
        let words = block_words(&block, rows.len).saturating_mul(blocks).saturating_add(HEAD_WORDS);
        let end = block.rows.saturating_mul(blocks).saturating_add(block.first).min(rows.count);
        each(Segment { block, blocks, words, first: block.first, rows: end.saturating_sub(block.first) });
    });
}

fn block_words(block: &Block, inputs: usize) -> usize {
    block.words.saturating_mul(inputs.saturating_add(1)).saturating_add(block.form.words(block))
}

/// Lays the segments out. `folded` is the zero point that inputs come with: what it adds to the sums is taken off their
/// biases.
pub(super) fn pack(rows: &Rows<'_, '_>, folded: i32, mut memory: &mut [i64]) {
    for_each_segment(rows, |Segment { block, words, .. }| {
        let (here, rest) = core::mem::take(&mut memory).split_at_mut_checked(words).unwrap_or_default();
        memory = rest;
        let Some((head, blocks)) = here.split_first_chunk_mut::<HEAD_WORDS>() else { return };
        let output = rows.output();
        let [b0, b1, b2, b3] = (blocks.len() as u32).to_le_bytes();
        let constants = block.form.words(&block) as u8;
        let (shift, in_lanes) = match block.form {
            Form::InLanes { shift } => (shift, in_lanes_constants(shift, block.lanes, output)),
            _ => (0, [0; IN_LANES_WORDS]),
        };
        let what = [kind(block.form, block.lanes), block.words as u8, shift, constants, b0, b1, b2, b3];
        let [low, room, span] = in_lanes;
        *head = [
            i64::from_le_bytes(what),
            pair(output.zero_point, i32::from(output.rounding as u8)),
            pair(output.lo, output.hi),
            low,
            room,
            span,
        ];
        let mut first = block.first;
        for to in chunks_mut(blocks, block_words(&block, rows.len)) {
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

/// Sums and finishes the rows of all segments in `memory`.
#[inline]
pub(super) fn run<S: Sums>(mut memory: &[i64], sums: S, mut output: &mut [i32]) {
    while !memory.is_empty() {
        (memory, output) = run_segment(memory, sums, output);
    }
}

/// Sums and finishes the rows of the first segment in `memory`; what of memory and output is behind it.
#[inline(always)]
pub(super) fn run_segment<'m, 'o, S: Sums>(
    memory: &'m [i64],
    sums: S,
    output: &'o mut [i32],
) -> (&'m [i64], &'o mut [i32]) {
    let Some((&[what, shared, clamp, low, room, span], rest)) = memory.split_first_chunk::<HEAD_WORDS>() else {
        return (&[], output);
    };
    let Some((blocks, behind)) = rest.split_at_checked((what as u64).wrapping_shr(32) as usize) else {
        return (&[], output);
    };
    let [kind, words, shift, constants, ..] = what.to_le_bytes();
    let (lo, hi) = halves(clamp);
    let (zero_point, rounding) = halves(shared);
    let all = || {
        let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
        Output { zero_point, lo, hi, rounding }
    };
    let in_lanes = [low, room, span];
    let (lo_wide, hi_wide) = (i64::from(lo), i64::from(hi));
    let segment = Blocks { blocks, words, constants: usize::from(constants), sums, output };
    let output = match kind {
        0x03 => segment.run(InLanes::<21, 3>::new(shift, lo, &in_lanes)),
        0x04 => segment.run(InLanes::<16, 4>::new(shift, lo, &in_lanes)),
        0x02 => segment.run(InLanes::<32, 2>::new(shift, lo, &in_lanes)),
        0x11 => segment.run(Multiply::<64, 1, 2> { lo: lo_wide, hi: hi_wide }),
        0x12 => segment.run(Multiply::<32, 2, 4> { lo: lo_wide, hi: hi_wide }),
        0x13 => segment.run(Multiply::<21, 3, 6> { lo: lo_wide, hi: hi_wide }),
        0x14 => segment.run(Multiply::<16, 4, 8> { lo: lo_wide, hi: hi_wide }),
        0x21..=0x24 => segment.run(HalfEven { lanes: kind & 7, shared: all() }),
        _ => segment.run(Plain { lanes: kind & 7, shared: all() }),
    };
    (behind, output)
}

/// The blocks of a segment, about to run.
struct Blocks<'m, 'o, S> {
    blocks: &'m [i64],
    words: u8,
    constants: usize,
    sums: S,
    output: &'o mut [i32],
}

impl<'o, S: Sums> Blocks<'_, 'o, S> {
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

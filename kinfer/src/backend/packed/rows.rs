//! Rows of weights in packed memory: segments of blocks of one kind.
//!
//! A segment: a head that says what its blocks are and what all rows share, then the blocks. A block: a bias for each of
//! its words, for each input the block's words of weights, then the constants of its rows.

use super::block::{Block, Lanes, Rows};
use super::finish::{in_lanes_constants, lane_bias, pack_row, Common, Finish, Form, Rare, IN_LANES_WORDS};
use super::sums::Sums;
use crate::cast::{halves, pair};
use crate::format::Rounding;
use crate::iter::{chunks, chunks_mut, numbered};
use crate::ops::requantize::Output;

/// What the blocks are; their words; the words of a block and of its weights; zero point and rounding; smallest and largest
/// output; the constants of [`Form::InLanes`].
const HEAD_WORDS: usize = 5 + IN_LANES_WORDS;

/// What rows need: words of memory, cycles, segments, and the lanes of most rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowsNeed {
    pub(super) words: usize,
    pub(super) cycles: usize,
    pub(super) segments: usize,
    pub(super) lanes: u8,
}

/// What `rows` need.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn need(rows: &Rows<'_, '_>) -> RowsNeed {
    let mut all = RowsNeed::default();
    let mut by_lanes = [0usize; 5];
    for_each_segment(rows, &mut |segment| all.add(&segment, rows.len, &mut by_lanes));
    all.lanes = numbered(by_lanes).max_by_key(|&(_, rows)| rows).map_or(1, |(lanes, _)| lanes as u8);
    all
}

impl RowsNeed {
    /// Adds a segment, and its rows to those of its lanes.
    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn add(&mut self, segment: &Segment, row: usize, by_lanes: &mut [usize; 5]) {
        let Segment { block, blocks, words, rows } = *segment;
        let block_cycles = row.saturating_mul(block.words).saturating_add(block.form.cycles(&block));
        self.cycles =
            self.cycles.saturating_add(blocks.saturating_mul(block_cycles.saturating_add(4))).saturating_add(25);
        self.words = self.words.saturating_add(words);
        self.segments = self.segments.saturating_add(1);
        if let Some(by) = by_lanes.get_mut(block.lanes as usize) {
            *by = by.saturating_add(rows);
        }
    }
}

/// A segment before it is packed.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Its first block.
    block: Block,
    blocks: usize,
    /// Words of memory.
    words: usize,
    /// How many rows there are.
    rows: usize,
}

/// Calls `each` with the segments of `rows`, which lie in memory one after the other.
#[cfg_attr(kinfer_module, optimize(size))]
fn for_each_segment(rows: &Rows<'_, '_>, each: &mut dyn FnMut(Segment)) {
    rows.for_each_segment(&mut |block, blocks| {
        let words = block_words(&block, rows.len).saturating_mul(blocks).saturating_add(HEAD_WORDS);
        let end = block.rows.saturating_mul(blocks).saturating_add(block.first).min(rows.count);
        each(Segment { block, blocks, words, rows: end.saturating_sub(block.first) });
    });
}

/// A segment in packed memory: its words, and how many rows it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    pub(super) words: u32,
    pub(super) rows: u32,
}

/// The segments in `memory`.
pub(super) fn segments(mut memory: &[i64]) -> impl Iterator<Item = Packed> + '_ {
    core::iter::from_fn(move || {
        let &[what, blocks, ..] = memory.first_chunk::<HEAD_WORDS>()?;
        let words = (halves(blocks).0 as u32).wrapping_add(HEAD_WORDS as u32);
        memory = memory.get(words as usize..).unwrap_or_default();
        Some(Packed { words, rows: halves(what).1 as u32 })
    })
}

pub(super) fn block_words(block: &Block, inputs: usize) -> usize {
    block.words.saturating_mul(inputs.saturating_add(1)).saturating_add(block.form.words(block))
}

/// Lays the segments out. `folded` is the zero point that inputs come with: what it adds to the sums is taken off their
/// biases.
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn pack(rows: &Rows<'_, '_>, folded: i32, mut memory: &mut [i64]) {
    for_each_segment(rows, &mut |segment| {
        let (here, rest) = core::mem::take(&mut memory).split_at_mut_checked(segment.words).unwrap_or_default();
        memory = rest;
        pack_segment(rows, &segment, folded, here);
    });
}

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
fn pack_segment(rows: &Rows<'_, '_>, segment: &Segment, folded: i32, here: &mut [i64]) {
    let Segment { block, rows: count, .. } = *segment;
    let Some((head, blocks)) = here.split_first_chunk_mut::<HEAD_WORDS>() else { return };
    let output = rows.output();
    let (shift, in_lanes) = match block.form {
        Form::InLanes { shift } => (shift, in_lanes_constants(shift, block.lanes, output)),
        _ => (0, [0; IN_LANES_WORDS]),
    };
    let [low, room, span] = in_lanes;
    let [r0, r1, r2, r3] = (count as u32).to_le_bytes();
    let what = [kind(block.form, block.lanes), block.words as u8, shift, block.lanes as u8, r0, r1, r2, r3];
    *head = [
        i64::from_le_bytes(what),
        pair(blocks.len() as i32, 0),
        pair(block_words(&block, rows.len) as i32, block.words.saturating_mul(rows.len) as i32),
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
}

#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn pack_block(rows: &Rows<'_, '_>, block: &Block, folded: i32, memory: &mut [i64]) {
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
        for (column, weight) in chunks_mut(weights, block.words).zip(channel.weights()) {
            if let Some(to) = column.get_mut(word) {
                *to = to.wrapping_add(weight.wrapping_shl(position));
            }
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

/// A segment's head, as it lies in memory: what is in it is read where it is used, so that the sums have the registers.
#[derive(Clone, Copy)]
pub(super) struct Head<'a>(&'a [i64; HEAD_WORDS]);

impl Head<'_> {
    /// Form and lanes: see [`kind`].
    #[inline]
    pub(super) fn kind(self) -> u8 {
        let [kind, ..] = self.0.first().map_or([0; 8], |what| what.to_le_bytes());
        kind
    }

    /// How many lanes, as [`Lanes`] numbers them.
    #[inline]
    pub(super) fn lanes(self) -> u8 {
        let [_, _, _, lanes, ..] = self.0.first().map_or([0; 8], |what| what.to_le_bytes());
        lanes
    }

    /// The shift of [`Form::InLanes`].
    #[inline]
    pub(super) fn shift(self) -> u8 {
        let [_, _, shift, ..] = self.0.first().map_or([0; 8], |what| what.to_le_bytes());
        shift
    }

    /// The constants of [`Form::InLanes`].
    #[inline]
    pub(super) fn in_lanes(self) -> [u64; IN_LANES_WORDS] {
        let &[_, _, _, _, _, low, room, span] = self.0;
        [low as u64, room as u64, span as u64]
    }

    /// What all rows share.
    #[inline]
    pub(super) fn output(self) -> Output {
        let &[_, _, _, shared, clamp, ..] = self.0;
        let ((lo, hi), (zero_point, rounding)) = (halves(clamp), halves(shared));
        let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
        Output { zero_point, lo, hi, rounding }
    }

    /// Words of a block, and of its weights.
    #[inline]
    fn block(self) -> (usize, usize) {
        let &[_, _, block, ..] = self.0;
        let (words, weights) = halves(block);
        (words as usize, weights as usize)
    }
}

/// Sums and finishes the rows of all segments in `memory`.
#[inline]
pub(super) fn run<S: Sums>(mut memory: &[i64], sums: S, mut output: &mut [i32]) {
    for Packed { words, rows } in segments(memory) {
        let Some((segment, behind)) = memory.split_at_checked(words as usize) else { return };
        let Some((here, rest)) = output.split_at_mut_checked(rows as usize) else { return };
        run_segment(segment, sums, here);
        (memory, output) = (behind, rest);
    }
}

/// Sums and finishes the rows of a segment.
#[inline]
pub(super) fn run_segment<S: Sums>(segment: &[i64], sums: S, output: &mut [i32]) {
    let Some(&what) = segment.first() else { return };
    match what.to_le_bytes() {
        [0x20..=0xff, ..] => run_blocks::<S, Rare, 1>(segment, sums, output),
        [_, 6, ..] => run_blocks::<S, Common, 6>(segment, sums, output),
        [_, 5, ..] => run_blocks::<S, Common, 5>(segment, sums, output),
        [_, 4, ..] => run_blocks::<S, Common, 4>(segment, sums, output),
        [_, 3, ..] => run_blocks::<S, Common, 3>(segment, sums, output),
        [_, 2, ..] => run_blocks::<S, Common, 2>(segment, sums, output),
        _ => run_blocks::<S, Common, 1>(segment, sums, output),
    }
}

/// Sums and finishes blocks of `W` words.
#[inline(never)]
fn run_blocks<S: Sums, F: Finish, const W: usize>(segment: &[i64], sums: S, mut output: &mut [i32]) {
    let Some((head, blocks)) = segment.split_first_chunk::<HEAD_WORDS>() else { return };
    let head = Head(head);
    let (block_words, weights_words) = head.block();
    for block in chunks(blocks, block_words) {
        let Some((biases, rest)) = block.split_first_chunk::<W>() else { return };
        let Some((weights, constants)) = rest.split_at_checked(weights_words) else { return };
        let mut totals = *biases;
        sums.sum(&mut totals, weights);
        output = F::finish(head, &totals, constants, output);
    }
}

//! Which rows share words: a block is up to four words, each of as many lanes as the proof of its rows allows.

use super::finish::Form;
use crate::format::{Channel, Weights};
use crate::ops::requantize::Output;
use crate::verify::weights::accumulator;
use crate::verify::{Interval, Node};

/// Words of a block at most: that many accumulators are summed side by side.
pub(super) const MAX_WORDS: usize = 6;
/// Rows of a block at most.
const MAX_ROWS: usize = MAX_WORDS * 4;

/// How many sums share a word, and so how many bits each has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Lanes {
    /// One sum of 64 bits.
    One = 1,
    /// Two of 32.
    Two = 2,
    /// Three of 21.
    Three = 3,
    /// Four of 16.
    Four = 4,
}

impl Lanes {
    /// Bits of a lane.
    pub(super) const fn bits(self) -> u32 {
        match self {
            Self::One => 64,
            Self::Two => 32,
            Self::Three => 21,
            Self::Four => 16,
        }
    }

    pub(super) const fn from_number(lanes: u8) -> Self {
        match lanes {
            4 => Self::Four,
            3 => Self::Three,
            2 => Self::Two,
            _ => Self::One,
        }
    }

    const fn of(sum_bits: u32) -> Self {
        match sum_bits {
            0..=16 => Self::Four,
            17..=21 => Self::Three,
            22..=32 => Self::Two,
            _ => Self::One,
        }
    }
}

/// Consecutive rows that are summed and finished together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The first row.
    pub(super) first: usize,
    /// How many rows.
    pub(super) rows: usize,
    /// Lanes of its words.
    pub(super) lanes: Lanes,
    /// How many words its sums take: 1 to [`MAX_WORDS`].
    pub(super) words: usize,
    /// How its sums become activations.
    pub(super) form: Form,
}

impl Block {
    /// Rows with those that only fill its words.
    pub(super) const fn padded_rows(&self) -> usize {
        self.words.saturating_mul(self.lanes as usize)
    }

    /// Whether `next` is of the same kind, and this block is full.
    fn goes_on_with(&self, next: &Self) -> bool {
        let kind = |block: &Self| (block.lanes, block.words, block.form);
        kind(self) == kind(next) && self.rows == self.padded_rows()
    }
}

/// Rows of weights and what meets them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'n, 'm> {
    /// The operator.
    pub(super) node: &'n Node<'m>,
    /// Where the rows are.
    pub(super) weights: &'n Weights,
    /// Weights of a row.
    pub(super) len: usize,
    /// How many rows.
    pub(super) count: usize,
    /// The values that meet the weights, less the zero point.
    pub(super) centred: Interval,
}

impl<'m> Rows<'_, 'm> {
    /// Calls `each` with the segments that these rows make, in order: a block, and how many of its kind follow each other.
    #[cfg_attr(kinfer_module, optimize(size))]
    pub(super) fn for_each_segment(&self, each: &mut dyn FnMut(Block, usize)) {
        let mut segment: Option<(Block, usize)> = None;
        let mut first = 0;
        while first < self.count {
            let block = self.block(first);
            first = first.saturating_add(block.rows.max(1));
            segment = match segment {
                Some((of, blocks)) if of.goes_on_with(&block) => Some((of, blocks.saturating_add(1))),
                before => {
                    if let Some((of, blocks)) = before {
                        each(of, blocks);
                    }
                    Some((block, 1))
                }
            };
        }
        if let Some((of, blocks)) = segment {
            each(of, blocks);
        }
    }

    /// The rows from `first`.
    pub(super) fn channels(&self, first: usize) -> impl Iterator<Item = Channel<'m>> + 'm {
        self.weights.channels_from(self.node.model.data(), self.len, first, self.count)
    }

    /// What the channels share.
    pub(super) fn output(&self) -> Output {
        self.weights.output(&self.node.output)
    }

    /// As many rows as the narrowest lanes would take; wider lanes for all when a row needs them.
    #[cfg_attr(kinfer_module, optimize(size))]
    pub(super) fn block(&self, first: usize) -> Block {
        let (mut lanes, mut rows) = (Lanes::Four, 0usize);
        let mut sums = [Interval::default(); MAX_ROWS];
        for (channel, sum) in self.channels(first).zip(sums.iter_mut()) {
            *sum = accumulator(&channel, self.centred).unwrap_or_default();
            let needs = Lanes::of(sum.bits());
            let wider = if (needs as u8) < (lanes as u8) { needs } else { lanes };
            if rows >= lanes_rows(wider) {
                break;
            }
            (lanes, rows) = (wider, rows.saturating_add(1));
        }
        // Only the last block of all may have lanes to spare: there is nothing behind what it writes.
        let full = rows.checked_div(usize::from(lanes as u8)).unwrap_or(0);
        let last = first.saturating_add(rows) >= self.count;
        let begun = last && full.saturating_mul(lanes as usize) < rows;
        let words = full.saturating_add(usize::from(begun)).clamp(1, MAX_WORDS);
        rows = rows.min(words.saturating_mul(lanes as usize));
        if rows == 1 {
            lanes = Lanes::One; // a word of its own costs no more, and has nothing to unpack
        }
        let mut form: Option<Form> = None;
        for (channel, &sum) in self.channels(first).zip(&sums).take(rows) {
            let of_row = Form::of(&channel, sum, lanes, self.output());
            form = Some(form.map_or(of_row, |form| form.join(of_row)));
        }
        let form = form.unwrap_or(Form::Plain);
        match form {
            // The rare forms take a word at a time: there is less code in the kernel, and a smaller stack.
            Form::HalfEven | Form::Plain => Block { first, rows: rows.min(lanes as usize), lanes, words: 1, form },
            _ => Block { first, rows, lanes, words, form },
        }
    }
}

const fn lanes_rows(lanes: Lanes) -> usize {
    (lanes as usize).saturating_mul(MAX_WORDS)
}

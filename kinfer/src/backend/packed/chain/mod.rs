//! Small layers in a row as one record: dense layers of one block, and tables of 256 entries.
//!
//! Where a layer has a few dozen weights, most of a decision is finding them: a record, its spans with their bounds, the head
//! of a segment, calls. A chain checks one span for all its layers. Their parameters lie behind each other in the order of
//! use, each layer a head of two words and what it needs. Each layer has [`ROOM`] for its values, from the output on: the
//! last layer's, which are the output, come first.
//!
//! * `join`: which operators make a chain;
//! * `layer`: what an operator needs as a layer of one, and how it lies in memory;
//! * `run`: the way through.

mod join;
mod layer;
mod run;

use super::block::MAX_WORDS;

pub(crate) use join::{join, table_follows, Chain};
pub(crate) use layer::pack;
pub(crate) use run::run;

/// Values of a layer at most, with what a block's lanes can hold beyond its rows: four lanes of all words.
const ROOM: usize = MAX_WORDS * 4;
/// Inputs of a layer at most: with more, its sums are most of its time.
const MAX_INPUTS: usize = 64;

/// Words of a [`Head`].
const HEAD_WORDS: usize = 2;

/// What a layer is, as it lies in memory. Each part is read where it is used, by a load of its own width.
#[derive(Clone, Copy)]
struct Head<'a> {
    bytes: &'a [u8; 16],
    shorts: &'a [u16; 8],
    values: &'a [i32; 4],
}

impl<'a> Head<'a> {
    #[inline(always)]
    fn new(words: &'a [i64; HEAD_WORDS]) -> Option<Self> {
        Some(Self {
            bytes: bytemuck::try_cast_ref(words).ok()?,
            shorts: bytemuck::try_cast_ref(words).ok()?,
            values: bytemuck::try_cast_ref(words).ok()?,
        })
    }

    /// Words of the block.
    #[inline(always)]
    fn words(self) -> u8 {
        self.bytes[0]
    }

    /// Lanes of a word.
    #[inline(always)]
    fn lanes(self) -> u8 {
        self.bytes[1]
    }

    /// The shift of all rows.
    #[inline(always)]
    fn shift(self) -> u32 {
        u32::from(self.bytes[2])
    }

    /// Whether a table lies behind the rows' constants.
    #[inline(always)]
    fn has_table(self) -> bool {
        self.bytes[3] != 0
    }

    /// Words of which all lanes are rows.
    #[inline(always)]
    fn full_words(self) -> usize {
        usize::from(self.bytes[6])
    }

    /// Rows of the word behind those.
    #[inline(always)]
    fn rows_behind(self) -> usize {
        usize::from(self.bytes[7])
    }

    #[inline(always)]
    fn inputs(self) -> usize {
        usize::from(self.shorts[2])
    }

    /// Smallest and largest output.
    #[inline(always)]
    fn clamp(self) -> (i64, i64) {
        (i64::from(self.values[2]), i64::from(self.values[3]))
    }
}

//! Shares that sum to one.

use super::additive::Entries;
use super::fields::Fields;
use super::table::words;
use crate::error::Problem;

/// ONNX Softmax over rows of a tensor: see [`crate::ops::softmax`]. Input and output have as many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// Offset in the data section of `exp(−scale · d)` in units of 2^−30, `i32`s: 256 for an int8 input; for an int16 one
    /// 256 for `d / 256`, then 256 for `d mod 256`.
    pub entries: u32,
    /// Elements that sum to one: those of the tensor are a multiple of it.
    pub row: i32,
    /// Output units that are one: the reciprocal of the output's scale.
    pub units: i32,
}

impl Softmax {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { entries: fields.offset(0), row: fields.number(0), units: fields.number(1) })
    }

    /// The first `count` entries, as far as `data` goes.
    pub fn entries<'a>(&self, data: &'a [u8], count: usize) -> Entries<'a> {
        words(data, self.entries, count)
    }
}

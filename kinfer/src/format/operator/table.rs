//! A function of one value, from a table.

use super::super::bytes::{i16_at, i32_at};
use super::super::ElementType;
use super::additive::{entries, Entries};
use super::fields::Fields;
use crate::error::Problem;
use crate::iter::chunks;
use crate::ops::table::DIRECT_ENTRIES;

/// A function of one value, element by element (ONNX Sigmoid, Tanh, HardSwish, …): see [`crate::ops::table`]. Input and
/// output have as many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Offset in the data section of the entries.
    pub entries: u32,
    /// What the entries are, and how they are read.
    pub lookup: Lookup,
}

/// How a [`Table`] is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// For int8: 256 entries in the type of the output, those of inputs −128 to 127.
    Direct,
    /// For int16: `2^segment_bits + 1` knots of 32 bits, and lines between them.
    Interpolated {
        /// Segments, as a power of two: 0 to 16.
        segment_bits: i32,
        /// Bits of a knot behind the point: 0 to 30.
        fraction: i32,
        /// Smallest result, in quantised units.
        lo: i32,
        /// Largest result.
        hi: i32,
    },
}

impl Table {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let lookup = match fields.variant() {
            1 => Lookup::Direct,
            2 => {
                let (lo, hi) = fields.clamp();
                Lookup::Interpolated { segment_bits: fields.number(0), fraction: fields.number(1), lo, hi }
            }
            code => return Err(Problem::UnknownLookup { code }),
        };
        Ok(Self { entries: fields.offset(0), lookup })
    }

    /// The entries of a direct table, by input from −128 up, as far as `data` goes.
    pub fn direct<'a>(&self, data: &'a [u8], output: ElementType) -> impl Iterator<Item = i32> + use<'a> {
        let bytes = data.get(self.entries as usize..).unwrap_or(&[]);
        chunks(bytes, output.size()).take(DIRECT_ENTRIES).map(move |bytes| match (output, bytes) {
            (ElementType::I8, &[byte]) => i32::from(byte as i8),
            (ElementType::I16, _) => i32::from(i16_at(bytes, 0)),
            _ => i32_at(bytes, 0),
        })
    }

    /// The first `count` knots of an interpolated table, as far as `data` goes.
    pub fn knots<'a>(&self, data: &'a [u8], count: usize) -> Entries<'a> {
        words(data, self.entries, count)
    }
}

/// `count` values of 32 bits from `offset` on, as far as `data` goes.
#[inline(never)]
pub(super) fn words(data: &[u8], offset: u32, count: usize) -> Entries<'_> {
    let bytes = data.get(offset as usize..).unwrap_or(&[]);
    let most = bytes.len() & !3;
    entries(bytes.get(..count.saturating_mul(4).min(most)).unwrap_or(&[]))
}

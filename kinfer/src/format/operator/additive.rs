//! Additive binned models: a table a term, a row of the table a bin, an entry of the row a score.

use super::super::bytes::u16_at;
use super::fields::Fields;
use crate::error::Problem;
use crate::iter::chunks;

/// Bytes of a term's entry in the data section.
pub const TERM_SIZE: usize = 8;

/// Additive binned model: `out[c] = base[c] + Σ table[term][bin][c]`. Explainable boosting machines (Lou et al., "Accurate
/// Intelligible Models with Pairwise Interactions", 2013), generalised additive models with binned inputs, scorecards.
///
/// The input holds numbers of bins. A term reads one element, or two where features interact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Additive {
    /// Offset in the data section of the terms, [`TERM_SIZE`] bytes each: two elements of the input, then how many bins each
    /// has, all `u16`. A term of one feature has 1 bin of its second element, which then does not matter.
    pub terms: u32,
    /// How many terms.
    pub count: u32,
    /// Offset in the data section of one `i32` a score, in quantised units: where the sums begin; the zero point is in it.
    pub bases: u32,
    /// Offset in the data section of the tables, term after term, each `[first bin][second bin][score]` of `i32`.
    pub tables: u32,
}

impl Additive {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            terms: fields.offset(0),
            count: fields.number(0) as u32,
            bases: fields.offset(1),
            tables: fields.offset(2),
        })
    }

    /// The terms, as far as the data goes.
    pub fn terms<'a>(&self, data: &'a [u8]) -> impl Iterator<Item = Term> + use<'a> {
        let records = chunks(data.get(self.terms as usize..).unwrap_or(&[]), TERM_SIZE).take(self.count as usize);
        records.map(|record| Term {
            elements: [u16_at(record, 0), u16_at(record, 2)],
            bins: [u16_at(record, 4), u16_at(record, 6)],
        })
    }

    /// Where the sums begin, a value a score.
    pub fn bases<'a>(&self, data: &'a [u8]) -> Entries<'a> {
        entries(data.get(self.bases as usize..).unwrap_or(&[]))
    }
}

/// What a term of an [`Additive`] model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The two elements of the input whose bins choose the row.
    pub elements: [u16; 2],
    /// How many bins each has.
    pub bins: [u16; 2],
}

impl Term {
    /// Rows of its table.
    pub const fn rows(&self) -> u32 {
        let [first, second] = self.bins;
        (first as u32).wrapping_mul(second as u32) // 16 bits each
    }
}

/// The entries in `bytes`.
pub(crate) const fn entries(bytes: &[u8]) -> Entries<'_> {
    Entries(bytes)
}

/// Values of 32 bits in the data section.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a>(&'a [u8]);

impl Entries<'_> {
    /// Writes them to `to`, as far as the shorter of the two goes.
    #[inline(never)]
    pub(crate) fn copy_to(self, to: &mut [i32]) {
        for (to, entry) in to.iter_mut().zip(self) {
            *to = entry;
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = i32;

    #[inline]
    fn next(&mut self) -> Option<i32> {
        let (&entry, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(i32::from_le_bytes(entry))
    }
}

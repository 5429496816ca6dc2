//! Additive binned models.

use super::record::{Data, OperatorRecord};

/// Additive binned model: tables of scores, one a term, summed.
#[derive(Clone, Debug)]
pub struct AdditiveSpec {
    /// Tensor of bin numbers it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// Where the sums begin, a value a score, in quantised units of the output: its zero point is in it.
    pub bases: Vec<i32>,
    /// What is summed.
    pub terms: Vec<TermSpec>,
}

/// A table of an additive model.
#[derive(Clone, Debug)]
pub struct TermSpec {
    /// The two elements of the input that choose the row. In a term of one feature the second does not matter.
    pub elements: [u16; 2],
    /// How many bins each has: 1 of the second in a term of one feature.
    pub bins: [u16; 2],
    /// `[first bin][second bin][score]`.
    pub table: Vec<i32>,
}

impl TermSpec {
    /// A term of one feature: a row of scores a bin.
    pub fn one(element: u16, rows: Vec<Vec<i32>>) -> Self {
        Self { elements: [element; 2], bins: [rows.len() as u16, 1], table: rows.concat() }
    }
}

impl AdditiveSpec {
    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        let terms = self.terms.iter().map(|term| {
            let fields = [term.elements[0], term.elements[1], term.bins[0], term.bins[1]].map(u16::to_le_bytes);
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&fields.concat());
            bytes
        });
        let tables: Vec<i32> = self.terms.iter().flat_map(|term| term.table.iter().copied()).collect();
        record.offsets = [data.place(8, terms), data.place_i32(&self.bases), data.place_i32(&tables), 0];
        record.numbers[0] = self.terms.len() as i32;
        record
    }
}

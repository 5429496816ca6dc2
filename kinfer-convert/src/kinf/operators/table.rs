//! A function of one value, from a table. [`crate::kinf::functions`] makes the entries.

use super::record::{Data, OperatorRecord};

/// A function of one value, element by element.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// The table.
    pub entries: EntriesSpec,
}

/// Entries of a table, and how they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntriesSpec {
    /// For int8 inputs from −128 up, to an int8 output.
    I8(Vec<i8>),
    /// The same, to an int16 output.
    I16(Vec<i16>),
    /// The same, to an int32 output.
    I32(Vec<i32>),
    /// For int16 inputs.
    Interpolated(KnotsSpec),
}

/// Knots with lines between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnotsSpec {
    /// `2^segment_bits + 1` of them, from input −32768 to 32768.
    pub knots: Vec<i32>,
    /// Segments, as a power of two.
    pub segment_bits: i32,
    /// Bits of a knot behind the point.
    pub fraction: i32,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl TableSpec {
    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord { variant: 1, ..OperatorRecord::new(self.input, self.output) };
        record.offsets[0] = match &self.entries {
            EntriesSpec::I8(entries) => data.place_i8(entries),
            EntriesSpec::I16(entries) => data.place_i16(entries),
            EntriesSpec::I32(entries) => data.place_i32(entries),
            EntriesSpec::Interpolated(table) => {
                record.variant = 2;
                (record.lo, record.hi) = (table.lo, table.hi);
                record.numbers[..2].copy_from_slice(&[table.segment_bits, table.fraction]);
                data.place_i32(&table.knots)
            }
        };
        record
    }
}

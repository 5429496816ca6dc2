//! One operator's record and its part of the data section.

use kinfer::format::{NO_TENSOR, OPERATOR_SIZE, OperatorKind, Rounding};

/// A record being written; fields that nobody sets are zero. Offsets are those of `docs/kinf-format.md`.
#[derive(Clone, Debug)]
pub(in crate::kinf) struct OperatorRecord {
    pub(super) rounding: Option<Rounding>,
    pub(super) variant: u8,
    pub(super) input: u16,
    pub(super) second: Option<u16>,
    pub(super) output: u16,
    pub(super) flags: u16,
    pub(super) offsets: [u32; 4],
    pub(super) lo: i32,
    pub(super) hi: i32,
    pub(super) numbers: [i32; 7],
}

impl OperatorRecord {
    pub(super) fn new(input: u16, output: u16) -> Self {
        Self {
            rounding: None,
            variant: 0,
            input,
            second: None,
            output,
            flags: 0,
            offsets: [0; 4],
            lo: 0,
            hi: 0,
            numbers: [0; 7],
        }
    }

    pub(super) fn to_bytes(&self, kind: OperatorKind) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(OPERATOR_SIZE);
        bytes.extend((kind as u16).to_le_bytes());
        bytes.extend([self.rounding.map_or(0, |rounding| rounding as u8), self.variant]);
        bytes.extend(self.input.to_le_bytes());
        bytes.extend(self.second.unwrap_or(NO_TENSOR).to_le_bytes());
        bytes.extend(self.output.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        self.offsets.iter().for_each(|offset| bytes.extend(offset.to_le_bytes()));
        bytes.extend(self.lo.to_le_bytes());
        bytes.extend(self.hi.to_le_bytes());
        self.numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes
    }
}

/// Two numbers of 16 bits in one field, the first in the low half.
pub(super) fn pair(first: u16, second: u16) -> i32 {
    (u32::from(first) | u32::from(second) << 16).cast_signed()
}

/// The data section, filled operator by operator.
#[derive(Clone, Debug, Default)]
pub(in crate::kinf) struct Data(pub(in crate::kinf) Vec<u8>);

impl Data {
    /// Appends values; their offset, a multiple of `alignment`.
    pub(super) fn place<const N: usize>(&mut self, alignment: usize, values: impl Iterator<Item = [u8; N]>) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(alignment), 0);
        let offset = self.0.len() as u32;
        values.for_each(|value| self.0.extend(value));
        offset
    }

    /// Appends bytes.
    pub(super) fn place_i8(&mut self, values: &[i8]) -> u32 {
        self.place(8, values.iter().map(|value| value.to_le_bytes()))
    }

    /// Appends values of 16 bits.
    pub(super) fn place_i16(&mut self, values: &[i16]) -> u32 {
        self.place(8, values.iter().map(|value| value.to_le_bytes()))
    }

    /// Appends values of 32 bits.
    pub(super) fn place_i32(&mut self, values: &[i32]) -> u32 {
        self.place(8, values.iter().map(|value| value.to_le_bytes()))
    }

    /// Appends values of 64 bits.
    pub(in crate::kinf) fn place_i64(&mut self, values: &[i64]) -> u32 {
        self.place(8, values.iter().map(|value| value.to_le_bytes()))
    }
}

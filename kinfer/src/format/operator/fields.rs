//! The fields of an operator record. A kind takes those it has; what nobody took must be zero.

use super::super::bytes::{i32_at, u16_at, u32_at, u8_at};
use super::{OperatorKind, NO_TENSOR, OPERATOR_SIZE};
use crate::error::Problem;

/// How a division by a power of two rounds. The field has no single rule, so it is a field of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rounding {
    /// To the nearest, ties to even: ONNX QuantizeLinear, ONNX Runtime.
    HalfEven = 0,
    /// To the nearest, ties up: TensorFlow Lite built with `TFLITE_SINGLE_ROUNDING`.
    TfliteSingle = 1,
    /// A doubling high multiply, then a division that rounds ties away from zero: TensorFlow Lite's and gemmlowp's rule.
    TfliteDouble = 2,
    /// Down: an arithmetic shift. Only of scales that are powers of two: a multiplier of one where there are weights, a
    /// power of two element by element.
    Shift = 3,
}

impl Rounding {
    /// The rule with this code.
    pub(crate) const fn from_code(code: u8) -> Result<Self, Problem> {
        Ok(match code {
            0 => Self::HalfEven,
            1 => Self::TfliteSingle,
            2 => Self::TfliteDouble,
            3 => Self::Shift,
            _ => return Err(Problem::UnknownRounding { code }),
        })
    }
}

/// A record's fields. The getters take: a field reads as zero afterwards, and [`Fields::finish`] refuses what is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    rounding: u8,
    variant: u8,
    second: u16,
    flags: u16,
    offsets: [u32; 4],
    lo: i32,
    hi: i32,
    numbers: [i32; 7],
}

impl Fields {
    #[inline(never)]
    pub(super) fn parse(bytes: &[u8; OPERATOR_SIZE]) -> Self {
        Self {
            rounding: u8_at(bytes, 2),
            variant: u8_at(bytes, 3),
            second: u16_at(bytes, 6),
            flags: u16_at(bytes, 10),
            offsets: [u32_at(bytes, 12), u32_at(bytes, 16), u32_at(bytes, 20), u32_at(bytes, 24)],
            lo: i32_at(bytes, 28),
            hi: i32_at(bytes, 32),
            numbers: [
                i32_at(bytes, 36),
                i32_at(bytes, 40),
                i32_at(bytes, 44),
                i32_at(bytes, 48),
                i32_at(bytes, 52),
                i32_at(bytes, 56),
                i32_at(bytes, 60),
            ],
        }
    }

    /// The rounding, at offset 2.
    #[inline(never)]
    pub(super) fn rounding(&mut self) -> Result<Rounding, Problem> {
        Rounding::from_code(core::mem::take(&mut self.rounding))
    }

    /// What the kind makes of offset 3: a weight type, a mode.
    pub(super) fn variant(&mut self) -> u8 {
        core::mem::take(&mut self.variant)
    }

    /// Whether flag `bit` is set.
    pub(super) fn flag(&mut self, bit: u16) -> bool {
        let set = self.flags & bit != 0;
        self.flags &= !bit;
        set
    }

    /// The next four, in order: offsets in the data section. `which` is 0 to 3.
    pub(super) fn offset(&mut self, which: usize) -> u32 {
        self.offsets.get_mut(which).map(core::mem::take).unwrap_or(0)
    }

    /// Smallest and largest result, in quantised units.
    pub(super) fn clamp(&mut self) -> (i32, i32) {
        (core::mem::take(&mut self.lo), core::mem::take(&mut self.hi))
    }

    /// A number of the kind's own. `which` is 0 to 6.
    pub(super) fn number(&mut self, which: usize) -> i32 {
        self.numbers.get_mut(which).map(core::mem::take).unwrap_or(0)
    }

    /// A number that holds two of 16 bits, the first in the low half.
    pub(super) fn pair(&mut self, which: usize) -> [u16; 2] {
        let both = self.number(which) as u32;
        [both as u16, (both >> 16) as u16]
    }

    pub(super) fn take_second(&mut self, kind: OperatorKind) -> Result<Option<u16>, Problem> {
        let second = core::mem::replace(&mut self.second, 0);
        match (kind.has_second(), second) {
            (true, tensor) => Ok(Some(tensor)),
            (false, NO_TENSOR) => Ok(None),
            (false, _) => Err(Problem::Reserved { offset: 6 }),
        }
    }

    /// Refuses a field that the kind does not have and that is not zero.
    #[inline(never)]
    pub(super) fn finish(&self) -> Result<(), Problem> {
        let left = |offset| Err(Problem::Reserved { offset });
        if self.rounding != 0 {
            return left(2);
        }
        if self.variant != 0 {
            return left(3);
        }
        if self.flags != 0 {
            return left(10);
        }
        if self.offsets != [0; 4] {
            return left(12);
        }
        if self.lo != 0 || self.hi != 0 {
            return left(28);
        }
        if self.numbers != [0; 7] {
            return left(36);
        }
        Ok(())
    }
}

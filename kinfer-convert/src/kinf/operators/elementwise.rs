//! Operators from element to element.

use kinfer::format::Rounding;

use super::record::{Data, OperatorRecord, pair};

/// Clamp, element by element.
#[derive(Clone, Copy, Debug)]
pub struct ClipSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl ClipSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord { lo: self.lo, hi: self.hi, ..OperatorRecord::new(self.input, self.output) }
    }
}

/// Another scale and zero point, with a slope on each side of the zero point.
#[derive(Clone, Copy, Debug)]
pub struct RescaleSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// Multiplier and shift at the zero point and above.
    pub above: (i32, u8),
    /// Multiplier and shift below it.
    pub below: (i32, u8),
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl RescaleSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        let shifts = pair(self.above.1.into(), self.below.1.into());
        OperatorRecord {
            rounding: Some(self.rounding),
            lo: self.lo,
            hi: self.hi,
            numbers: [self.above.0, self.below.0, shifts, 0, 0, 0, 0],
            ..OperatorRecord::new(self.input, self.output)
        }
    }
}

/// Sum of two tensors.
#[derive(Clone, Copy, Debug)]
pub struct AddSpec {
    /// Tensors it reads; the second may have one element.
    pub inputs: (u16, u16),
    /// Tensor it writes.
    pub output: u16,
    /// What a unit of each is in the sum; negative to subtract.
    pub multipliers: (i32, i32),
    /// Binary point of the sum.
    pub shift: u8,
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl AddSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord {
            rounding: Some(self.rounding),
            second: Some(self.inputs.1),
            lo: self.lo,
            hi: self.hi,
            numbers: [self.multipliers.0, self.multipliers.1, self.shift.into(), 0, 0, 0, 0],
            ..OperatorRecord::new(self.inputs.0, self.output)
        }
    }
}

/// Product of two tensors, element by element.
#[derive(Clone, Copy, Debug)]
pub struct MulSpec {
    /// Tensors it reads; the second may have one element.
    pub inputs: (u16, u16),
    /// Tensor it writes.
    pub output: u16,
    /// Multiplier and shift of the product.
    pub factor: (i32, u8),
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl MulSpec {
    pub(super) fn record(&self, _data: &mut Data) -> OperatorRecord {
        OperatorRecord {
            rounding: Some(self.rounding),
            second: Some(self.inputs.1),
            lo: self.lo,
            hi: self.hi,
            numbers: [self.factor.0, self.factor.1.into(), 0, 0, 0, 0, 0],
            ..OperatorRecord::new(self.inputs.0, self.output)
        }
    }
}

//! Operators from element to element.

use super::fields::{Fields, Rounding};
use crate::error::Problem;
use crate::ops::requantize::Factor;
use crate::ops::rescale::Slopes;

/// Clamp element by element (ONNX Relu and Clip): input and output share type, scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Smallest result, in quantised units.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Clip {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (lo, hi) = fields.clamp();
        Ok(Self { lo, hi })
    }
}

/// Another scale and zero point, with a slope on each side of the zero point (LeakyRelu, a change of type): see
/// [`crate::ops::rescale`]. Input and output have as many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// The two slopes; neither multiplier is negative.
    pub slopes: Slopes,
    /// How the division rounds.
    pub rounding: Rounding,
    /// Smallest result, in quantised units.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Rescale {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (lo, hi) = fields.clamp();
        let (above, below) = (fields.number(0), fields.number(1));
        let [shift_above, shift_below] = fields.pair(2);
        let slopes = Slopes {
            above: Factor { multiplier: above, shift: narrow(shift_above) },
            below: Factor { multiplier: below, shift: narrow(shift_below) },
        };
        Ok(Self { slopes, rounding: fields.rounding()?, lo, hi })
    }
}

/// Sum or difference of two tensors of as many elements (ONNX Add, Sub): see [`crate::ops::add`]. The second may have
/// one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add {
    /// What a unit of the first and of the second tensor is in the sum; negative to subtract.
    pub multipliers: (i32, i32),
    /// Binary point of the sum.
    pub shift: u8,
    /// How the division rounds; [`Rounding::TfliteDouble`] is refused.
    pub rounding: Rounding,
    /// Smallest result, in quantised units.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Add {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (lo, hi) = fields.clamp();
        let multipliers = (fields.number(0), fields.number(1));
        let [shift, rest] = fields.pair(2);
        reserved(rest)?;
        Ok(Self { multipliers, shift: narrow(shift), rounding: fields.rounding()?, lo, hi })
    }
}

/// Product of two tensors of as many elements (ONNX Mul): see [`crate::ops::mul`]. The second may have one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mul {
    /// Product → output; not negative.
    pub factor: Factor,
    /// How the division rounds.
    pub rounding: Rounding,
    /// Smallest result, in quantised units.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Mul {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (lo, hi) = fields.clamp();
        let multiplier = fields.number(0);
        let [shift, rest] = fields.pair(1);
        reserved(rest)?;
        Ok(Self { factor: Factor { multiplier, shift: narrow(shift) }, rounding: fields.rounding()?, lo, hi })
    }
}

/// A shift, of which the verifier refuses what is too large: what does not fit a byte stays so.
fn narrow(shift: u16) -> u8 {
    u8::try_from(shift).unwrap_or(u8::MAX)
}

fn reserved(rest: u16) -> Result<(), Problem> {
    match rest {
        0 => Ok(()),
        _ => Err(Problem::Reserved { offset: 36 }),
    }
}

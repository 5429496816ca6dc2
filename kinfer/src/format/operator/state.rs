//! Operators between a decision and the next: what a recurrent model remembers lies in the caller's state, one value a word
//! of 64 bits, less its zero point, so that a state of zeros is real zero.

use super::fields::Fields;
use crate::error::Problem;

/// A tensor from the caller's state: `out[i] = clamp(state[slot + i] + zero_point, lo, hi)`. Its record names tensor 0 as
/// input and does not read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recall {
    /// The state's word for element 0.
    pub slot: u32,
    /// Smallest value, in quantised units, whatever the state holds.
    pub lo: i32,
    /// Largest value.
    pub hi: i32,
}

impl Recall {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (lo, hi) = fields.clamp();
        Ok(Self { slot: fields.number(0) as u32, lo, hi })
    }
}

/// A tensor into the caller's state, `state[slot + i] = in[i] − zero_point`, and unchanged into the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remember {
    /// The state's word for element 0.
    pub slot: u32,
}

impl Remember {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { slot: fields.number(0) as u32 })
    }
}

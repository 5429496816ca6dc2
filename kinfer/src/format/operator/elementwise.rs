//! Operators from element to element.

use super::fields::Fields;
use crate::error::Problem;

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

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {}

impl Rescale {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 5 })
    }
}

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add {}

impl Add {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 8 })
    }
}

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mul {}

impl Mul {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 9 })
    }
}

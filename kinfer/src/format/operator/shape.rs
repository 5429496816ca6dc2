//! Not read yet.

use super::fields::Fields;
use crate::error::Problem;

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat {}

impl Concat {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 10 })
    }
}

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {}

impl Slice {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 11 })
    }
}

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reshape {}

impl Reshape {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 12 })
    }
}

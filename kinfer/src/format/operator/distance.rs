//! Not read yet.

use super::fields::Fields;
use crate::error::Problem;

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {}

impl Distance {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 15 })
    }
}

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquaredError {}

impl SquaredError {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 16 })
    }
}

//! Not read yet.

use super::fields::Fields;
use crate::error::Problem;

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trees {}

impl Trees {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 13 })
    }
}

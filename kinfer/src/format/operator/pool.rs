//! Not read yet.

use super::fields::Fields;
use crate::error::Problem;

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {}

impl Pool {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Err(Problem::UnknownKind { kind: 4 })
    }
}

/// Not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {}

//! Does not run yet.

use super::super::{Io, Need};
use crate::format::Pool;
use crate::verify::Node;

pub(super) fn need(_node: &Node<'_>, _parameters: &Pool) -> Need {
    Need::default()
}

pub(super) fn pack(_node: &Node<'_>, _parameters: &Pool, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn run(_memory: &[i64], _io: Io<'_>) {}

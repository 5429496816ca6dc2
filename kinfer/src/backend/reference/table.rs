//! Does not run yet.

use super::super::{Io, Need};
use crate::format::Table;
use crate::verify::Node;

pub(super) fn need(_node: &Node<'_>, _parameters: &Table) -> Need {
    Need::default()
}

pub(super) fn pack(_node: &Node<'_>, _parameters: &Table, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn run(_memory: &[i64], _io: Io<'_>) {}

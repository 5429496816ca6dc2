//! Does not run yet.

use super::super::{Io, Need};
use crate::format::{Concat, Slice};
use crate::verify::Node;

pub(super) fn concat_need(_node: &Node<'_>, _parameters: &Concat) -> Need {
    Need::default()
}

pub(super) fn concat_pack(_node: &Node<'_>, _parameters: &Concat, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn concat_run(_memory: &[i64], _io: Io<'_>) {}

pub(super) fn slice_need(_node: &Node<'_>, _parameters: &Slice) -> Need {
    Need::default()
}

pub(super) fn slice_pack(_node: &Node<'_>, _parameters: &Slice, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn slice_run(_memory: &[i64], _io: Io<'_>) {}

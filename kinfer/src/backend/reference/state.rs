//! Does not run yet.

use super::super::{Io, Need};
use crate::format::{Recall, Remember};
use crate::verify::Node;

pub(super) fn recall_need(_node: &Node<'_>, _parameters: &Recall) -> Need {
    Need::default()
}

pub(super) fn recall_pack(_node: &Node<'_>, _parameters: &Recall, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn recall_run(_memory: &[i64], _io: Io<'_>) {}

pub(super) fn remember_need(_node: &Node<'_>, _parameters: &Remember) -> Need {
    Need::default()
}

pub(super) fn remember_pack(_node: &Node<'_>, _parameters: &Remember, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn remember_run(_memory: &[i64], _io: Io<'_>) {}

//! Does not run yet.

use super::super::{Io, Need};
use crate::format::{Distance, SquaredError};
use crate::verify::Node;

pub(super) fn centroids_need(_node: &Node<'_>, _parameters: &Distance) -> Need {
    Need::default()
}

pub(super) fn centroids_pack(_node: &Node<'_>, _parameters: &Distance, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn centroids_run(_memory: &[i64], _io: Io<'_>) {}

pub(super) fn squared_error_need(_node: &Node<'_>, _parameters: &SquaredError) -> Need {
    Need::default()
}

pub(super) fn squared_error_pack(_node: &Node<'_>, _parameters: &SquaredError, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn squared_error_run(_memory: &[i64], _io: Io<'_>) {}

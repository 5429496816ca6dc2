//! Operators from element to element.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::format::{Add, Clip, Mul, Rescale};
use crate::ops::clip::clip;
use crate::verify::Node;

pub(super) fn clip_need(node: &Node<'_>) -> Need {
    Need { cycles: node.outputs() as u32, words: 1, ..Need::default() }
}

pub(super) fn clip_pack(clip: &Clip, memory: &mut [i64]) {
    Writer(memory).pair(clip.lo, clip.hi);
}

#[inline(always)]
pub(crate) fn clip_run(memory: &[i64], io: Io<'_>) {
    let Some(&clamp) = memory.first() else { return };
    let (lo, hi) = halves(clamp);
    clip(lo, hi, io.input, io.output);
}

pub(super) fn rescale_need(_node: &Node<'_>, _parameters: &Rescale) -> Need {
    Need::default()
}

pub(super) fn rescale_pack(_node: &Node<'_>, _parameters: &Rescale, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn rescale_run(_memory: &[i64], _io: Io<'_>) {}

pub(super) fn add_need(_node: &Node<'_>, _parameters: &Add) -> Need {
    Need::default()
}

pub(super) fn add_pack(_node: &Node<'_>, _parameters: &Add, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn add_run(_memory: &[i64], _io: Io<'_>) {}

pub(super) fn mul_need(_node: &Node<'_>, _parameters: &Mul) -> Need {
    Need::default()
}

pub(super) fn mul_pack(_node: &Node<'_>, _parameters: &Mul, _memory: &mut [i64]) {}

#[inline(always)]
pub(crate) fn mul_run(_memory: &[i64], _io: Io<'_>) {}

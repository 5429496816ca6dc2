//! Operators from element to element.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::format::{Add, Clip, Mul, Rescale, Rounding};
use crate::ops::add::{add, Term};
use crate::ops::clip::clip;
use crate::ops::divide::{Divide, Place};
use crate::ops::mul::mul;
use crate::ops::requantize::Factor;
use crate::ops::rescale::{rescale, rescale_narrow, Slopes};
use crate::verify::{Interval, Node};

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

/// Cycles of an operator whose function is its own, and of reading its parameters.
const CALL_CYCLES: usize = 12;

/// Zero point of the input and how it is computed, zero point of the output and rounding, bounds, both slopes.
const RESCALE_WORDS: usize = 5;

pub(super) fn rescale_need(node: &Node<'_>, rescale: &Rescale) -> Need {
    let each = if is_narrow(node, rescale) { 7 } else { 20 };
    let cycles = node.outputs().wrapping_mul(each).wrapping_add(CALL_CYCLES) as u32;
    Need { cycles, words: RESCALE_WORDS as u32, ..Need::default() }
}

pub(super) fn rescale_pack(node: &Node<'_>, rescale: &Rescale, memory: &mut [i64]) {
    let mut to = Writer(memory);
    to.pair(node.input.zero_point, i32::from(is_narrow(node, rescale)));
    to.place(node.output.zero_point, rescale.rounding, rescale.lo, rescale.hi);
    for factor in [rescale.slopes.above, rescale.slopes.below] {
        to.pair(factor.multiplier, i32::from(factor.shift));
    }
}

#[inline(always)]
pub(crate) fn rescale_run(memory: &[i64], io: Io<'_>) {
    let (_, narrow) = halves(memory.first().copied().unwrap_or(0));
    match narrow {
        0 => rescale_wide_all(memory, io.input, io.output),
        _ => rescale_narrow_all(memory, io.input, io.output),
    }
}

#[inline(always)]
fn rescale_wide_all(memory: &[i64], input: &[i32], output: &mut [i32]) {
    let Some(&[from, to, clamp, above, below]) = memory.first_chunk::<RESCALE_WORDS>() else { return };
    let (zero_in, _) = halves(from);
    let (place, rounding) = place(to, clamp);
    let slopes = Slopes { above: factor(above), below: factor(below) };
    for (out, &q) in output.iter_mut().zip(input) {
        *out = rescale(q, zero_in, slopes, rounding, place);
    }
}

#[inline(always)]
fn rescale_narrow_all(memory: &[i64], input: &[i32], output: &mut [i32]) {
    let Some(&[from, to, clamp, above, below]) = memory.first_chunk::<RESCALE_WORDS>() else { return };
    let (zero_in, _) = halves(from);
    let (place, rounding) = place(to, clamp);
    let side = |Factor { multiplier, shift }: Factor| (multiplier, Divide::new(shift, rounding));
    let (above, below) = (side(factor(above)), side(factor(below)));
    for (out, &q) in output.iter_mut().zip(input) {
        *out = rescale_narrow(q, zero_in, above, below, place);
    }
}

/// Whether [`rescale_narrow`] does.
fn is_narrow(node: &Node<'_>, rescale: &Rescale) -> bool {
    let small = |multiplier: i32| {
        let product = node.centred().ok().and_then(|q| Interval::point(0).add_product(i64::from(multiplier), q));
        product.is_some_and(|product| product.bits() <= 62)
    };
    let Slopes { above, below } = rescale.slopes;
    rescale.rounding != Rounding::TfliteDouble && small(above.multiplier) && small(below.multiplier)
}

/// Zero points of the inputs, zero point of the output and rounding, bounds, multipliers, shift.
const ADD_WORDS: usize = 5;

pub(super) fn add_need(node: &Node<'_>, _add: &Add) -> Need {
    let cycles = node.outputs().wrapping_mul(5).wrapping_add(CALL_CYCLES) as u32;
    Need { cycles, words: ADD_WORDS as u32, ..Need::default() }
}

pub(super) fn add_pack(node: &Node<'_>, add: &Add, memory: &mut [i64]) {
    let mut to = Writer(memory);
    to.pair(node.input.zero_point, node.second.0.zero_point);
    to.place(node.output.zero_point, add.rounding, add.lo, add.hi);
    to.pair(add.multipliers.0, add.multipliers.1);
    to.word(i64::from(add.shift));
}

#[inline(always)]
pub(crate) fn add_run(memory: &[i64], io: Io<'_>) {
    let Some(&[zeros, to, clamp, multipliers, shift]) = memory.first_chunk::<ADD_WORDS>() else { return };
    let (zeros, multipliers) = (halves(zeros), halves(multipliers));
    let (place, rounding) = place(to, clamp);
    let first = Term { zero_point: zeros.0, multiplier: multipliers.0 };
    let second = Term { zero_point: zeros.1, multiplier: multipliers.1 };
    add((first, second), Divide::new(shift as u8, rounding), place, io.input, io.second, io.output);
}

/// Zero points of the inputs, zero point of the output and rounding, bounds, factor.
const MUL_WORDS: usize = 4;

pub(super) fn mul_need(node: &Node<'_>, mul: &Mul) -> Need {
    let each = if mul.rounding == Rounding::TfliteDouble { 20 } else { 5 };
    let cycles = node.outputs().wrapping_mul(each).wrapping_add(CALL_CYCLES) as u32;
    Need { cycles, words: MUL_WORDS as u32, ..Need::default() }
}

pub(super) fn mul_pack(node: &Node<'_>, mul: &Mul, memory: &mut [i64]) {
    let mut to = Writer(memory);
    to.pair(node.input.zero_point, node.second.0.zero_point);
    to.place(node.output.zero_point, mul.rounding, mul.lo, mul.hi);
    to.pair(mul.factor.multiplier, i32::from(mul.factor.shift));
}

#[inline(always)]
pub(crate) fn mul_run(memory: &[i64], io: Io<'_>) {
    let Some(&[zeros, to, clamp, by]) = memory.first_chunk::<MUL_WORDS>() else { return };
    let (zero_points, by) = (halves(zeros), factor(by));
    let (place, rounding) = place(to, clamp);
    mul(zero_points, by, rounding, place, io.input, io.second, io.output);
}

/// Zero point and rounding of one word, bounds of another.
#[inline]
fn place(output: i64, clamp: i64) -> (Place, Rounding) {
    let (zero_point, rounding) = halves(output);
    let (lo, hi) = halves(clamp);
    (Place { zero_point, lo, hi }, Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven))
}

#[inline]
fn factor(word: i64) -> Factor {
    let (multiplier, shift) = halves(word);
    Factor { multiplier, shift: shift as u8 }
}

//! Squared distances: row length and whether there are weights, what all sums share, then a block a centroid of bias,
//! elements in 16 bits each, weights in 32.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::{i16s, i32s};
use crate::format::{Distance, Rounding, Scaling, SquaredError};
use crate::iter::chunks;
use crate::ops::requantize::{requantize, Factor, Output};
use crate::ops::{distance, squared_error};
use crate::verify::Node;

const HEADER_WORDS: usize = 4;

pub(super) fn centroids_need(node: &Node<'_>, distance: &Distance) -> Need {
    let (inputs, outputs) = (node.inputs(), node.outputs());
    let weighted = distance.weights.is_some();
    Need {
        // A multiply, two loads, a subtraction an element, a multiply and a load more for a weight; then requantisation.
        cycles: outputs.wrapping_mul(cycles(inputs, weighted)) as u32,
        words: outputs.wrapping_mul(block_words(inputs, weighted)).wrapping_add(HEADER_WORDS) as u32,
        lanes: 1,
        ..Need::default()
    }
}

pub(super) fn centroids_pack(node: &Node<'_>, distance: &Distance, memory: &mut [i64]) {
    let (inputs, outputs) = (node.inputs(), node.outputs());
    let weighted = distance.weights.is_some();
    let mut to = Writer(memory);
    to.pair(inputs as i32, i32::from(weighted));
    scaling(&mut to, node, &distance.scaling);
    for centroid in distance.centroids(node.model.data(), inputs, outputs) {
        to.word(centroid.bias);
        to.weights(inputs.div_ceil(4), centroid.values());
        if weighted {
            to.values(inputs.div_ceil(2), centroid.entries());
        }
    }
}

#[inline(always)]
pub(crate) fn centroids_run(memory: &[i64], io: Io<'_>) {
    let Some((&[sizes, factor, output, clamp], blocks)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let (inputs, weighted) = halves(sizes);
    let (inputs, weighted) = (inputs as usize, weighted != 0);
    let (factor, output) = shared(factor, output, clamp);
    for (out, block) in io.output.iter_mut().zip(chunks(blocks, block_words(inputs, weighted))) {
        let Some((&[bias], rest)) = block.split_first_chunk::<1>() else { continue };
        let (values, weights) = rest.split_at_checked(inputs.div_ceil(4)).unwrap_or_default();
        let sum = match weighted {
            true => distance::weighted(io.input, i16s(values), i32s(weights), bias),
            false => distance::plain(io.input, i16s(values), bias),
        };
        *out = requantize(sum, factor, output);
    }
}

pub(super) fn squared_error_need(node: &Node<'_>, error: &SquaredError) -> Need {
    let (inputs, weighted) = (node.inputs(), error.weights.is_some());
    Need {
        cycles: cycles(inputs, weighted) as u32,
        words: if weighted { inputs.div_ceil(2) } else { 0 }.wrapping_add(HEADER_WORDS) as u32,
        lanes: 1,
        ..Need::default()
    }
}

pub(super) fn squared_error_pack(node: &Node<'_>, error: &SquaredError, memory: &mut [i64]) {
    let (inputs, weighted) = (node.inputs(), error.weights.is_some());
    let mut to = Writer(memory);
    // Both zero points have at most 16 bits.
    to.pair(node.input.zero_point.wrapping_sub(node.second.0.zero_point), i32::from(weighted));
    scaling(&mut to, node, &error.scaling);
    if weighted {
        to.values(inputs.div_ceil(2), error.entries(node.model.data()));
    }
}

#[inline(always)]
pub(crate) fn squared_error_run(memory: &[i64], io: Io<'_>) {
    let Some((&[what, factor, output, clamp], weights)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let (offset, weighted) = halves(what);
    let (factor, output) = shared(factor, output, clamp);
    let sum = match weighted != 0 {
        true => squared_error::weighted(io.input, io.second, i32s(weights), offset),
        false => squared_error::plain(io.input, io.second, offset),
    };
    if let Some(out) = io.output.first_mut() {
        *out = requantize(sum, factor, output);
    }
}

fn scaling(to: &mut Writer<'_>, node: &Node<'_>, scaling: &Scaling) {
    let (Factor { multiplier, shift }, output) = (scaling.factor(), scaling.output(&node.output));
    to.pair(multiplier, i32::from(shift));
    to.output(output);
}

#[inline]
fn shared(factor: i64, output: i64, clamp: i64) -> (Factor, Output) {
    let ((multiplier, shift), (zero_point, rounding), (lo, hi)) = (halves(factor), halves(output), halves(clamp));
    let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
    (Factor { multiplier, shift: shift as u8 }, Output { zero_point, lo, hi, rounding })
}

/// Cycles of a sum and of what follows it.
const fn cycles(inputs: usize, weighted: bool) -> usize {
    inputs.wrapping_mul(if weighted { 4 } else { 3 }).wrapping_add(25)
}

/// Words of a centroid.
const fn block_words(inputs: usize, weighted: bool) -> usize {
    let weights = if weighted { inputs.div_ceil(2) } else { 0 };
    inputs.div_ceil(4).wrapping_add(weights).wrapping_add(1)
}

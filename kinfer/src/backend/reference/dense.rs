//! A dense layer: zero point and row length, what all channels share, then a block a channel of bias, factor, and the row
//! of weights in 16 bits each.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::i16s;
use crate::format::{Dense, Rounding};
use crate::iter::chunks;
use crate::ops::dense::channel;
use crate::ops::requantize::{Factor, Output};
use crate::verify::Node;

const HEADER_WORDS: usize = 3;
const CHANNEL_WORDS: usize = 2;

pub(super) fn need(node: &Node<'_>, _dense: &Dense) -> Need {
    let (inputs, outputs) = (node.inputs(), node.outputs());
    Need {
        // A multiply, two loads and an extension a weight; requantisation in 128 bits.
        cycles: outputs.saturating_mul(inputs.saturating_mul(2).saturating_add(25)) as u32,
        words: outputs.saturating_mul(block_words(inputs)).saturating_add(HEADER_WORDS) as u32,
        lanes: 1,
        ..Need::default()
    }
}

pub(super) fn pack(node: &Node<'_>, dense: &Dense, memory: &mut [i64]) {
    let (inputs, outputs) = (node.inputs(), node.outputs());
    let output = dense.weights.output(&node.output);
    let mut to = Writer(memory);
    to.pair(inputs as i32, node.input.zero_point);
    to.output(output);
    to.channels(dense.weights.channels(node.model.data(), inputs, outputs), inputs.div_ceil(4));
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    let Some((&[input, output, clamp], rows)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let (inputs, zero_in) = halves(input);
    let (zero_point, rounding) = halves(output);
    let (lo, hi) = halves(clamp);
    let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
    let output = Output { zero_point, lo, hi, rounding };
    for (out, block) in io.output.iter_mut().zip(chunks(rows, block_words(inputs as usize))) {
        let Some((&[bias, factor], row)) = block.split_first_chunk::<CHANNEL_WORDS>() else { continue };
        let (multiplier, shift) = halves(factor);
        let factor = Factor { multiplier, shift: shift as u8 };
        *out = channel(i16s(row), bias, zero_in, io.input, factor, output);
    }
}

/// Words of a channel.
const fn block_words(inputs: usize) -> usize {
    inputs.div_ceil(4).saturating_add(CHANNEL_WORDS)
}

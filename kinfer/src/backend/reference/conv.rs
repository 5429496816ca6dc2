//! A convolution: the windows, channels, what all channels share, then a block an output channel of bias, factor, and the
//! row of weights in 16 bits each.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::i16s;
use crate::format::{Conv, Rounding};
use crate::iter::numbered;
use crate::ops::conv::{sum, Patch};
use crate::ops::requantize::{requantize, Factor, Output};
use crate::ops::window::Windows;
use crate::verify::Node;

const HEADER_WORDS: usize = Windows::WORDS + 5;
const CHANNEL_WORDS: usize = 2;

pub(super) fn need(node: &Node<'_>, conv: &Conv) -> Need {
    let (row, channels) = (conv.row(&node.input), node.output.channels() as usize);
    let [depth, _] = conv.channels_of_group(&node.input, &node.output);
    // A multiply, two loads and an extension a weight; where a tap lies; two divisions, and requantisation in 128
    // bits.
    let each = row.saturating_mul(2).saturating_add(row.checked_div(depth).unwrap_or(0).saturating_mul(5));
    let cycles = node.outputs().saturating_mul(each.saturating_add(60));
    Need {
        cycles: u32::try_from(cycles).unwrap_or(u32::MAX),
        words: channels.saturating_mul(block_words(row)).saturating_add(HEADER_WORDS) as u32,
        lanes: 1,
        ..Need::default()
    }
}

pub(super) fn pack(node: &Node<'_>, conv: &Conv, memory: &mut [i64]) {
    let output = conv.weights.output(&node.output);
    let [depth, group] = conv.channels_of_group(&node.input, &node.output);
    let (row, channels) = (conv.row(&node.input), node.output.channels());
    let mut to = Writer(memory);
    to.windows(&conv.window, node);
    to.pair(node.input.channels() as i32, depth as i32);
    to.pair(channels as i32, group as i32);
    to.pair(node.input.zero_point, row as i32);
    to.output(output);
    to.channels(conv.weights.channels(node.model.data(), row, channels as usize), row.div_ceil(4));
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    all(memory, io.input, io.output);
}

/// A function of its own, in whose place nothing else lies on the stack.
#[inline(never)]
fn all(memory: &[i64], image: &[i32], output: &mut [i32]) {
    for (number, out) in numbered(output) {
        *out = finish(memory, number, accumulate(memory, image, number));
    }
}

/// The sum for element `number` of the output.
#[inline(never)]
fn accumulate(memory: &[i64], image: &[i32], number: u32) -> i64 {
    let Some(&[w0, w1, w2, w3, inputs, outputs, zero, ..]) = memory.first_chunk::<HEADER_WORDS>() else { return 0 };
    let ((channels, depth), (outputs, group), (zero_point, _)) = (halves(inputs), halves(outputs), halves(zero));
    let pixel = number.checked_div(outputs as u32).unwrap_or(0);
    let channel = number.wrapping_sub(pixel.wrapping_mul(outputs as u32));
    let group = match group {
        1 => channel,
        group => channel.checked_div(group as u32).unwrap_or(0),
    };
    let Some((&[bias, _], weights)) = block(memory, channel) else { return 0 };
    let windows = Windows::from_words(&[w0, w1, w2, w3]);
    let first = (depth as usize).wrapping_mul(group as usize);
    let patch = Patch {
        image: image.get(first..).unwrap_or_default(),
        zero_point,
        channels: channels as usize,
        depth: depth as usize,
        origin: windows.origin_of(pixel),
    };
    sum(i16s(weights), bias, &windows, &patch)
}

/// Element `number` of the output for its sum.
#[inline(never)]
fn finish(memory: &[i64], number: u32, acc: i64) -> i32 {
    let Some(&[_, _, _, _, _, outputs, _, output, clamp]) = memory.first_chunk::<HEADER_WORDS>() else { return 0 };
    let channel = number.checked_rem(halves(outputs).0 as u32).unwrap_or(0);
    let Some((&[_, factor], _)) = block(memory, channel) else { return 0 };
    let ((multiplier, shift), (zero_point, rounding), (lo, hi)) = (halves(factor), halves(output), halves(clamp));
    let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
    requantize(acc, Factor { multiplier, shift: shift as u8 }, Output { zero_point, lo, hi, rounding })
}

/// The block of a channel: what is its own, and the weights.
#[inline]
fn block(memory: &[i64], channel: u32) -> Option<(&[i64; CHANNEL_WORDS], &[i64])> {
    let (&[_, _, _, _, _, _, zero, ..], blocks) = memory.split_first_chunk::<HEADER_WORDS>()?;
    let (_, row) = halves(zero);
    blocks.get(block_words(row as usize).wrapping_mul(channel as usize)..)?.split_first_chunk()
}

/// Words of an output channel.
const fn block_words(row: usize) -> usize {
    row.div_ceil(4).saturating_add(CHANNEL_WORDS)
}

//! A convolution: the windows, channels, what all channels share, then a block an output channel of bias, factor, and the
//! row of weights in 16 bits each.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::cast::{i16s, i16s_mut};
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
    for word in Windows::new(&conv.window, node.input.size()).to_words() {
        to.word(word);
    }
    to.pair(node.input.channels() as i32, depth as i32);
    to.pair(channels as i32, group as i32);
    to.pair(node.input.zero_point, row as i32);
    to.pair(output.zero_point, i32::from(output.rounding as u8));
    to.pair(output.lo, output.hi);
    for channel in conv.weights.channels(node.model.data(), row, channels as usize) {
        to.word(channel.bias);
        to.pair(channel.factor.multiplier, i32::from(channel.factor.shift));
        let row = to.take(block_words(row).saturating_sub(CHANNEL_WORDS));
        for (to, weight) in i16s_mut(row).iter_mut().zip(channel.weights()) {
            *to = weight as i16; // weights have at most 16 bits
        }
    }
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    for (number, out) in numbered(io.output) {
        *out = element(memory, io.input, number);
    }
}

/// Element `number` of the output.
#[inline]
fn element(memory: &[i64], image: &[i32], number: u32) -> i32 {
    let Some((header, blocks)) = memory.split_first_chunk::<HEADER_WORDS>() else { return 0 };
    let &[w0, w1, w2, w3, inputs, outputs, zero, output, clamp] = header;
    let windows = Windows::from_words(&[w0, w1, w2, w3]);
    let ((channels, depth), (outputs, group)) = (halves(inputs), halves(outputs));
    let pixel = number.checked_div(outputs as u32).unwrap_or(0);
    let out_channel = number.wrapping_sub(pixel.wrapping_mul(outputs as u32));
    let group = match group {
        1 => out_channel,
        group => out_channel.checked_div(group as u32).unwrap_or(0),
    };

    let (zero_point, row) = halves(zero);
    let at = block_words(row as usize).wrapping_mul(out_channel as usize);
    let block = blocks.get(at..).unwrap_or(&[]).split_first_chunk::<CHANNEL_WORDS>();
    let Some((&[bias, factor], weights)) = block else { return 0 };
    let patch = Patch {
        image,
        zero_point,
        channels: channels as usize,
        depth: depth as usize,
        first: (depth as usize).wrapping_mul(group as usize),
        origin: windows.origin_of(pixel),
    };
    let acc = sum(i16s(weights), bias, &windows, &patch);

    let ((multiplier, shift), (zero_out, rounding), (lo, hi)) = (halves(factor), halves(output), halves(clamp));
    let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
    let factor = Factor { multiplier, shift: shift as u8 };
    requantize(acc, factor, Output { zero_point: zero_out, lo, hi, rounding })
}

/// Words of an output channel.
const fn block_words(row: usize) -> usize {
    row.div_ceil(4).saturating_add(CHANNEL_WORDS)
}

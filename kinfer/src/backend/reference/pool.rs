//! Pooling: the windows, channels, what is made of a window.

use super::super::{Io, Need};
use super::write::{halves, Writer};
use crate::format::{Pool, PoolMode, Rounding};
use crate::iter::{chunks_mut, numbered};
use crate::ops::pool::{pool, Mean};
use crate::ops::window::Windows;
use crate::verify::Node;

const HEADER_WORDS: usize = Windows::WORDS + 2;

pub(super) fn need(node: &Node<'_>, pool: &Pool) -> Need {
    let taps = pool.window.taps();
    let channels = node.input.channels().max(1) as usize;
    let positions = node.outputs().checked_div(channels).unwrap_or(0);
    // A load, a load and a store of what is gathered so far; a division a mean; where a tap lies.
    let each = match pool.mode {
        PoolMode::Max => taps,
        PoolMode::Average | PoolMode::AveragePadded => taps.saturating_add(25),
    };
    let cycles = node.outputs().saturating_mul(each);
    let cycles = cycles.saturating_add(positions.saturating_mul(taps).saturating_mul(5));
    Need { cycles: u32::try_from(cycles).unwrap_or(u32::MAX), words: HEADER_WORDS as u32, ..Need::default() }
}

pub(super) fn pack(node: &Node<'_>, pool: &Pool, memory: &mut [i64]) {
    let mut to = Writer(memory);
    to.windows(&pool.window, node);
    to.pair(node.input.channels() as i32, node.input.zero_point);
    to.pair(i32::from(pool.mode as u8), i32::from(pool.rounding as u8));
}

#[inline(always)]
pub(crate) fn run(memory: &[i64], io: Io<'_>) {
    let Some(header) = memory.first_chunk() else { return };
    let &[_, _, _, _, channels, _] = header;
    let (channels, _) = halves(channels);
    for (number, out) in numbered(chunks_mut(io.output, channels as usize)) {
        pixel(header, io.input, number, out);
    }
}

/// Pixel `number` of the output.
#[inline(never)]
fn pixel(header: &[i64; HEADER_WORDS], image: &[i32], number: u32, out: &mut [i32]) {
    let &[w0, w1, w2, w3, channels, how] = header;
    let windows = Windows::from_words(&[w0, w1, w2, w3]);
    let origin = windows.origin_of(number);
    let ((_, zero_point), (mode, rounding)) = (halves(channels), halves(how));
    let rounding = Rounding::from_code(rounding as u8).unwrap_or(Rounding::HalfEven);
    let mean = Mean { zero_point, rounding, padded: mode == PoolMode::AveragePadded as i32 };
    pool((mode != PoolMode::Max as i32).then_some(mean), &windows, origin, image, out);
}

//! A convolution without groups: at each position the window is gathered side by side, and is then the input of a dense
//! layer. Where windows lie side by side in the image already, over one dimension above all, nothing is gathered.

use super::super::{Io, Need};
use super::block::Rows;
use super::rows;
use super::sums::All;
use crate::cast::{halves, i32s_mut, pair};
use crate::format::Conv;
use crate::iter::{chunks_mut, numbered};
use crate::ops::window::Windows;
use crate::verify::{self, Node};

/// The windows; channels; zero point of the input and whether to gather. Segments of rows follow.
const HEADER_WORDS: usize = Windows::WORDS + 2;

pub(super) fn need(node: &Node<'_>, conv: &Conv) -> Option<Need> {
    let rows = rows_of(node, conv)?;
    let need = rows::need(&rows);
    let positions = node.outputs().checked_div(rows.count)?;
    // A load and a store a value; where each row of the window lies.
    let height = usize::from(conv.window.kernel[0]);
    let gather = if gathers(node, conv) { rows.len.saturating_add(height.saturating_mul(8)) } else { 0 };
    let each = need.cycles.saturating_add(gather).saturating_add(12);
    Some(Need {
        cycles: u32::try_from(positions.saturating_mul(each)).unwrap_or(u32::MAX),
        words: need.words.saturating_add(HEADER_WORDS) as u32,
        workspace: if gathers(node, conv) { rows.len.div_ceil(2) as u32 } else { 0 },
        lanes: need.lanes,
        ..Need::default()
    })
}

pub(super) fn pack(node: &Node<'_>, conv: &Conv, memory: &mut [i64]) {
    let Some(rows) = rows_of(node, conv) else { return };
    let Some((header, segments)) = memory.split_first_chunk_mut::<HEADER_WORDS>() else { return };
    let [w0, w1, w2, w3] = Windows::new(&conv.window, node.input.size()).to_words();
    *header = [
        w0,
        w1,
        w2,
        w3,
        pair(node.input.channels() as i32, node.output.channels() as i32),
        pair(node.input.zero_point, i32::from(gathers(node, conv))),
    ];
    rows::pack(&rows, node.input.zero_point, segments);
}

/// Pixel by pixel, and little in the frame: the decision's stack is short.
#[inline(never)]
pub(super) fn run(memory: &[i64], io: Io<'_>) {
    let Some((header, segments)) = memory.split_first_chunk() else { return };
    let (room, mut output) = (i32s_mut(io.workspace), io.output);
    let mut number = 0u32;
    while !output.is_empty() {
        let window = window(header, io.input, room, number);
        rows::run(segments, All(window), output);
        output = behind_pixel(header, output);
        number = number.wrapping_add(1);
    }
}

#[inline]
fn behind_pixel<'o>(header: &[i64; HEADER_WORDS], output: &'o mut [i32]) -> &'o mut [i32] {
    let &[_, _, _, _, channels, _] = header;
    let (_, outputs) = halves(channels);
    output.get_mut(outputs.max(1) as usize..).unwrap_or_default()
}

/// What window `number` sees, side by side: a piece of the image, or gathered in `room`.
#[inline(never)]
fn window<'w>(header: &[i64; HEADER_WORDS], image: &'w [i32], room: &'w mut [i32], number: u32) -> &'w [i32] {
    let &[w0, w1, w2, w3, channels, input] = header;
    let windows = Windows::from_words(&[w0, w1, w2, w3]);
    let ((channels, _), (zero_point, gathers)) = (halves(channels), halves(input));
    let [height, width] = windows.kernel;
    let row = height.wrapping_mul(width).wrapping_mul(channels) as usize;
    let origin = windows.origin_of(number);
    if gathers == 0 {
        let first = windows.pixel(origin, 0, 0).unwrap_or(0).wrapping_mul(channels as usize);
        return image.get(first..).and_then(|tail| tail.get(..row)).unwrap_or(&[]);
    }
    let window = room.get_mut(..row).unwrap_or_default();
    gather(&windows, origin, channels, zero_point, image, window);
    window
}

/// Copies what the window at `origin` sees of `image`, the zero point for what it sees of the padding.
#[inline]
fn gather(windows: &Windows, origin: [i32; 2], channels: i32, zero_point: i32, image: &[i32], window: &mut [i32]) {
    let ([_, taps], [_, step], [_, width], [_, x]) = (windows.kernel, windows.dilation, windows.input, origin);
    let of_row = taps.wrapping_mul(channels) as usize;
    for (i, to) in numbered(chunks_mut(window, of_row)) {
        if step == 1 {
            // The row of the window that is inside the image, in one piece.
            let (first, last) = (x.max(0), x.wrapping_add(taps).min(width));
            let skipped = first.wrapping_sub(x).wrapping_mul(channels) as usize;
            let length = last.wrapping_sub(first).max(0).wrapping_mul(channels) as usize;
            if length < of_row {
                to.fill(zero_point);
            }
            match windows.pixel([origin[0], first], i as i32, 0) {
                Some(pixel) => copy(image, pixel, channels, to.get_mut(skipped..), length),
                None => to.fill(zero_point),
            }
        } else {
            for (j, to) in numbered(chunks_mut(to, channels as usize)) {
                match windows.pixel(origin, i as i32, j as i32) {
                    Some(pixel) => copy(image, pixel, channels, Some(to), channels as usize),
                    None => to.fill(zero_point),
                }
            }
        }
    }
}

/// Copies `length` values from `pixel` on.
#[inline]
fn copy(image: &[i32], pixel: usize, channels: i32, to: Option<&mut [i32]>, length: usize) {
    let from = image.get(pixel.wrapping_mul(channels as usize)..).unwrap_or(&[]);
    for (to, &value) in to.unwrap_or_default().iter_mut().zip(from).take(length) {
        *to = value;
    }
}

/// Whether a window's values are in more than one piece of the image, or partly in the padding.
fn gathers(node: &Node<'_>, conv: &Conv) -> bool {
    let window = &conv.window;
    let ([height, width], [down, across]) = (window.kernel, window.dilation);
    let [_, columns] = node.input.size();
    let one_row = height == 1 || (down == 1 && u32::from(width) == columns);
    let side_by_side = one_row && (width == 1 || across == 1);
    window.is_padded() || !side_by_side
}

fn rows_of<'n, 'm>(node: &'n Node<'m>, conv: &'n Conv) -> Option<Rows<'n, 'm>> {
    if conv.groups != 1 {
        return None;
    }
    let centred = verify::conv::reach(node, conv).ok()?;
    let (len, count) = (conv.row(&node.input), node.output.channels() as usize);
    Some(Rows { node, weights: &conv.weights, len, count, centred })
}

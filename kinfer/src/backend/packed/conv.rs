//! A convolution without groups: at each position the window is gathered side by side, and is then the input of a dense
//! layer. Where windows lie side by side in the image already, over one dimension above all, nothing is gathered. In the
//! plan a position is a record that gathers, then one for each segment of rows.

use super::super::{Io, Need};
use super::block::Rows;
use super::dense::rows_parts;
use super::rows;
use super::sums::All;
use crate::cast::{halves, i32s_mut, pair};
use crate::engine::layout::{Layer, Path};
use crate::engine::span::Span;
use crate::format::Conv;
use crate::iter::{chunks_mut, numbered};
use crate::ops::window::Windows;
use crate::verify::{self, Node};

/// The windows; channels; zero point of the input and whether to gather. Segments of rows follow.
const HEADER_WORDS: usize = Windows::WORDS + 2;
/// What a block's lanes can hold beyond its rows.
const SPARE_WORDS: u32 = 8;

pub(super) fn need(node: &Node<'_>, conv: &Conv) -> Option<Need> {
    let rows = rows_of(node, conv)?;
    let (need, gathers) = (rows::need(&rows), gathers(node, conv));
    let positions = node.outputs().checked_div(rows.count)?;
    // A load and a store a value; where each row of the window lies.
    let height = usize::from(conv.window.kernel[0]);
    let gather = if gathers { rows.len.saturating_add(height.saturating_mul(8)).saturating_add(25) } else { 0 };
    let records = positions.saturating_mul(need.segments.saturating_add(usize::from(gathers)));
    Some(Need {
        cycles: u32::try_from(positions.saturating_mul(need.cycles.saturating_add(gather))).unwrap_or(u32::MAX),
        words: need.words.saturating_add(HEADER_WORDS) as u32,
        workspace: SPARE_WORDS.saturating_add(if gathers { rows.len.div_ceil(2) as u32 } else { 0 }),
        lanes: need.lanes,
        records: u16::try_from(records).ok()?,
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

/// Calls `each` with the records that run `layer`, position after position.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(crate) fn parts(node: &Node<'_>, conv: &Conv, layer: Layer, memory: &[i64], each: &mut dyn FnMut(Layer)) {
    let Some(rows) = rows_of(node, conv) else { return };
    let (windows, gathers) = (Windows::new(&conv.window, node.input.size()), gathers(node, conv));
    let behind = (layer.output.end().saturating_add(1) & !1).saturating_add(SPARE_WORDS.saturating_mul(2));
    let gathered = Span { at: behind, len: rows.len as u32 };
    let [down, across] = windows.output;
    let mut pixel = layer.output.at;
    for number in 0..down.saturating_mul(across) as u32 {
        let (mut path, mut input, mut second) = (Path::WindowRows, layer.input, gathered);
        if gathers {
            each(Layer {
                path: Path::Window,
                second: Span { at: number, len: 0 },
                output: gathered,
                memory: Span { len: HEADER_WORDS as u32, ..layer.memory },
                ..layer
            });
        } else {
            let first = windows.pixel(windows.origin_of(number), 0, 0).unwrap_or(0) as u32;
            let at = layer.input.at.saturating_add(first.saturating_mul(node.input.channels()));
            (path, input, second) = (Path::Rows, Span { at, ..gathered }, Span::default());
        }
        rows_parts(Layer { path, input, second, ..layer }, pixel, HEADER_WORDS, memory, each);
        pixel = pixel.saturating_add(node.output.channels());
    }
}

/// Runs all positions.
#[inline] // not in the kernel's object
pub(super) fn run_all(memory: &[i64], io: Io<'_>) {
    let Some((header, segments)) = memory.split_first_chunk::<HEADER_WORDS>() else { return };
    let &[w0, w1, w2, w3, channels, input] = header;
    let windows = Windows::from_words(&[w0, w1, w2, w3]);
    let ([height, width], (channels, outputs)) = (windows.kernel, halves(channels));
    let row = height.wrapping_mul(width).wrapping_mul(channels) as usize;
    let room = i32s_mut(io.workspace).get_mut(..row).unwrap_or_default();
    for (number, pixel) in numbered(chunks_mut(io.output, outputs as usize)) {
        let window = match halves(input) {
            (_, 0) => {
                let first = windows.pixel(windows.origin_of(number), 0, 0).unwrap_or(0);
                let tail = io.input.get(first.wrapping_mul(channels as usize)..);
                tail.and_then(|tail| tail.get(..row)).unwrap_or(&[])
            }
            _ => {
                gather(memory, io.input, number, room);
                &*room
            }
        };
        rows::run(segments, All(window), pixel);
    }
}

/// Copies what window `number` sees of `image` to the front of `window`, the zero point for what it sees of the padding.
#[inline(never)]
pub(crate) fn gather(header: &[i64], image: &[i32], number: u32, window: &mut [i32]) {
    let Some(&[w0, w1, w2, w3, channels, input]) = header.first_chunk::<HEADER_WORDS>() else { return };
    let windows = Windows::from_words(&[w0, w1, w2, w3]);
    let ((channels, _), (zero_point, _)) = (halves(channels), halves(input));
    let ([height, width], [down, across], [rows, columns]) = (windows.kernel, windows.dilation, windows.input);
    // A row of the window is one piece of the image, or as many as it has taps when it is dilated.
    let (pieces, taps) = if across == 1 { (1, width) } else { (width, 1) };
    let [mut y, x] = windows.origin_of(number);
    let mut to = chunks_mut(window, taps.wrapping_mul(channels) as usize);
    for _ in 0..height {
        let mut x = x;
        for _ in 0..pieces {
            let Some(to) = to.next() else { return };
            // The part of the piece that is inside the image.
            let (first, last) = (x.max(0), x.wrapping_add(taps).min(columns));
            if first > x || last < x.wrapping_add(taps) || y < 0 || y >= rows {
                to.fill(zero_point);
            }
            if first < last && y >= 0 && y < rows {
                let pixel = y.wrapping_mul(columns).wrapping_add(first);
                let from = image.get(pixel.wrapping_mul(channels) as usize..).unwrap_or(&[]);
                let skipped = first.wrapping_sub(x).wrapping_mul(channels) as usize;
                let length = last.wrapping_sub(first).wrapping_mul(channels) as usize;
                let to = to.get_mut(skipped..).unwrap_or_default();
                for (to, &value) in to.iter_mut().zip(from).take(length) {
                    *to = value;
                }
            }
            x = x.wrapping_add(across);
        }
        y = y.wrapping_add(down);
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

//! Operators that move elements, and pools and clips, which keep a grid.

use kinfer::format::{PoolMode, Rounding};

use super::lower::{Key, Op};
use super::writer::{Writer, dims};
use crate::error::Result;
use crate::graph::{Pool, PoolKind};
use crate::kinf::{ClipSpec, ConcatSpec, DenseSpec, OperatorSpec, PoolSpec, RowsSpec, SliceSpec, TensorSpec};

/// Slices that a selection is split into, at most.
const MOST_PARTS: usize = 8;
/// Elements of a selection that a dense layer of zeros and ones may make.
const MOST_DENSE: usize = 256;

/// A regular part of each row: as the operator slice has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Regular {
    rows: usize,
    start: usize,
    count: usize,
    stride: usize,
}

/// Values side by side, two by two.
pub(super) fn concat(writer: &mut Writer<'_>, op: &Op, rows: usize) -> Result<()> {
    let mut tensor = writer.tensor(op.inputs[0])?;
    let mut width = writer.lowered.width(op.inputs[0]);
    let last = op.inputs.len() - 1;
    for (index, &input) in op.inputs.iter().enumerate().skip(1) {
        width += writer.lowered.width(input);
        let shape = if index == last { dims(&op.shape) } else { vec![width as u32] };
        let spec = writer.spec(op.value, shape)?;
        tensor = join(writer, tensor, writer.tensor(input)?, rows, spec);
    }
    writer.write(op.value, tensor);
    Ok(())
}

fn join(writer: &mut Writer<'_>, input: u16, second: u16, rows: usize, spec: TensorSpec) -> u16 {
    let concat = ConcatSpec { input, second, output: writer.next(), rows: rows as u32 };
    writer.push(OperatorSpec::Concat(concat), spec)
}

/// Chosen elements: one slice, a few side by side, or a dense layer of zeros and ones.
pub(super) fn select(writer: &mut Writer<'_>, op: &Op, indices: &[usize]) -> Result<()> {
    let key = op.inputs[0];
    let input = writer.tensor(key)?;
    let width = writer.lowered.width(key);
    if indices.iter().copied().eq(0..width) {
        writer.write(op.value, input);
        return Ok(());
    }
    if let Some(regular) = regular(indices, width) {
        let spec = writer.output(op)?;
        let tensor = slice(writer, input, regular, spec);
        writer.write(op.value, tensor);
        return Ok(());
    }
    let parts = runs(indices);
    if parts.len() <= MOST_PARTS {
        let mut all: Option<(u16, usize)> = None;
        for part in parts {
            let spec = writer.spec(op.value, vec![part.count as u32])?;
            let next = slice(writer, input, part, spec);
            all = Some(match all {
                None => (next, part.count),
                Some((before, count)) => {
                    let count = count + part.count;
                    let spec = writer.spec(op.value, vec![count as u32])?;
                    (join(writer, before, next, 1, spec), count)
                }
            });
        }
        if let Some((tensor, _)) = all {
            writer.write(op.value, tensor);
        }
        return Ok(());
    }
    if indices.len() > MOST_DENSE || width > MOST_DENSE {
        let what = format!("it puts {} of {width} elements into an order that few slices do not make", indices.len());
        return Err(writer.wrong(op, &what, "transpose beside a dense layer, whose weights take it up, or not at all"));
    }
    gather(writer, op, key, indices)
}

/// A dense layer that copies: input and output share the grid of each element, so that every factor is 1.
fn gather(writer: &mut Writer<'_>, op: &Op, key: Key, indices: &[usize]) -> Result<()> {
    let width = writer.lowered.width(key);
    let mut weights = vec![0i8; indices.len() * width];
    for (row, &element) in weights.chunks_exact_mut(width).zip(indices) {
        row[element] = 1;
    }
    let grid = writer.grid(op.value)?;
    let rows = RowsSpec {
        weights: weights.into(),
        biases: vec![0; indices.len()],
        multipliers: vec![1 << 30; indices.len()],
        shifts: vec![30; indices.len()],
        rounding: Rounding::HalfEven,
        lo: grid.lo,
        hi: grid.hi,
    };
    let dense = DenseSpec { input: writer.tensor(key)?, output: writer.next(), rows, skip_zeros: false };
    let spec = writer.output(op)?;
    writer.finish(op, OperatorSpec::Dense(dense), spec);
    Ok(())
}

fn slice(writer: &mut Writer<'_>, input: u16, part: Regular, spec: TensorSpec) -> u16 {
    let [rows, start, count, stride] = [part.rows, part.start, part.count, part.stride].map(|number| number as u32);
    let slice = SliceSpec { input, output: writer.next(), rows, start, count, stride };
    writer.push(OperatorSpec::Slice(slice), spec)
}

/// The part of `elements` elements from `start` on, as one row.
pub(super) fn part(writer: &mut Writer<'_>, input: u16, start: usize, spec: TensorSpec) -> u16 {
    let count = spec.dims.iter().product::<u32>() as usize;
    slice(writer, input, Regular { rows: 1, start, count, stride: 1 }, spec)
}

/// The slice that takes just these of `width` elements.
fn regular(indices: &[usize], width: usize) -> Option<Regular> {
    let first = *indices.first()?;
    let stride = match indices.get(1) {
        Some(second) => second.checked_sub(first).filter(|&stride| stride > 0)?,
        None => 1,
    };
    let count = indices.windows(2).position(|pair| pair[1].checked_sub(pair[0]) != Some(stride));
    let count = count.map_or(indices.len(), |last| last + 1);
    (1..=count).rev().filter(|count| indices.len().is_multiple_of(*count)).find_map(|count| {
        let rows = indices.len() / count;
        let row = width / rows;
        let takes = |(at, &index): (usize, &usize)| index == at / count * row + first + at % count * stride;
        let fits = width.is_multiple_of(rows) && first + (count - 1) * stride < row;
        (fits && indices.iter().enumerate().all(takes)).then_some(Regular { rows, start: first, count, stride })
    })
}

/// Pieces of evenly spaced elements, one after the other.
fn runs(indices: &[usize]) -> Vec<Regular> {
    let mut parts: Vec<Regular> = vec![];
    for &index in indices {
        if let Some(part) = parts.last_mut() {
            let last = part.start + (part.count - 1) * part.stride;
            let step = index.checked_sub(last).filter(|&step| step > 0);
            if step.is_some_and(|step| part.count == 1 || step == part.stride) {
                part.stride = step.unwrap_or(1);
                part.count += 1;
                continue;
            }
        }
        parts.push(Regular { rows: 1, start: index, count: 1, stride: 1 });
    }
    parts
}

/// Maximum or mean of windows.
pub(super) fn pool(writer: &mut Writer<'_>, op: &Op, pool: &Pool) -> Result<()> {
    let input = writer.tensor(op.inputs[0])?;
    let input = writer.reshaped(input, &pool.image.map(|size| size as u32));
    let mode = match pool.kind {
        PoolKind::Max => PoolMode::Max,
        PoolKind::Mean => PoolMode::Average,
        PoolKind::MeanWithPadding => PoolMode::AveragePadded,
    };
    let spec = writer.spec(op.value, pool.output().map(|size| size as u32).to_vec())?;
    let pool = PoolSpec { input, output: writer.next(), mode, rounding: Rounding::HalfEven, window: pool.window };
    writer.finish(op, OperatorSpec::Pool(pool), spec);
    Ok(())
}

/// A clip that nothing took up.
pub(super) fn clip(writer: &mut Writer<'_>, op: &Op, lo: f64, hi: f64) -> Result<()> {
    let input = writer.tensor(op.inputs[0])?;
    let grid = writer.grid(op.value)?;
    let spec = writer.spec(op.value, writer.tensors[usize::from(input)].dims.clone())?;
    let lo = if lo == f64::NEG_INFINITY { grid.lo } else { grid.bound(lo) };
    let hi = if hi == f64::INFINITY { grid.hi } else { grid.bound(hi) };
    let clip = ClipSpec { input, output: writer.next(), lo, hi };
    writer.finish(op, OperatorSpec::Clip(clip), spec);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenly_spaced_elements_of_each_row_are_one_slice() {
        let of = |indices: &[usize], width| {
            regular(indices, width).map(|Regular { rows, start, count, stride }| [rows, start, count, stride])
        };
        assert_eq!(of(&[2, 3, 4], 6), Some([1, 2, 3, 1]));
        assert_eq!(of(&[1, 3, 5], 6), Some([1, 1, 3, 2]));
        assert_eq!(of(&[1, 2, 5, 6], 8), Some([2, 1, 2, 1]), "of rows of four");
        assert_eq!(of(&[5], 6), Some([1, 5, 1, 1]));
        assert_eq!(of(&[2, 1, 0], 3), None);
        assert_eq!(of(&[0, 2, 1, 3], 4), None, "a transposition");
    }

    #[test]
    fn what_is_no_slice_is_pieces() {
        let counts: Vec<_> =
            runs(&[3, 4, 5, 0, 2, 1]).iter().map(|part| (part.start, part.count, part.stride)).collect();
        assert_eq!(counts, [(3, 3, 1), (0, 2, 2), (1, 1, 1)]);
    }
}

//! The feature program: raw counters → tensor 0.
//!
//! Packed: the number of counters and of steps and the bounds of tensor 0, the range of each counter seen in calibration,
//! then the steps.

use super::affine::{quantize, Affine};
use crate::decision::Flags;
use crate::format::{Model, StepKind};
use crate::iter::{chunks, chunks_mut};

const HEADER_WORDS: usize = 2;
/// The range of a raw counter.
const RANGE_WORDS: usize = 2;
/// Multiplier, the two halves of the bias, source and shift.
const STEP_WORDS: usize = 4;

/// Words of packed memory.
pub(crate) fn words(model: &Model<'_>) -> u32 {
    let ranges = model.features().len().saturating_mul(RANGE_WORDS);
    let steps = model.program().len().saturating_mul(STEP_WORDS);
    ranges.saturating_add(steps).saturating_add(HEADER_WORDS) as u32
}

/// Words of scratch for values that are no elements of tensor 0; they lie before it.
pub(crate) fn value_words(_model: &Model<'_>) -> u32 {
    0
}

/// Lays the program of a verified model out.
pub(crate) fn pack(model: &Model<'_>, memory: &mut [i64]) {
    let (lo, hi) = model.tensors().get(0).map_or((0, 0), |input| input.element.range());
    let Some((header, rest)) = memory.split_first_chunk_mut::<HEADER_WORDS>() else { return };
    let features = model.features().len();
    *header = [(features as i64) | (model.program().len() as i64) << 32, i64::from(lo as u32) | i64::from(hi) << 32];
    let (ranges, steps) = rest.split_at_mut_checked(features.saturating_mul(RANGE_WORDS)).unwrap_or_default();
    for (to, feature) in chunks_mut(ranges, RANGE_WORDS).zip(model.features().iter()) {
        to.copy_from_slice(&[feature.lo, feature.hi]);
    }
    for (to, step) in chunks_mut(steps, STEP_WORDS).zip(model.program().iter()) {
        let StepKind::Affine { multiplier, bias, shift, .. } = step.kind;
        let source = i64::from(step.source) | i64::from(shift) << 16;
        to.copy_from_slice(&[multiplier, bias as i64, (bias >> 64) as i64, source]);
    }
}

/// Runs the program: `raw` in, elements of tensor 0 out.
#[inline]
pub(crate) fn run(memory: &[i64], raw: &[i64], _values: &mut [i64], _state: &mut [i64], inputs: &mut [i32]) -> Flags {
    let Some((&[counts, bounds], rest)) = memory.split_first_chunk::<HEADER_WORDS>() else { return Flags::NONE };
    let (features, lo, hi) = (counts as u32 as usize, bounds as i32, (bounds >> 32) as i32);
    let (ranges, steps) = rest.split_at_checked(features.saturating_mul(RANGE_WORDS)).unwrap_or_default();
    let inside = chunks(ranges, RANGE_WORDS).zip(raw).all(|(range, &value)| match *range {
        [lo, hi] => lo <= value && value <= hi,
        _ => false,
    });
    for (to, step) in inputs.iter_mut().zip(chunks(steps, STEP_WORDS)) {
        let &[multiplier, low, high, source] = step else { continue };
        let bias = i128::from(high) << 64 | i128::from(low as u64);
        let affine = Affine { multiplier, bias, shift: (source >> 16) as u8 };
        let value = raw.get(usize::from(source as u16)).copied().unwrap_or(0);
        *to = quantize(value, affine, lo, hi);
    }
    if inside {
        Flags::NONE
    } else {
        Flags::OUT_OF_RANGE
    }
}

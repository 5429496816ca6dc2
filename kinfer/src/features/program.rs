//! The feature program: raw counters → tensor 0.
//!
//! Packed: how many counters and steps there are, the range of each counter seen in calibration, an instruction for each
//! step, then the thresholds of all of them. The values that steps make lie before tensor 0 in scratch.

use super::affine::{quantize, Affine};
use super::buckets::{one_hot, rank};
use super::digits::digits;
use super::instruction::{Action, Instruction, Places, WORDS};
use super::log2::{log2, log2_one_plus};
use super::memory::{ewma, history, Weight};
use super::narrow::Narrow;
use super::quotient::ratio;
use crate::cast::{arrays, arrays_mut};
use crate::decision::Flags;
use crate::format::{Model, Step, StepKind};
use crate::iter::{chunks, chunks_mut};

/// The range of a raw counter: the smallest value, and how much more the largest is.
const RANGE_WORDS: usize = 2;

/// Words of packed memory.
pub(crate) fn words(model: &Model<'_>) -> u32 {
    let ranges = model.features().len().saturating_mul(RANGE_WORDS);
    let steps = model.program().len().saturating_mul(WORDS);
    let fixed = ranges.saturating_add(steps).saturating_add(1) as u32;
    model.program().iter().fold(fixed, |words, step| words.saturating_add(table_words(&step)))
}

/// Words of scratch for values that are no elements of tensor 0; they lie before it.
pub(crate) fn value_words(model: &Model<'_>) -> u32 {
    model.program().iter().fold(0, |words: u32, step| words.saturating_add(u32::from(step.kind.values())))
}

/// Lays the program of a verified model out.
pub(crate) fn pack(model: &Model<'_>, memory: &mut [i64]) {
    let Some((header, rest)) = memory.split_first_mut() else { return };
    let (features, steps) = (model.features().len(), model.program().len());
    *header = features as i64 | (steps as i64) << 32;
    let (ranges, rest) = rest.split_at_mut_checked(features.saturating_mul(RANGE_WORDS)).unwrap_or_default();
    for (to, feature) in chunks_mut(ranges, RANGE_WORDS).zip(model.features().iter()) {
        to.copy_from_slice(&[feature.lo, feature.hi.wrapping_sub(feature.lo)]);
    }

    let (instructions, mut tables) = rest.split_at_mut_checked(steps.saturating_mul(WORDS)).unwrap_or_default();
    let mut next = Places::default();
    for (to, step) in chunks_mut(instructions, WORDS).zip(model.program().iter()) {
        to.copy_from_slice(&Instruction::of(&step, features, next).to_words());
        let (table, behind) = tables.split_at_mut_checked(table_words(&step) as usize).unwrap_or_default();
        for (to, threshold) in table.iter_mut().zip(step.kind.thresholds(model.data())) {
            *to = threshold;
        }
        tables = behind;
        next.table = next.table.saturating_add(table_words(&step));
        next.value = next.value.saturating_add(step.kind.values());
    }
    Instruction::join(arrays_mut(instructions));
}

fn table_words(step: &Step) -> u32 {
    match step.kind {
        StepKind::Bucketise { count, .. } => u32::from(count),
        _ => 0,
    }
}

/// Runs the program: `raw` in, elements of tensor 0 out.
///
/// Not inlined: what it has on the stack is gone when the operators run.
#[inline(never)]
pub(crate) fn run(memory: &[i64], raw: &[i64], values: &mut [i64], state: &mut [i64], inputs: &mut [i32]) -> Flags {
    let Some((&counts, rest)) = memory.split_first() else { return Flags::NONE };
    let (features, steps) = (counts as u32 as usize, (counts >> 32) as usize);
    let (ranges, rest) = rest.split_at_checked(features.saturating_mul(RANGE_WORDS)).unwrap_or_default();
    // The difference is modulo 2^64: a value below the smallest is far above it.
    let inside = chunks(ranges, RANGE_WORDS).zip(raw).fold(true, |inside, (range, &value)| match *range {
        [lo, width] => inside & (value.wrapping_sub(lo) as u64 <= width as u64),
        _ => false,
    });

    let (instructions, tables) = rest.split_at_checked(steps.saturating_mul(WORDS)).unwrap_or_default();
    let mut elements = inputs;
    let mut instructions = arrays::<WORDS>(instructions);
    while let Some((words, behind)) = instructions.split_first() {
        let Instruction { source, action } = Instruction::from_words(words);
        let x = source.read(raw, values);
        match action {
            Action::Narrow { step, count, .. } => {
                let (run, behind) = instructions.split_at_checked(usize::from(count)).unwrap_or((&[], behind));
                let to = take(&mut elements, count);
                if step.ties {
                    run_narrow(run, raw, values, to, Narrow::round_ties);
                } else {
                    run_narrow(run, raw, values, to, Narrow::round);
                }
                instructions = behind;
                continue;
            }
            Action::Digits { largest, reciprocal, base, count } => {
                digits(x, largest, reciprocal, base, take(&mut elements, count));
            }
            Action::OneHot { first, off, on, count } => one_hot(x, first, (off, on), take(&mut elements, count)),
            Action::Copy(lo, hi) => put(&mut elements, clamp(x, lo, hi)),
            Action::Bucketise { at, count, base } => {
                let table = tables.get(at as usize..).and_then(|tables| tables.get(..usize::from(count)));
                put(&mut elements, base.wrapping_add(rank(table.unwrap_or_default(), x) as i32));
            }
            Action::Clamp { to, lo, hi } => set(values, to, x.max(lo).min(hi)),
            Action::Log2 { to, one_plus } => set(values, to, if one_plus { log2_one_plus(x) } else { log2(x) }),
            Action::Difference { to, second } => set(values, to, x.saturating_sub(second.read(raw, values))),
            Action::Wide(affine, lo, hi) => put(&mut elements, run_wide(x, affine, lo, hi)),
            Action::Ratio { to, second, shift } => set(values, to, run_ratio(x, second.read(raw, values), shift)),
            Action::Ewma { to, weight, state: at } => set(values, to, run_ewma(x, weight, state, at)),
            Action::History { to, count, state: at } => run_history(x, (at, count), state, (to, values)),
        }
        instructions = behind;
    }
    if inside {
        Flags::NONE
    } else {
        Flags::OUT_OF_RANGE
    }
}

/// Affine steps of one form.
#[inline]
fn run_narrow(
    run: &[[i64; WORDS]],
    raw: &[i64],
    values: &[i64],
    elements: &mut [i32],
    round: impl Fn(Narrow, i64) -> i64,
) {
    for (words, to) in run.iter().zip(elements) {
        let (source, step, (lo, hi)) = Instruction::narrow(words);
        *to = clamp(round(step, source.read(raw, values)), lo, hi);
    }
}

#[inline]
fn clamp(value: i64, lo: i32, hi: i32) -> i32 {
    value.max(i64::from(lo)).min(i64::from(hi)) as i32 // inside lo..=hi
}

/// Writes the next element.
#[inline]
fn put(elements: &mut &mut [i32], value: i32) {
    if let Some((to, behind)) = core::mem::take(elements).split_first_mut() {
        *to = value;
        *elements = behind;
    }
}

/// The next `count` elements.
#[inline]
fn take<'e>(elements: &mut &'e mut [i32], count: u16) -> &'e mut [i32] {
    let (taken, behind) = core::mem::take(elements).split_at_mut_checked(usize::from(count)).unwrap_or_default();
    *elements = behind;
    taken
}

#[inline]
fn set(values: &mut [i64], to: u16, value: i64) {
    if let Some(to) = values.get_mut(usize::from(to)) {
        *to = value;
    }
}

// The rest is kept out of the loop, so that its registers are there for the frequent steps.

#[inline(never)]
fn run_wide(x: i64, affine: Affine, lo: i32, hi: i32) -> i32 {
    quantize(x, affine, lo, hi)
}

#[inline(never)]
fn run_ratio(x: i64, second: i64, shift: u8) -> i64 {
    ratio(x, second, shift)
}

#[inline(never)]
fn run_ewma(x: i64, weight: Weight, state: &mut [i64], at: u32) -> i64 {
    let words = state.get_mut(at as usize..).and_then(|state| state.first_chunk_mut());
    words.map_or(0, |words| ewma(x, weight, words))
}

#[inline(never)]
fn run_history(x: i64, (at, count): (u32, u16), state: &mut [i64], (to, values): (u16, &mut [i64])) {
    let kept = state.get_mut(at as usize..).and_then(|state| state.get_mut(..usize::from(count)));
    let values = values.get_mut(usize::from(to)..).and_then(|values| values.get_mut(..usize::from(count)));
    history(x, kept.unwrap_or_default(), values.unwrap_or_default());
}

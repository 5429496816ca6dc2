//! The feature program: raw counters → tensor 0.
//!
//! Packed: how many counters and steps there are, the range of each counter seen in calibration, an instruction for each
//! step, then the thresholds of all of them. The values that steps make lie before tensor 0 in scratch.

use super::affine::{divide, Direction};
use super::buckets::{one_hot, rank};
use super::digits::digits;
use super::instruction::{bounds, code, narrow, weight, write, Head, Places, WORDS};
use super::log2::log2_of;
use super::memory::{ewma, history};
use super::quotient::ratio;
use super::saturate::saturate;
use crate::cast::arrays_mut;
use crate::decision::Flags;
use crate::format::{Model, Step, StepKind};
use crate::iter::chunks;

/// The range of a raw counter: the smallest value, and how much more the largest is.
const RANGE_WORDS: usize = 2;

/// Words of packed memory.
#[inline(never)]
pub(crate) fn words(model: &Model<'_>) -> u32 {
    let ranges = model.features().len().wrapping_mul(RANGE_WORDS);
    let steps = model.program().len().wrapping_mul(WORDS);
    let mut words = ranges.wrapping_add(steps).wrapping_add(1) as u32;
    for step in model.program().iter() {
        words = words.saturating_add(table_words(&step));
    }
    words
}

/// Words of scratch for values that are no elements of tensor 0; they lie before it.
#[inline(never)]
pub(crate) fn value_words(model: &Model<'_>) -> u32 {
    let mut words = 0u32;
    for step in model.program().iter() {
        words = words.saturating_add(u32::from(step.kind.values()));
    }
    words
}

/// Lays the program of a verified model out.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(crate) fn pack(model: &Model<'_>, memory: &mut [i64]) {
    let Some((header, mut rest)) = memory.split_first_mut() else { return };
    let (features, steps) = (model.features().len(), model.program().len());
    *header = features as i64 | (steps as i64) << 32;
    for feature in model.features().iter() {
        let Some((to, behind)) = rest.split_first_chunk_mut() else { return };
        *to = [feature.lo, feature.hi.wrapping_sub(feature.lo)];
        rest = behind;
    }
    let (instructions, mut tables) = rest.split_at_mut_checked(steps.wrapping_mul(WORDS)).unwrap_or_default();
    let mut next = Places::default();
    for (to, step) in arrays_mut(instructions).iter_mut().zip(model.program().iter()) {
        write(&step, features, next, to);
        for threshold in step.kind.thresholds(model.data()) {
            let Some((to, behind)) = tables.split_first_mut() else { return };
            *to = threshold;
            tables = behind;
        }
        next.table = next.table.wrapping_add(table_words(&step));
        next.value = next.value.wrapping_add(step.kind.values());
    }
}

fn table_words(step: &Step) -> u32 {
    match step.kind {
        StepKind::Bucketise { count, .. } => u32::from(count),
        _ => 0,
    }
}

/// Runs the program: `raw` in, elements of tensor 0 out.
///
/// One loop, in place of its only call, and what it calls calls nothing but [`divide`]: a decision has little stack.
#[inline(always)]
pub(crate) fn run(memory: &[i64], raw: &[i64], values: &mut [i64], state: &mut [i64], inputs: &mut [i32]) -> Flags {
    let Some((&counts, rest)) = memory.split_first() else { return Flags::NONE };
    let (features, steps) = (counts as u32 as usize, (counts >> 32) as usize);
    let (ranges, rest) = rest.split_at_checked(features.wrapping_mul(RANGE_WORDS)).unwrap_or_default();
    let (mut steps, tables) = rest.split_at_checked(steps.wrapping_mul(WORDS)).unwrap_or_default();
    let mut elements = inputs;
    while let Some((words, behind)) = steps.split_first_chunk::<WORDS>() {
        steps = behind;
        let (head, &[_, a, b, c, d, _]) = (Head::of(words), words);
        let (code, shift, number) = (head.code(), head.shift(), usize::from(head.number()));
        let x = head.source().read(raw, values);
        let made = match code {
            code::NARROW => {
                let mut words = words;
                let mut to = core::mem::take(&mut elements).iter_mut();
                // Most programs are a run of these: a loop of their own keeps it in registers.
                loop {
                    let x = Head::of(words).source().read(raw, values);
                    if let Some(to) = to.next() {
                        *to = clamp(narrow(words).round(x), bounds(words));
                    }
                    match steps.split_first_chunk() {
                        Some((next, behind)) if Head::of(next).code() == code::NARROW => {
                            (words, steps) = (next, behind)
                        }
                        _ => break,
                    }
                }
                elements = to.into_slice();
                continue;
            }
            code::COPY => x,
            code::WIDE => {
                let bias = i128::from(d) << 64 | i128::from(c as u64);
                saturate(divide(x, b, bias, shift, Direction::from_bits(number as u8)))
            }
            code::BUCKETISE => {
                let table = tables.get(b as usize..).and_then(|tables| tables.get(..number));
                c.wrapping_add(rank(table.unwrap_or_default(), x) as i64)
            }
            code::CLAMP => x.max(a).min(b),
            code::LOG2 => log2_of(x, shift),
            code::DIFFERENCE => x.saturating_sub(head.second().read(raw, values)),
            code::RATIO => ratio(x, head.second().read(raw, values), shift),
            code::EWMA => {
                let words_of_state = state.get_mut(b as usize..).and_then(|state| state.first_chunk_mut());
                words_of_state.map_or(0, |state| ewma(x, weight(words), state))
            }
            code::HISTORY => {
                let kept = state.get_mut(b as usize..).and_then(|state| state.get_mut(..a as usize));
                let values = values.get_mut(number..).unwrap_or_default();
                history(x, kept.unwrap_or_default(), values);
                continue;
            }
            _ => {
                let (taken, behind) = core::mem::take(&mut elements).split_at_mut_checked(number).unwrap_or_default();
                elements = behind;
                match code {
                    code::DIGITS => digits(x, a, b, c as i32, taken),
                    _ => one_hot(x, b, bounds(words), taken),
                }
                continue;
            }
        };
        if code > code::LAST_OF_ONE_ELEMENT {
            if let Some(to) = values.get_mut(number) {
                *to = made;
            }
        } else if let Some((to, behind)) = core::mem::take(&mut elements).split_first_mut() {
            *to = clamp(made, bounds(words));
            elements = behind;
        }
    }
    if inside(ranges, raw) {
        Flags::NONE
    } else {
        Flags::OUT_OF_RANGE
    }
}

#[inline]
fn clamp(value: i64, (lo, hi): (i32, i32)) -> i32 {
    value.max(i64::from(lo)).min(i64::from(hi)) as i32 // inside lo..=hi
}

/// Whether every counter is in its range.
#[inline(never)]
fn inside(ranges: &[i64], raw: &[i64]) -> bool {
    // The difference is modulo 2^64: a value below the smallest is far above it.
    chunks(ranges, RANGE_WORDS).zip(raw).fold(true, |inside, (range, &value)| match *range {
        [lo, width] => inside & (value.wrapping_sub(lo) as u64 <= width as u64),
        _ => false,
    })
}

//! The feature program: raw counters → tensor 0.
//!
//! Packed: how many counters and steps there are, the range of each counter seen in calibration, an instruction for each
//! step, then the thresholds of all of them. The values that steps make lie before tensor 0 in scratch.

use super::affine::quantize;
use super::buckets::{one_hot, rank};
use super::digits::digits;
use super::instruction::{Action, Code, Instruction, Operand, Places, WORDS};
use super::log2::{log2, log2_one_plus};
use super::memory::{ewma, history};
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
    let inside = inside(ranges, raw);
    let (instructions, tables) = rest.split_at_checked(steps.saturating_mul(WORDS)).unwrap_or_default();
    let mut machine = Machine { raw, values, state, elements: inputs, tables };
    let mut instructions = arrays::<WORDS>(instructions);
    while let Some((words, behind)) = instructions.split_first() {
        instructions = behind;
        match Code::of(words) {
            Code::Narrow | Code::NarrowTies => {
                let more = Instruction::count(words).wrapping_sub(1);
                let (more, behind) = behind.split_at_checked(more).unwrap_or_default();
                instructions = behind;
                machine.narrow(words, more);
            }
            Code::Digits => machine.digits(words),
            Code::OneHot => machine.one_hot(words),
            Code::Bucketise => machine.bucketise(words),
            Code::Copy | Code::Clamp | Code::Difference => machine.simple(words),
            Code::Log2 => machine.log2(words),
            Code::Wide => machine.wide(words),
            Code::Ratio => machine.ratio(words),
            Code::Ewma => machine.ewma(words),
            Code::History => machine.history(words),
        }
    }
    if inside {
        Flags::NONE
    } else {
        Flags::OUT_OF_RANGE
    }
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

/// What a step may read and write.
///
/// The functions of the steps are calls, and read the instruction themselves: a decision has one of them at a time on the
/// stack.
struct Machine<'a> {
    raw: &'a [i64],
    values: &'a mut [i64],
    state: &'a mut [i64],
    /// Those of tensor 0 that are not written yet.
    elements: &'a mut [i32],
    tables: &'a [i64],
}

impl Machine<'_> {
    #[inline]
    fn read(&self, operand: Operand) -> i64 {
        operand.read(self.raw, self.values)
    }

    /// The source's value, and what to do with it.
    #[inline]
    fn fetch(&self, words: &[i64; WORDS]) -> (i64, Action) {
        let Instruction { source, action } = Instruction::from_words(words);
        (self.read(source), action)
    }

    /// Writes a value.
    #[inline]
    fn set(&mut self, to: u16, value: i64) {
        if let Some(to) = self.values.get_mut(usize::from(to)) {
            *to = value;
        }
    }

    /// Writes the next element.
    #[inline]
    fn put(&mut self, value: i32) {
        if let Some((to, behind)) = core::mem::take(&mut self.elements).split_first_mut() {
            *to = value;
            self.elements = behind;
        }
    }

    /// Affine steps of one form: `first` and `more`.
    #[inline(never)]
    fn narrow(&mut self, first: &[i64; WORDS], more: &[[i64; WORDS]]) {
        let all = core::iter::once(first).chain(more);
        match Code::of(first) {
            Code::NarrowTies => all.for_each(|words| self.narrow_step(words, Narrow::round_ties)),
            _ => all.for_each(|words| self.narrow_step(words, Narrow::round)),
        }
    }

    #[inline]
    fn narrow_step(&mut self, words: &[i64; WORDS], round: impl Fn(Narrow, i64) -> i64) {
        let (source, step, (lo, hi)) = Instruction::narrow(words);
        self.put(clamp(round(step, self.read(source)), lo, hi));
    }

    #[inline(never)]
    fn wide(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::Wide(affine, lo, hi)) = self.fetch(words) {
            self.put(quantize(x, affine, lo, hi));
        }
    }

    #[inline(never)]
    fn digits(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::Digits { largest, reciprocal, base, count }) = self.fetch(words) {
            digits(x, largest, reciprocal, base, take(&mut self.elements, count));
        }
    }

    #[inline(never)]
    fn one_hot(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::OneHot { first, off, on, count }) = self.fetch(words) {
            one_hot(x, first, (off, on), take(&mut self.elements, count));
        }
    }

    #[inline(never)]
    fn bucketise(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::Bucketise { at, count, base }) = self.fetch(words) {
            let table = self.tables.get(at as usize..).and_then(|tables| tables.get(..usize::from(count)));
            self.put(base.wrapping_add(rank(table.unwrap_or_default(), x) as i32));
        }
    }

    /// Steps of an instruction or two.
    #[inline(never)]
    fn simple(&mut self, words: &[i64; WORDS]) {
        match self.fetch(words) {
            (x, Action::Copy(lo, hi)) => self.put(clamp(x, lo, hi)),
            (x, Action::Clamp { to, lo, hi }) => self.set(to, x.max(lo).min(hi)),
            (x, Action::Difference { to, second }) => self.set(to, x.saturating_sub(self.read(second))),
            _ => {}
        }
    }

    #[inline(never)]
    fn log2(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::Log2 { to, one_plus }) = self.fetch(words) {
            self.set(to, if one_plus { log2_one_plus(x) } else { log2(x) });
        }
    }

    #[inline(never)]
    fn ratio(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::Ratio { to, second, shift }) = self.fetch(words) {
            self.set(to, ratio(x, self.read(second), shift));
        }
    }

    #[inline(never)]
    fn ewma(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::Ewma { to, weight, state: at }) = self.fetch(words) {
            let words = self.state.get_mut(at as usize..).and_then(|state| state.first_chunk_mut());
            let mean = words.map_or(0, |words| ewma(x, weight, words));
            self.set(to, mean);
        }
    }

    #[inline(never)]
    fn history(&mut self, words: &[i64; WORDS]) {
        if let (x, Action::History { to, count, state: at }) = self.fetch(words) {
            let (at, to, count) = (at as usize, usize::from(to), usize::from(count));
            let kept = self.state.get_mut(at..).and_then(|state| state.get_mut(..count));
            let values = self.values.get_mut(to..).and_then(|values| values.get_mut(..count));
            history(x, kept.unwrap_or_default(), values.unwrap_or_default());
        }
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
fn clamp(value: i64, lo: i32, hi: i32) -> i32 {
    value.max(i64::from(lo)).min(i64::from(hi)) as i32 // inside lo..=hi
}

//! A step of the feature program in packed memory: six words.

use super::affine::Affine;
use super::digits::{largest, reciprocal};
use super::memory::Weight;
use super::narrow::Narrow;
use crate::cast::{halves, pair};
use crate::format::{Rounding, Step, StepKind};

/// Words of an instruction.
pub(super) const WORDS: usize = 6;

/// Where an operand is: in the raw counters, or in the values behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operand(u16);

const IS_VALUE: u16 = 0x8000;

impl Operand {
    /// Operand `index` of a program on `features` counters; the format has fewer than 2^15 of both together.
    fn new(index: u16, features: usize) -> Self {
        match usize::from(index).checked_sub(features) {
            None => Self(index),
            Some(value) => Self(value as u16 | IS_VALUE),
        }
    }

    #[inline]
    pub(super) fn read(self, raw: &[i64], values: &[i64]) -> i64 {
        let from = if self.0 & IS_VALUE == 0 { raw } else { values };
        from.get(usize::from(self.0 & !IS_VALUE)).copied().unwrap_or(0)
    }
}

/// Which action, and which form of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Code {
    Narrow,
    NarrowTies,
    Wide,
    Digits,
    OneHot,
    Bucketise,
    Copy,
    Clamp,
    Log2,
    Difference,
    Ratio,
    Ewma,
    History,
}

impl Code {
    #[inline]
    pub(super) const fn of(words: &[i64; WORDS]) -> Self {
        let &[head, ..] = words;
        match head as u8 {
            0 => Self::Narrow,
            1 => Self::NarrowTies,
            2 => Self::Wide,
            3 => Self::Digits,
            4 => Self::OneHot,
            5 => Self::Bucketise,
            6 => Self::Copy,
            7 => Self::Clamp,
            8 => Self::Log2,
            9 => Self::Difference,
            10 => Self::Ratio,
            11 => Self::Ewma,
            _ => Self::History,
        }
    }
}

/// What to do with the source. Values go to a place in the values' memory, elements to the next of tensor 0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// Affine in 64 bits. There are `count` of them from here on, all with ties or all without.
    Narrow {
        step: Narrow,
        lo: i32,
        hi: i32,
        count: u16,
    },
    /// Affine in 128 bits.
    Wide(Affine, i32, i32),
    Digits {
        largest: i64,
        reciprocal: i64,
        base: i32,
        count: u16,
    },
    OneHot {
        first: i64,
        off: i32,
        on: i32,
        count: u16,
    },
    Bucketise {
        at: u32,
        count: u16,
        base: i32,
    },
    Copy(i32, i32),
    Clamp {
        to: u16,
        lo: i64,
        hi: i64,
    },
    Log2 {
        to: u16,
        one_plus: bool,
    },
    Difference {
        to: u16,
        second: Operand,
    },
    Ratio {
        to: u16,
        second: Operand,
        shift: u8,
    },
    Ewma {
        to: u16,
        weight: Weight,
        state: u32,
    },
    History {
        to: u16,
        count: u16,
        state: u32,
    },
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub(super) source: Operand,
    pub(super) action: Action,
}

/// Where a step's values and thresholds go.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    /// The next value, counted behind the counters.
    pub(super) value: u16,
    /// The next word of tables.
    pub(super) table: u32,
}

impl Instruction {
    pub(super) fn of(step: &Step, features: usize, next: Places) -> Self {
        let to = next.value;
        let action = match step.kind {
            StepKind::Affine { multiplier, bias, shift, rounding, lo, hi } => {
                let affine = Affine { multiplier, bias, shift, rounding };
                match Narrow::of(affine, lo, hi) {
                    Some(step) => Action::Narrow { step, lo, hi, count: 1 },
                    None => Action::Wide(affine, lo, hi),
                }
            }
            StepKind::Copy { lo, hi } => Action::Copy(lo, hi),
            StepKind::Bucketise { count, base, .. } => Action::Bucketise { at: next.table, count, base },
            StepKind::OneHot { count, first, off, on } => Action::OneHot { first, off, on, count },
            StepKind::Digits { count, base } => {
                Action::Digits { largest: largest(count), reciprocal: reciprocal(count), base, count }
            }
            StepKind::Clamp { lo, hi } => Action::Clamp { to, lo, hi },
            StepKind::Log2 { one_plus } => Action::Log2 { to, one_plus },
            StepKind::Difference { second } => Action::Difference { to, second: Operand::new(second, features) },
            StepKind::Ratio { second, shift } => Action::Ratio { to, second: Operand::new(second, features), shift },
            StepKind::Ewma { alpha, shift, fraction, state } => {
                Action::Ewma { to, weight: Weight { alpha, shift, fraction }, state }
            }
            StepKind::History { count, state } => Action::History { to, count, state },
        };
        Self { source: Operand::new(step.source, features), action }
    }

    pub(super) fn to_words(self) -> [i64; WORDS] {
        let (code, shift, number, rest) = match self.action {
            Action::Narrow { step, lo, hi, count } => {
                let Narrow { first, last, multiplier, bias, shift, ties } = step;
                (
                    if ties { Code::NarrowTies } else { Code::Narrow },
                    shift,
                    count,
                    [pair(lo, hi), first, last, multiplier, bias],
                )
            }
            Action::Wide(a, lo, hi) => {
                let (low, high) = (a.bias as i64, (a.bias >> 64) as i64);
                (Code::Wide, a.shift, a.rounding as u16, [pair(lo, hi), a.multiplier, low, high, 0])
            }
            Action::Digits { largest, reciprocal, base, count } => {
                (Code::Digits, 0, count, [largest, reciprocal, i64::from(base), 0, 0])
            }
            Action::OneHot { first, off, on, count } => (Code::OneHot, 0, count, [pair(off, on), first, 0, 0, 0]),
            Action::Bucketise { at, count, base } => {
                (Code::Bucketise, 0, count, [i64::from(at), i64::from(base), 0, 0, 0])
            }
            Action::Copy(lo, hi) => (Code::Copy, 0, 0, [pair(lo, hi), 0, 0, 0, 0]),
            Action::Clamp { to, lo, hi } => (Code::Clamp, 0, to, [lo, hi, 0, 0, 0]),
            Action::Log2 { to, one_plus } => (Code::Log2, u8::from(one_plus), to, [0; 5]),
            Action::Difference { to, second } => (Code::Difference, 0, to, [i64::from(second.0), 0, 0, 0, 0]),
            Action::Ratio { to, second, shift } => (Code::Ratio, shift, to, [i64::from(second.0), 0, 0, 0, 0]),
            Action::Ewma { to, weight, state } => {
                let (alpha, fraction) = (i64::from(weight.alpha), i64::from(weight.fraction));
                (Code::Ewma, weight.shift, to, [alpha, fraction, i64::from(state), 0, 0])
            }
            Action::History { to, count, state } => {
                (Code::History, 0, to, [i64::from(count), i64::from(state), 0, 0, 0])
            }
        };
        let [a, b, c, d, e] = rest;
        let head = i64::from(self.source.0) << 16 | i64::from(shift) << 8 | code as i64;
        [head | i64::from(number) << 32, a, b, c, d, e]
    }

    /// Counts the affine steps of one form that follow each other, so that they run without a look at their kind.
    pub(super) fn join(instructions: &mut [[i64; WORDS]]) {
        let mut behind = (None, 0u16);
        for words in instructions.iter_mut().rev() {
            let mut instruction = Self::from_words(words);
            behind = match &mut instruction.action {
                Action::Narrow { step, count, .. } => {
                    if behind.0 == Some(step.ties) {
                        *count = behind.1.saturating_add(1);
                    }
                    (Some(step.ties), *count)
                }
                _ => (None, 0),
            };
            *words = instruction.to_words();
        }
    }

    #[inline]
    pub(super) fn from_words(words: &[i64; WORDS]) -> Self {
        let &[head, a, b, c, d, _] = words;
        let (shift, number) = ((head >> 8) as u8, (head >> 32) as u16);
        let ((lo, hi), to) = (halves(a), number);
        let action = match Code::of(words) {
            Code::Narrow | Code::NarrowTies => {
                let (_, step, (lo, hi)) = Self::narrow(words);
                Action::Narrow { step, lo, hi, count: number }
            }
            Code::Wide => {
                let bias = i128::from(d) << 64 | i128::from(c as u64);
                let rounding = Rounding::from_code(number as u8).unwrap_or(Rounding::HalfEven);
                Action::Wide(Affine { multiplier: b, bias, shift, rounding }, lo, hi)
            }
            Code::Digits => Action::Digits { largest: a, reciprocal: b, base: c as i32, count: number },
            Code::OneHot => Action::OneHot { first: b, off: lo, on: hi, count: number },
            Code::Bucketise => Action::Bucketise { at: a as u32, count: number, base: b as i32 },
            Code::Copy => Action::Copy(lo, hi),
            Code::Clamp => Action::Clamp { to, lo: a, hi: b },
            Code::Log2 => Action::Log2 { to, one_plus: shift != 0 },
            Code::Difference => Action::Difference { to, second: Operand(a as u16) },
            Code::Ratio => Action::Ratio { to, second: Operand(a as u16), shift },
            Code::Ewma => {
                Action::Ewma { to, weight: Weight { alpha: a as u32, shift, fraction: b as u8 }, state: c as u32 }
            }
            Code::History => Action::History { to, count: a as u16, state: b as u32 },
        };
        Self { source: Operand((head >> 16) as u16), action }
    }

    /// How many affine instructions of its form follow each other from here on.
    #[inline]
    pub(super) fn count(words: &[i64; WORDS]) -> usize {
        let &[head, ..] = words;
        usize::from((head >> 32) as u16)
    }

    /// Source, step and bounds of an affine instruction in 64 bits.
    #[inline]
    pub(super) fn narrow(words: &[i64; WORDS]) -> (Operand, Narrow, (i32, i32)) {
        let &[head, bounds, first, last, multiplier, bias] = words;
        let (shift, ties) = ((head >> 8) as u8, Code::of(words) == Code::NarrowTies);
        (Operand((head >> 16) as u16), Narrow { first, last, multiplier, bias, shift, ties }, halves(bounds))
    }
}

//! A step of the feature program in packed memory: six words.
//!
//! The first holds the code in bits 0 to 7, a shift in 8 to 15, the source in 16 to 31, a number in 32 to 47 and a second
//! source in 48 to 63. Nothing is decoded but what a step needs, where it needs it.

use super::affine::{Affine, Direction};
use super::digits::{largest, reciprocal};
use super::memory::Weight;
use super::narrow::Narrow;
use crate::cast::{halves, pair};
use crate::format::{Step, StepKind};

/// Words of an instruction.
pub(super) const WORDS: usize = 6;

/// Which action, and which form of it. What is left in the words behind the first is at each.
pub(super) mod code {
    /// Affine in 64 bits: bounds, smallest and largest counter, multiplier, bias. Number: whether there are ties.
    pub(in super::super) const NARROW: u8 = 0;
    /// Affine in 128 bits: bounds, multiplier, bias, low half first. Number: the direction.
    pub(in super::super) const WIDE: u8 = 1;
    /// Bounds.
    pub(in super::super) const COPY: u8 = 2;
    /// Bounds, where the thresholds begin, the element for the first bucket. Number: of thresholds.
    pub(in super::super) const BUCKETISE: u8 = 3;
    /// Those up to here make one element, and have its bounds in their second word.
    pub(in super::super) const LAST_OF_ONE_ELEMENT: u8 = BUCKETISE;
    /// Largest counter, reciprocal, the element for digit 0. Number: of elements.
    pub(in super::super) const DIGITS: u8 = 4;
    /// Off and on, `x` of the first element. Number: of elements.
    pub(in super::super) const ONE_HOT: u8 = 5;
    /// How many, where in the state. Number: the first value.
    pub(in super::super) const HISTORY: u8 = 6;
    /// Smallest and largest. Number, of this and the next ones: the value.
    pub(in super::super) const CLAMP: u8 = 7;
    /// The shift is 1 for the logarithm of 1 + x.
    pub(in super::super) const LOG2: u8 = 8;
    pub(in super::super) const DIFFERENCE: u8 = 9;
    pub(in super::super) const RATIO: u8 = 10;
    /// Alpha and fraction, where in the state.
    pub(in super::super) const EWMA: u8 = 11;
}

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

/// The first word of an instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head(i64);

impl Head {
    #[inline]
    pub(super) const fn of(&[head, ..]: &[i64; WORDS]) -> Self {
        Self(head)
    }

    #[inline]
    pub(super) const fn code(self) -> u8 {
        self.0 as u8
    }

    #[inline]
    pub(super) const fn shift(self) -> u8 {
        (self.0 >> 8) as u8
    }

    #[inline]
    pub(super) const fn source(self) -> Operand {
        Operand((self.0 >> 16) as u16)
    }

    #[inline]
    pub(super) const fn number(self) -> u16 {
        (self.0 >> 32) as u16
    }

    #[inline]
    pub(super) const fn second(self) -> Operand {
        Operand((self.0 >> 48) as u16)
    }
}

/// The step of a [`code::NARROW`].
#[inline]
pub(super) fn narrow(words: &[i64; WORDS]) -> Narrow {
    let (head, &[_, _, first, last, multiplier, bias]) = (Head::of(words), words);
    Narrow { first, last, multiplier, bias, shift: head.shift(), ties: head.number() & 1 != 0 }
}

/// The weight of a [`code::EWMA`].
#[inline]
pub(super) fn weight(words: &[i64; WORDS]) -> Weight {
    let &[_, weight, ..] = words;
    Weight { alpha: weight as u32, shift: Head::of(words).shift(), fraction: (weight >> 32) as u8 }
}

/// Where a step's values and thresholds go.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    /// The next value, counted behind the counters.
    pub(super) value: u16,
    /// The next word of tables.
    pub(super) table: u32,
}

/// Writes a step of a program on `features` counters.
pub(super) fn write(step: &Step, features: usize, next: Places, words: &mut [i64; WORDS]) {
    *words = [0; WORDS];
    let [head, a, b, c, d, e] = words;
    let (mut shift, mut number, mut second) = (0u8, next.value, 0u16);
    let code = match step.kind {
        StepKind::Affine { multiplier, bias, shift: point, rounding, lo, hi } => {
            *a = pair(lo, hi);
            match Narrow::of(Affine { multiplier, bias, shift: point, rounding }, lo, hi) {
                Some(step) => {
                    (*b, *c, *d, *e) = (step.first, step.last, step.multiplier, step.bias);
                    (shift, number) = (step.shift, u16::from(step.ties));
                    code::NARROW
                }
                None => {
                    (*b, *c, *d) = (multiplier, bias as i64, (bias >> 64) as i64);
                    (shift, number) = (point, u16::from(Direction::of(rounding).bits()));
                    code::WIDE
                }
            }
        }
        StepKind::Copy { lo, hi } => {
            *a = pair(lo, hi);
            code::COPY
        }
        StepKind::Bucketise { count, base, .. } => {
            (*a, *b, *c) = (pair(i32::MIN, i32::MAX), i64::from(next.table), i64::from(base));
            number = count;
            code::BUCKETISE
        }
        StepKind::OneHot { count, first, off, on } => {
            (*a, *b) = (pair(off, on), first);
            number = count;
            code::ONE_HOT
        }
        StepKind::Digits { count, base } => {
            (*a, *b, *c) = (largest(count), reciprocal(count), i64::from(base));
            number = count;
            code::DIGITS
        }
        StepKind::Clamp { lo, hi } => {
            (*a, *b) = (lo, hi);
            code::CLAMP
        }
        StepKind::Log2 { one_plus } => {
            shift = u8::from(one_plus);
            code::LOG2
        }
        StepKind::Difference { second: other } => {
            second = Operand::new(other, features).0;
            code::DIFFERENCE
        }
        StepKind::Ratio { second: other, shift: point } => {
            (shift, second) = (point, Operand::new(other, features).0);
            code::RATIO
        }
        StepKind::Ewma { alpha, shift: point, fraction, state } => {
            (*a, *b) = (i64::from(alpha) | i64::from(fraction) << 32, i64::from(state));
            shift = point;
            code::EWMA
        }
        StepKind::History { count, state } => {
            (*a, *b) = (i64::from(count), i64::from(state));
            code::HISTORY
        }
    };
    let source = Operand::new(step.source, features).0;
    let low = i64::from(source) << 16 | i64::from(shift) << 8 | i64::from(code);
    *head = i64::from(second) << 48 | i64::from(number) << 32 | low;
}

/// The bounds of an element, off and on of a one-hot.
#[inline]
pub(super) fn bounds(&[_, bounds, ..]: &[i64; WORDS]) -> (i32, i32) {
    halves(bounds)
}

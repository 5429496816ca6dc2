//! Steps of the feature program: what each reads, and what it makes.

use super::bytes::{i128_at, i32_at, i64_at, u16_at, u8_at};
use super::records::Record;
use super::Rounding;
use crate::error::{Error, Place, Problem, Result, What};
use crate::iter::chunks;

/// Bytes of a [`Step`] record.
pub const STEP_SIZE: usize = 40;

/// What a step computes from its source `x`. The meaning is in [`crate::features`].
///
/// The first kinds make *elements*, the next ones of tensor 0; the others a *value* (or several), which later steps read
/// behind the raw counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// One element: `clamp(round((x · multiplier + bias) / 2^shift), lo, hi)`.
    Affine {
        /// Factor of `x`.
        multiplier: i64,
        /// Added before the shift; in units of 2^-shift of the quantised input.
        bias: i128,
        /// Binary point of `multiplier` and `bias`.
        shift: u8,
        /// How the shift rounds.
        rounding: Rounding,
        /// Smallest result, in quantised units.
        lo: i32,
        /// Largest result.
        hi: i32,
    },
    /// One element: `clamp(x, lo, hi)`.
    Copy {
        /// Smallest result, in quantised units.
        lo: i32,
        /// Largest result.
        hi: i32,
    },
    /// One element: `base` and the number of thresholds that are below `x`.
    Bucketise {
        /// Offset of the thresholds in the data section: `i64` each, in ascending order.
        thresholds: u32,
        /// How many.
        count: u16,
        /// The element for the first bucket.
        base: i32,
    },
    /// `count` elements: `on` at `x − first`, `off` elsewhere, and everywhere when there is no such element.
    OneHot {
        /// How many elements.
        count: u16,
        /// The `x` of the first element.
        first: i64,
        /// Of the other elements.
        off: i32,
        /// Of the element of `x`.
        on: i32,
    },
    /// `count` elements: `base` and the decimal digits of `clamp(x, 0, 10^count − 1)`, the most significant one first.
    Digits {
        /// How many elements.
        count: u16,
        /// The element for digit 0.
        base: i32,
    },
    /// A value: `clamp(x, lo, hi)`.
    Clamp {
        /// Smallest value.
        lo: i64,
        /// Largest value.
        hi: i64,
    },
    /// A value: `log2(max(x, 1))` in units of 2^-16, or `log2(1 + max(x, 0))`.
    Log2 {
        /// The latter.
        one_plus: bool,
    },
    /// A value: `x − second`, saturated.
    Difference {
        /// What is taken away.
        second: u16,
    },
    /// A value: `⌊x · 2^shift / second⌋`, saturated; 0 when the second is not above zero.
    Ratio {
        /// The divisor.
        second: u16,
        /// Binary point of the quotient.
        shift: u8,
    },
    /// A value: the exponentially weighted mean of `x · 2^fraction` over the decisions so far, kept in the caller's state.
    Ewma {
        /// Weight of the newest sample in units of 2^-shift.
        alpha: u32,
        /// Binary point of `alpha`.
        shift: u8,
        /// Binary point of the mean.
        fraction: u8,
        /// First of the two words in the state: whether there is a mean, and the mean.
        state: u32,
    },
    /// `count` values: `x` at each of the decisions before this one, the latest first, kept in the caller's state.
    History {
        /// How many.
        count: u16,
        /// First of the `count` words in the state.
        state: u32,
    },
}

impl StepKind {
    /// The name in messages and tools.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Affine { .. } => "affine",
            Self::Copy { .. } => "copy",
            Self::Bucketise { .. } => "bucketise",
            Self::OneHot { .. } => "one-hot",
            Self::Digits { .. } => "digits",
            Self::Clamp { .. } => "clamp",
            Self::Log2 { .. } => "log2",
            Self::Difference { .. } => "difference",
            Self::Ratio { .. } => "ratio",
            Self::Ewma { .. } => "ewma",
            Self::History { .. } => "history",
        }
    }

    /// How many elements of tensor 0 it makes.
    pub const fn elements(&self) -> u16 {
        match *self {
            Self::Affine { .. } | Self::Copy { .. } | Self::Bucketise { .. } => 1,
            Self::OneHot { count, .. } | Self::Digits { count, .. } => count,
            _ => 0,
        }
    }

    /// How many values it makes.
    pub const fn values(&self) -> u16 {
        match *self {
            Self::Clamp { .. }
            | Self::Log2 { .. }
            | Self::Difference { .. }
            | Self::Ratio { .. }
            | Self::Ewma { .. } => 1,
            Self::History { count, .. } => count,
            _ => 0,
        }
    }

    /// The second value it reads.
    pub const fn second(&self) -> Option<u16> {
        match *self {
            Self::Difference { second } | Self::Ratio { second, .. } => Some(second),
            _ => None,
        }
    }

    /// The thresholds, as far as they are in the data section; none for another kind.
    pub fn thresholds<'m>(&self, data: &'m [u8]) -> impl Iterator<Item = i64> + use<'m> {
        let bytes = match *self {
            Self::Bucketise { thresholds, count, .. } => {
                let bytes = usize::from(count).saturating_mul(8);
                data.get(thresholds as usize..).and_then(|data| data.get(..bytes)).unwrap_or_default()
            }
            _ => &[],
        };
        chunks(bytes, 8).map(|threshold| i64_at(threshold, 0))
    }

    /// The words of the caller's state that it keeps: the first, and how many.
    pub const fn state(&self) -> Option<(u32, u16)> {
        match *self {
            Self::Ewma { state, .. } => Some((state, 2)),
            Self::History { count, state } => Some((state, count)),
            _ => None,
        }
    }
}

/// A step of the feature program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it reads: an index into the raw counters and the values that earlier steps made behind them.
    pub source: u16,
    /// What it computes.
    pub kind: StepKind,
}

impl Record<'_> for Step {
    const SIZE: usize = STEP_SIZE;

    fn read(index: u32, bytes: &[u8]) -> Result<Self> {
        match read(bytes.first_chunk().unwrap_or(&[0; STEP_SIZE])) {
            Ok(kind) => Ok(Self { source: u16_at(bytes, 2), kind }),
            Err(problem) => Err(Error::new(Place::Step(index), problem)),
        }
    }
}

/// Offsets of what is to be zero in a record that does not use it; two fields may be used in part. Bit `i` of what a kind
/// uses is for number `i`.
static OFFSETS: [u8; 9] = [4, 5, 6, 8, 12, 16, 24, 32, 36];

const SHIFT: u16 = 1;
const VARIANT: u16 = 1 << 1;
const NUMBER: u16 = 1 << 2;
/// 32 bits of the first field.
const OFFSET: u16 = 1 << 3;
const FIRST: u16 = OFFSET | 1 << 4;
/// 64 bits of the second.
const SHORT: u16 = 1 << 5;
const SECOND: u16 = SHORT | 1 << 6;
const LO: u16 = 1 << 7;
const HI: u16 = 1 << 8;

const AFFINE: u16 = 1;
const LOG2: u16 = 17;
const EWMA: u16 = 20;

/// What a kind uses; no kind uses nothing.
static USED: [u16; 22] = [
    0,
    SHIFT | VARIANT | FIRST | SECOND | LO | HI,
    LO | HI,
    OFFSET | NUMBER | LO,
    NUMBER | FIRST | LO | HI,
    NUMBER | LO,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    FIRST | SHORT,
    VARIANT,
    NUMBER,
    NUMBER | SHIFT,
    SHORT | SHIFT | VARIANT | OFFSET,
    NUMBER | OFFSET,
];

#[cfg_attr(kinfer_module, optimize(size))]
fn read(bytes: &[u8; STEP_SIZE]) -> core::result::Result<StepKind, Problem> {
    let code = u16_at(bytes, 0);
    let used = USED.get(usize::from(code)).copied().unwrap_or(0);
    let (shift, variant, number) = (u8_at(bytes, 4), u8_at(bytes, 5), u16_at(bytes, 6));
    let (first, both) = (i64_at(bytes, 8), i128_at(bytes, 16));
    let (second, more) = (both as i64, (both >> 64) as i64);
    let (lo, hi) = (i32_at(bytes, 32), i32_at(bytes, 36));
    if used == 0 {
        return Err(Problem::UnknownKind { kind: code });
    }

    let filled = u16::from(shift != 0)
        | u16::from(variant != 0) << 1
        | u16::from(number != 0) << 2
        | u16::from(first != 0) << 3
        | u16::from(first >> 32 != 0) << 4
        | u16::from(second | more != 0) << 5
        | u16::from(more != 0) << 6
        | u16::from(lo != 0) << 7
        | u16::from(hi != 0) << 8;
    let wrong = filled & !used | u16::from(code == LOG2 && variant > 1) << 1;
    if wrong != 0 {
        let offset = OFFSETS.get(wrong.trailing_zeros() as usize).map_or(0, |&offset| u32::from(offset));
        return Err(Problem::Reserved { offset });
    }
    if code == EWMA && second >> 32 != 0 {
        return Err(Problem::TooLarge { what: What::SampleWeight });
    }

    let offset = first as u32;
    Ok(match code {
        AFFINE => {
            let rounding = Rounding::from_code(variant)?;
            StepKind::Affine { multiplier: first, bias: both, shift, rounding, lo, hi }
        }
        2 => StepKind::Copy { lo, hi },
        3 => StepKind::Bucketise { thresholds: offset, count: number, base: lo },
        4 => StepKind::OneHot { count: number, first, off: lo, on: hi },
        5 => StepKind::Digits { count: number, base: lo },
        16 => StepKind::Clamp { lo: first, hi: second },
        LOG2 => StepKind::Log2 { one_plus: variant == 1 },
        18 => StepKind::Difference { second: number },
        19 => StepKind::Ratio { second: number, shift },
        EWMA => StepKind::Ewma { alpha: second as u32, shift, fraction: variant, state: offset },
        _ => StepKind::History { count: number, state: offset },
    })
}

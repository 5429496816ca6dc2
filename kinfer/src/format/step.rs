//! Steps of the feature program: what each reads, and what it makes.

use super::bytes::{i128_at, i32_at, i64_at, is_zero, u16_at, u8_at};
use super::records::Record;
use super::Rounding;
use crate::error::{Error, Place, Problem, Result};
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

/// Where each field behind the source begins and ends. Bit `i` of a kind's [`used`] is for field `i`.
static FIELDS: [(u8, u8); 7] = [(4, 5), (5, 6), (6, 8), (8, 16), (16, 32), (32, 36), (36, 40)];

const SHIFT: u16 = 1;
const VARIANT: u16 = 1 << 1;
const NUMBER: u16 = 1 << 2;
const FIRST: u16 = 1 << 3;
const SECOND: u16 = 1 << 4;
const LO: u16 = 1 << 5;
const HI: u16 = 1 << 6;
/// The first field, of which only 32 bits may be used.
const OFFSET: u16 = FIRST | 1 << 7;
/// The second, of which only 64 bits may be used.
const SHORT: u16 = SECOND | 1 << 8;

const AFFINE: u16 = 1;
const LOG2: u16 = 17;
const EWMA: u16 = 20;

/// The fields that a kind has.
const fn used(code: u16) -> Option<u16> {
    Some(match code {
        AFFINE => SHIFT | VARIANT | FIRST | SECOND | LO | HI,
        2 => LO | HI,
        3 => OFFSET | NUMBER | LO,
        4 => NUMBER | FIRST | LO | HI,
        5 => NUMBER | LO,
        16 => FIRST | SHORT,
        LOG2 => VARIANT,
        18 => NUMBER,
        19 => NUMBER | SHIFT,
        EWMA => SHORT | SHIFT | VARIANT | OFFSET,
        21 => NUMBER | OFFSET,
        _ => return None,
    })
}

fn read(bytes: &[u8; STEP_SIZE]) -> core::result::Result<StepKind, Problem> {
    let code = u16_at(bytes, 0);
    let Some(used) = used(code) else { return Err(Problem::UnknownKind { kind: code }) };
    let (shift, variant, number) = (u8_at(bytes, 4), u8_at(bytes, 5), u16_at(bytes, 6));
    let (first, both) = (i64_at(bytes, 8), i128_at(bytes, 16));
    let (lo, hi) = (i32_at(bytes, 32), i32_at(bytes, 36));

    let has = |field: u16| used & field == field;
    let (offset, second, mut rounding) = (first as u32, both as i64, Rounding::HalfEven);
    let mut reserved = None;
    if has(SHORT) && both >> 64 != 0 {
        reserved = Some(24);
    } else if code == EWMA && second >> 32 != 0 {
        return Err(Problem::TooLarge { what: "weight of a sample" });
    } else if has(OFFSET) && first >> 32 != 0 {
        reserved = Some(12);
    } else if code == LOG2 && variant > 1 {
        reserved = Some(5);
    } else {
        if code == AFFINE {
            rounding = Rounding::from_code(variant)?;
        }
        let mut unused = !used;
        for &(from, to) in &FIELDS {
            if unused & 1 != 0 && !is_zero(bytes, from.into(), to.into()) {
                reserved = Some(from);
                break;
            }
            unused >>= 1;
        }
    }
    if let Some(offset) = reserved {
        return Err(Problem::Reserved { offset: offset.into() });
    }

    Ok(match code {
        AFFINE => StepKind::Affine { multiplier: first, bias: both, shift, rounding, lo, hi },
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

//! Steps of the feature program: what each reads, and what it makes.

use super::bytes::{at, i128_at, i32_at, i64_at, u16_at, u8_at};
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
        let refuse = |problem| Error::new(Place::Step(index), problem);
        let mut fields = Fields::parse(bytes);
        let kind = read(u16_at(bytes, 0), &mut fields).map_err(refuse)?;
        fields.finish().map_err(refuse)?;
        Ok(Self { source: u16_at(bytes, 2), kind })
    }
}

fn read(code: u16, fields: &mut Fields) -> core::result::Result<StepKind, Problem> {
    Ok(match code {
        1 => StepKind::Affine {
            multiplier: fields.first(),
            bias: fields.both(),
            shift: fields.shift(),
            rounding: Rounding::from_code(fields.variant())?,
            lo: fields.lo(),
            hi: fields.hi(),
        },
        2 => StepKind::Copy { lo: fields.lo(), hi: fields.hi() },
        3 => StepKind::Bucketise { thresholds: fields.offset()?, count: fields.number(), base: fields.lo() },
        4 => StepKind::OneHot { count: fields.number(), first: fields.first(), off: fields.lo(), on: fields.hi() },
        5 => StepKind::Digits { count: fields.number(), base: fields.lo() },
        16 => StepKind::Clamp { lo: fields.first(), hi: fields.second()? },
        17 => StepKind::Log2 {
            one_plus: match fields.variant() {
                0 => false,
                1 => true,
                _ => return Err(Problem::Reserved { offset: 5 }),
            },
        },
        18 => StepKind::Difference { second: fields.number() },
        19 => StepKind::Ratio { second: fields.number(), shift: fields.shift() },
        20 => StepKind::Ewma {
            alpha: u32::try_from(fields.second()?).map_err(|_| Problem::TooLarge { what: "weight of a sample" })?,
            shift: fields.shift(),
            fraction: fields.variant(),
            state: fields.offset()?,
        },
        21 => StepKind::History { count: fields.number(), state: fields.offset()? },
        kind => return Err(Problem::UnknownKind { kind }),
    })
}

/// A record's fields. The getters take: a field reads as zero afterwards, and [`Fields::finish`] refuses what is left.
struct Fields {
    shift: u8,
    variant: u8,
    number: u16,
    first: i64,
    both: i128,
    lo: i32,
    hi: i32,
}

impl Fields {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            shift: u8_at(bytes, 4),
            variant: u8_at(bytes, 5),
            number: u16::from_le_bytes(at(bytes, 6)),
            first: i64_at(bytes, 8),
            both: i128_at(bytes, 16),
            lo: i32_at(bytes, 32),
            hi: i32_at(bytes, 36),
        }
    }

    fn shift(&mut self) -> u8 {
        core::mem::take(&mut self.shift)
    }

    fn variant(&mut self) -> u8 {
        core::mem::take(&mut self.variant)
    }

    fn number(&mut self) -> u16 {
        core::mem::take(&mut self.number)
    }

    fn first(&mut self) -> i64 {
        core::mem::take(&mut self.first)
    }

    /// The first field as an offset of 32 bits.
    fn offset(&mut self) -> core::result::Result<u32, Problem> {
        u32::try_from(self.first()).map_err(|_| Problem::Reserved { offset: 12 })
    }

    fn both(&mut self) -> i128 {
        core::mem::take(&mut self.both)
    }

    /// The lower half of [`Fields::both`], when the upper is zero.
    fn second(&mut self) -> core::result::Result<i64, Problem> {
        let both = self.both();
        if both >> 64 != 0 {
            return Err(Problem::Reserved { offset: 24 });
        }
        Ok(both as i64)
    }

    fn lo(&mut self) -> i32 {
        core::mem::take(&mut self.lo)
    }

    fn hi(&mut self) -> i32 {
        core::mem::take(&mut self.hi)
    }

    fn finish(&self) -> core::result::Result<(), Problem> {
        let offset = match *self {
            Self { shift: 1.., .. } => 4,
            Self { variant: 1.., .. } => 5,
            Self { number: 1.., .. } => 6,
            Self { first, .. } if first != 0 => 8,
            Self { both, .. } if both != 0 => 16,
            Self { lo, .. } if lo != 0 => 32,
            Self { hi, .. } if hi != 0 => 36,
            _ => return Ok(()),
        };
        Err(Problem::Reserved { offset })
    }
}

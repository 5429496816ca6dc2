//! The feature program: steps → records, and the thresholds in the data section that they point to.

use kinfer::format::{ElementType, Rounding, STEP_SIZE};

use super::operators::Data;

/// A step of the feature program. The meaning of each is in `docs/features.md` and at [`kinfer::format::StepKind`].
///
/// `source` and `second` count the raw counters first, then the values that the steps before made.
#[derive(Clone, Debug)]
pub enum StepSpec {
    /// An element: `clamp(round((x · multiplier + bias) / 2^shift), lo, hi)`.
    Affine(AffineSpec),
    /// An element: `clamp(x, lo, hi)`.
    Copy {
        /// What it reads.
        source: u16,
        /// Smallest result.
        lo: i32,
        /// Largest result.
        hi: i32,
    },
    /// An element: `base` and the number of thresholds below `x`.
    Bucketise {
        /// What it reads.
        source: u16,
        /// In ascending order.
        thresholds: Vec<i64>,
        /// The element for the first bucket.
        base: i32,
    },
    /// `count` elements, of which the one at `x − first` is `on`.
    OneHot {
        /// What it reads.
        source: u16,
        /// How many elements.
        count: u16,
        /// The `x` of the first element.
        first: i64,
        /// Of the other elements.
        off: i32,
        /// Of the element of `x`.
        on: i32,
    },
    /// `count` elements: `base` and the decimal digits, the most significant one first.
    Digits {
        /// What it reads.
        source: u16,
        /// How many elements.
        count: u16,
        /// The element for digit 0.
        base: i32,
    },
    /// A value: `clamp(x, lo, hi)`.
    Clamp {
        /// What it reads.
        source: u16,
        /// Smallest value.
        lo: i64,
        /// Largest value.
        hi: i64,
    },
    /// A value: `log2(max(x, 1))`, or `log2(1 + max(x, 0))`, in units of 2^-16.
    Log2 {
        /// What it reads.
        source: u16,
        /// The latter.
        one_plus: bool,
    },
    /// A value: `x − second`, saturated.
    Difference {
        /// What it reads.
        source: u16,
        /// What is taken away.
        second: u16,
    },
    /// A value: `⌊x · 2^shift / second⌋`, 0 when the second is not above zero.
    Ratio {
        /// What it reads.
        source: u16,
        /// The divisor.
        second: u16,
        /// Binary point of the quotient.
        shift: u8,
    },
    /// A value: the exponentially weighted mean, in units of 2^-fraction.
    Ewma {
        /// What it reads.
        source: u16,
        /// Weight of the newest sample in units of 2^-shift.
        alpha: u32,
        /// Binary point of the weight.
        shift: u8,
        /// Binary point of the mean.
        fraction: u8,
        /// First of two words in the caller's state.
        state: u32,
    },
    /// `count` values: the source at the decisions before this one, the latest first.
    History {
        /// What it reads.
        source: u16,
        /// How many.
        count: u16,
        /// First of `count` words in the caller's state.
        state: u32,
    },
}

/// An affine step.
#[derive(Clone, Copy, Debug)]
pub struct AffineSpec {
    /// What it reads.
    pub source: u16,
    /// Factor of the raw counter.
    pub multiplier: i64,
    /// In units of 2^-shift of the quantised input; the zero point is part of it.
    pub bias: i128,
    /// Binary point of multiplier and bias.
    pub shift: u8,
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest result.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl AffineSpec {
    /// Rounding half to even, saturated to the range of `element`.
    pub fn new(source: u16, multiplier: i64, bias: i128, shift: u8, element: ElementType) -> Self {
        let (lo, hi) = element.range();
        Self { source, multiplier, bias, shift, rounding: Rounding::HalfEven, lo, hi }
    }
}

impl StepSpec {
    /// See [`AffineSpec::new`].
    pub fn affine(source: u16, multiplier: i64, bias: i128, shift: u8, element: ElementType) -> Self {
        Self::Affine(AffineSpec::new(source, multiplier, bias, shift, element))
    }

    pub(super) fn write(&self, data: &mut Data) -> Vec<u8> {
        self.record(data).to_bytes()
    }

    fn record(&self, data: &mut Data) -> StepRecord {
        match *self {
            Self::Affine(AffineSpec { source, multiplier, bias, shift, rounding, lo, hi }) => StepRecord {
                shift,
                variant: rounding as u8,
                first: multiplier,
                both: bias,
                lo,
                hi,
                ..StepRecord::new(1, source)
            },
            Self::Copy { source, lo, hi } => StepRecord { lo, hi, ..StepRecord::new(2, source) },
            Self::Bucketise { source, ref thresholds, base } => StepRecord {
                number: thresholds.len() as u16,
                first: data.place_i64(thresholds).into(),
                lo: base,
                ..StepRecord::new(3, source)
            },
            Self::OneHot { source, count, first, off, on } => {
                StepRecord { number: count, first, lo: off, hi: on, ..StepRecord::new(4, source) }
            }
            Self::Digits { source, count, base } => {
                StepRecord { number: count, lo: base, ..StepRecord::new(5, source) }
            }
            Self::Clamp { source, lo, hi } => {
                StepRecord { first: lo, both: hi.cast_unsigned().into(), ..StepRecord::new(16, source) }
            }
            Self::Log2 { source, one_plus } => StepRecord { variant: one_plus.into(), ..StepRecord::new(17, source) },
            Self::Difference { source, second } => StepRecord { number: second, ..StepRecord::new(18, source) },
            Self::Ratio { source, second, shift } => {
                StepRecord { number: second, shift, ..StepRecord::new(19, source) }
            }
            Self::Ewma { source, alpha, shift, fraction, state } => StepRecord {
                shift,
                variant: fraction,
                first: state.into(),
                both: alpha.into(),
                ..StepRecord::new(20, source)
            },
            Self::History { source, count, state } => {
                StepRecord { number: count, first: state.into(), ..StepRecord::new(21, source) }
            }
        }
    }
}

/// A record being written; fields that nobody sets are zero. Offsets are those of `docs/features.md`.
struct StepRecord {
    kind: u16,
    source: u16,
    shift: u8,
    variant: u8,
    number: u16,
    first: i64,
    both: i128,
    lo: i32,
    hi: i32,
}

impl StepRecord {
    fn new(kind: u16, source: u16) -> Self {
        Self { kind, source, shift: 0, variant: 0, number: 0, first: 0, both: 0, lo: 0, hi: 0 }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STEP_SIZE);
        bytes.extend(self.kind.to_le_bytes());
        bytes.extend(self.source.to_le_bytes());
        bytes.extend([self.shift, self.variant]);
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.first.to_le_bytes());
        bytes.extend(self.both.to_le_bytes());
        bytes.extend(self.lo.to_le_bytes());
        bytes.extend(self.hi.to_le_bytes());
        bytes
    }
}

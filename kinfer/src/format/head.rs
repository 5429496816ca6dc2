//! The record of the decision head.

use fixed::types::I32F32;

use super::bytes::{i64_at, u16_at, u32_at};
use super::records::Record;
use crate::error::{Error, Place, Problem, Result};

/// Bytes of the [`Head`] record.
pub const HEAD_SIZE: usize = 24;

/// How scores become a decision. What a class, a value, a margin is: `docs/operators/heads.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// The class of the largest score; the lowest index wins ties (ONNX ArgMax). Margin: largest minus second largest.
    ArgMax,
    /// Class 1 when the one score is above the threshold, else class 0. Margin: distance to the threshold.
    Threshold(I32F32),
    /// The class of the smallest score, such as the nearest centroid; the lowest index wins ties (ONNX ArgMin). Margin: second
    /// smallest minus smallest.
    ArgMin,
    /// As [`HeadKind::ArgMax`] for the first `k` classes, which [`crate::Packed::top`] gives in order (ONNX TopK). Margin: the
    /// `k`-th largest score minus the next.
    TopK(u32),
    /// The one score itself, as fixed point: a regression. Class 0, margin 0.
    Value,
    /// As [`HeadKind::Threshold`], of a score that grows with strangeness; class 1 carries
    /// [`Flags::ANOMALY`](crate::Flags::ANOMALY) as well.
    Anomaly(I32F32),
}

impl HeadKind {
    /// The name in messages and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ArgMax => "argmax",
            Self::Threshold(_) => "threshold",
            Self::ArgMin => "argmin",
            Self::TopK(_) => "top-k",
            Self::Value => "value",
            Self::Anomaly(_) => "anomaly",
        }
    }

    /// The code in the record.
    pub const fn code(self) -> u16 {
        match self {
            Self::ArgMax => 1,
            Self::Threshold(_) => 2,
            Self::ArgMin => 3,
            Self::TopK(_) => 4,
            Self::Value => 5,
            Self::Anomaly(_) => 6,
        }
    }

    /// How many classes a decision ranks: `k` of a top-k, 1 of an argmax or argmin, 0 where there is one score.
    pub const fn ranks(self) -> u32 {
        match self {
            Self::ArgMax | Self::ArgMin => 1,
            Self::TopK(k) => k,
            Self::Threshold(_) | Self::Value | Self::Anomaly(_) => 0,
        }
    }
}

/// The decision head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How scores become a decision.
    pub kind: HeadKind,
    /// The tensor of the scores.
    pub scores: u16,
    /// Decisions with a smaller margin carry the low-margin flag.
    pub low_margin: I32F32,
}

impl Record<'_> for Head {
    const SIZE: usize = HEAD_SIZE;

    #[cfg_attr(kinfer_module, optimize(size))]
    fn read(_: u32, bytes: &[u8]) -> Result<Self> {
        let refuse = |problem| Error::new(Place::Head, problem);
        let (code, k, threshold) = (u16_at(bytes, 0), u32_at(bytes, 4), I32F32::from_bits(i64_at(bytes, 8)));
        let kind = match code {
            1 => HeadKind::ArgMax,
            2 => HeadKind::Threshold(threshold),
            3 => HeadKind::ArgMin,
            4 => HeadKind::TopK(k),
            5 => HeadKind::Value,
            6 => HeadKind::Anomaly(threshold),
            _ => return Err(refuse(Problem::UnknownKind { kind: code })),
        };
        let low_margin = I32F32::from_bits(i64_at(bytes, 16));
        let (has_k, has_threshold, has_margin) = match kind {
            HeadKind::ArgMax | HeadKind::ArgMin => (false, false, true),
            HeadKind::Threshold(_) | HeadKind::Anomaly(_) => (false, true, true),
            HeadKind::TopK(_) => (true, false, true),
            HeadKind::Value => (false, false, false),
        };
        if !has_k && k != 0 {
            return Err(refuse(Problem::Reserved { offset: 4 }));
        }
        if !has_threshold && threshold != I32F32::ZERO {
            return Err(refuse(Problem::Reserved { offset: 8 }));
        }
        if !has_margin && low_margin != I32F32::ZERO {
            return Err(refuse(Problem::Reserved { offset: 16 }));
        }
        if low_margin < I32F32::ZERO {
            return Err(refuse(Problem::LowMargin));
        }
        Ok(Self { kind, scores: u16_at(bytes, 2), low_margin })
    }
}

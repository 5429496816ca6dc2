//! What a model answers: scores → [`Decision`].

use core::fmt;
use core::ops::BitOr;

use fixed::types::{I32F32, U32F96};

use crate::format::{Head, HeadKind};
use crate::iter::numbered;

/// A decision. Every field has a meaning whatever happened: see [`Flags::FALLBACK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Index of the outcome.
    pub class: u32,
    /// The score behind it, in real units.
    pub value: I32F32,
    /// How far from the next outcome, in real units; never negative.
    pub margin: I32F32,
    /// What a caller should know about it.
    pub flags: Flags,
}

impl Decision {
    /// What a caller gets when no model could decide: class 0 and [`Flags::FALLBACK`]. The caller's own default applies.
    pub const FALLBACK: Self = Self { class: 0, value: I32F32::ZERO, margin: I32F32::ZERO, flags: Flags::FALLBACK };
}

/// What a caller should know about a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// Nothing to tell.
    pub const NONE: Self = Self(0);
    /// A raw counter was outside the range seen in calibration; the model extrapolates.
    pub const OUT_OF_RANGE: Self = Self(1);
    /// The margin is below the model's low-margin bound.
    pub const LOW_MARGIN: Self = Self(2);
    /// No model decided.
    pub const FALLBACK: Self = Self(4);

    /// The bits, as they cross the kernel's boundary.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From bits that crossed the kernel's boundary; unknown ones are kept.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether all of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Flags {
    /// Names joined by `|`; empty when nothing is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            [(Self::OUT_OF_RANGE, "out-of-range"), (Self::LOW_MARGIN, "low-margin"), (Self::FALLBACK, "fallback")];
        let mut separator = "";
        for (flag, name) in named {
            if self.contains(flag) {
                write!(f, "{separator}{name}")?;
                separator = "|";
            }
        }
        Ok(())
    }
}

/// How quantised scores become real ones: `scale · (q − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scores {
    /// Real size of one quantised unit.
    pub scale: U32F96,
    /// Quantised value of real zero.
    pub zero_point: i32,
}

impl Scores {
    /// The real value of `q` quantised units above zero, rounded down, saturated.
    fn real(&self, units: i64) -> I32F32 {
        // 33 bits of units times 128 bits of scale do not fit 128 bits: multiply the scale's halves apart.
        let bits = self.scale.to_bits();
        let (high, low) = ((bits >> 64) as i128, (bits & u128::from(u64::MAX)) as i128);
        let units = i128::from(units);
        let carry = units.wrapping_mul(low).wrapping_shr(64);
        let value = units.wrapping_mul(high).wrapping_add(carry);
        I32F32::from_bits(value.max(i128::from(i64::MIN)).min(i128::from(i64::MAX)) as i64)
    }

    fn value(&self, q: i64) -> I32F32 {
        self.real(q.wrapping_sub(i64::from(self.zero_point)))
    }
}

/// Decides from the quantised scores, `flags` telling what is known already.
pub fn decide(head: &Head, scores: Scores, quantised: &[i32], flags: Flags) -> Decision {
    let (class, value, margin) = match head.kind {
        HeadKind::ArgMax => arg_max(scores, quantised),
        HeadKind::Threshold(threshold) => {
            let value = scores.value(i64::from(quantised.first().copied().unwrap_or(0)));
            let distance = value.saturating_sub(threshold);
            (u32::from(value > threshold), value, distance.saturating_abs())
        }
    };
    let flags = if margin < head.low_margin { flags | Flags::LOW_MARGIN } else { flags };
    Decision { class, value, margin, flags }
}

fn arg_max(scores: Scores, quantised: &[i32]) -> (u32, I32F32, I32F32) {
    let (mut class, mut best, mut second) = (0, i64::MIN, i64::MIN);
    for (index, &q) in numbered(quantised) {
        let q = i64::from(q);
        if q > best {
            (class, best, second) = (index, q, best);
        } else if q > second {
            second = q;
        }
    }
    (class, scores.value(best), scores.real(best.saturating_sub(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: Scores = Scores { scale: U32F96::from_bits(1 << 95), zero_point: 2 }; // one half

    fn head(kind: HeadKind) -> Head {
        Head { kind, scores: 0, low_margin: I32F32::lit("0.75") }
    }

    #[test]
    fn argmax_takes_the_lowest_index_at_a_tie() {
        let decision = decide(&head(HeadKind::ArgMax), SCORES, &[4, 9, 9], Flags::NONE);
        assert_eq!((decision.class, decision.value, decision.margin), (1, I32F32::lit("3.5"), I32F32::ZERO));
        assert_eq!(decision.flags, Flags::LOW_MARGIN);
    }

    #[test]
    fn argmax_margin_is_the_distance_to_the_second() {
        let decision = decide(&head(HeadKind::ArgMax), SCORES, &[-6, 12, 4], Flags::OUT_OF_RANGE);
        assert_eq!((decision.class, decision.margin), (1, I32F32::lit("4")));
        assert_eq!(decision.flags, Flags::OUT_OF_RANGE);
    }

    #[test]
    fn threshold_is_strict() {
        let at = head(HeadKind::Threshold(I32F32::lit("1.5")));
        assert_eq!(decide(&at, SCORES, &[5], Flags::NONE).class, 0);
        assert_eq!(decide(&at, SCORES, &[6], Flags::NONE).class, 1);
    }

    #[test]
    fn real_values_round_down_and_saturate() {
        let tiny = Scores { scale: U32F96::from_bits(1), zero_point: 0 };
        assert_eq!(tiny.value(1), I32F32::ZERO);
        assert_eq!(tiny.value(-1), I32F32::from_bits(-1));
        let huge = Scores { scale: U32F96::MAX, zero_point: 0 };
        assert_eq!(huge.value(i64::from(i32::MAX)), I32F32::MAX);
        assert_eq!(huge.value(i64::from(i32::MIN)), I32F32::MIN);
    }
}

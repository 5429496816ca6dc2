//! What a model answers. How scores become an answer is in [`crate::heads`].

use core::fmt;
use core::ops::BitOr;

use fixed::types::I32F32;

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
    /// An anomaly head's value is above its threshold.
    pub const ANOMALY: Self = Self(8);

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
    #[inline] // not in the kernel's object
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static NAMED: [&str; 4] = ["out-of-range", "low-margin", "fallback", "anomaly"]; // bits 0 to 3
        let (mut bits, mut separator) = (self.0, "");
        for name in &NAMED {
            if bits & 1 != 0 {
                f.write_str(separator)?;
                f.write_str(name)?;
                separator = "|";
            }
            bits >>= 1;
        }
        Ok(())
    }
}

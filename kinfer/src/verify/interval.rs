//! Closed intervals of reachable values.

use crate::format::ElementType;

/// `lo..=hi`, both reachable bounds or beyond them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Smallest value.
    pub lo: i64,
    /// Largest value.
    pub hi: i64,
}

impl Interval {
    /// One value.
    pub const fn point(value: i64) -> Self {
        Self { lo: value, hi: value }
    }

    /// All values of an element type.
    pub const fn of(element: ElementType) -> Self {
        let (lo, hi) = element.range();
        Self { lo: lo as i64, hi: hi as i64 }
    }

    /// Whether `value` is inside.
    pub const fn contains(self, value: i64) -> bool {
        self.lo <= value && value <= self.hi
    }

    /// What is left when every value is clamped to `lo..=hi`.
    pub fn clamp(self, lo: i64, hi: i64) -> Self {
        Self { lo: self.lo.max(lo).min(hi), hi: self.hi.max(lo).min(hi) }
    }

    /// The smallest interval around both.
    pub fn union(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// Values after `value − by`; `None` when that leaves 64 bits.
    pub fn offset_down(self, by: i64) -> Option<Self> {
        Some(Self { lo: self.lo.checked_sub(by)?, hi: self.hi.checked_sub(by)? })
    }

    /// Values of `self + weight · other`; `None` when that leaves 64 bits.
    #[inline(never)]
    pub fn add_product(self, weight: i64, other: Self) -> Option<Self> {
        let (a, b) = (weight.checked_mul(other.lo)?, weight.checked_mul(other.hi)?);
        Some(Self { lo: self.lo.checked_add(a.min(b))?, hi: self.hi.checked_add(a.max(b))? })
    }

    /// Products of a value of each; `None` when one leaves 64 bits.
    #[inline(never)]
    pub fn product(self, other: Self) -> Option<Self> {
        let (low, high) = (Self::point(0).add_product(self.lo, other)?, Self::point(0).add_product(self.hi, other)?);
        Some(low.union(high))
    }

    /// Bits of the narrowest two's-complement integer that holds every value.
    pub fn bits(self) -> u32 {
        let magnitude = |value: i64| if value < 0 { !value } else { value };
        let widest = magnitude(self.lo).max(magnitude(self.hi));
        65u32.saturating_sub(widest.leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::Interval;

    #[test]
    fn bits_are_of_twos_complement() {
        for (lo, hi, bits) in [(0, 0, 1), (-1, 0, 1), (-128, 127, 8), (-129, 0, 9), (0, 128, 9), (i64::MIN, 0, 64)] {
            assert_eq!(Interval { lo, hi }.bits(), bits, "{lo}..{hi}");
        }
    }

    #[test]
    fn a_negative_weight_swaps_the_ends() {
        let sum = Interval::point(10).add_product(-3, Interval { lo: -2, hi: 5 });
        assert_eq!(sum, Some(Interval { lo: -5, hi: 16 }));
    }
}

//! Quantised scores in real units.

use fixed::types::{I32F32, U32F96};

use crate::features::saturate;

/// How quantised scores become real ones: `scale · (q − zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scores {
    /// Real size of one quantised unit.
    pub scale: U32F96,
    /// Quantised value of real zero.
    pub zero_point: i32,
}

impl Scores {
    /// The real size of `units` quantised units, rounded down, saturated.
    #[inline(never)]
    pub(super) fn real(&self, units: i64) -> I32F32 {
        // 33 bits of units times 128 bits of scale do not fit 128 bits: multiply the scale's halves apart.
        let bits = self.scale.to_bits();
        let units = i128::from(units);
        let carry = units.wrapping_mul(i128::from(bits as u64)) >> 64;
        let value = units.wrapping_mul(i128::from((bits >> 64) as u64)).wrapping_add(carry);
        I32F32::from_bits(saturate(value))
    }

    /// The real value of the score `q`.
    pub(super) fn value(&self, q: i64) -> I32F32 {
        self.real(q.wrapping_sub(i64::from(self.zero_point)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

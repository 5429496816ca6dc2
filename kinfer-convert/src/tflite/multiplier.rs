//! TensorFlow Lite's fixed-point multipliers: `QuantizeMultiplier` and `MultiplyByQuantizedMultiplier` of
//! `tensorflow/lite/kernels/internal/quantization_util.cc` and `common.cc`, as factors of the core.

use kinfer::format::Rounding as Rule;
use kinfer::ops::requantize::{Factor, scale};

use super::Rounding;

/// A real multiplier as TensorFlow Lite has it: `significand · 2^(exponent − 31)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiplier {
    /// 0, or 2^30 to 2^31 − 1; smaller where a mean divides it.
    pub(super) significand: i32,
    /// Power of two, −31 to 1,025.
    pub(super) exponent: i32,
}

impl Multiplier {
    /// `QuantizeMultiplier` of a finite number: 31 bits, the last one rounded with ties away from zero; 0 below 2^-32. What is not
    /// above zero is 0.
    pub(super) fn new(real: f64) -> Self {
        const ZERO: Multiplier = Multiplier { significand: 0, exponent: 0 };
        if !(real.is_normal() && real > 0.0) {
            return ZERO;
        }
        const FRACTION: u64 = (1 << 52) - 1;
        let bits = real.to_bits();
        let exponent = (bits >> 52) as i32 - 1022;
        // 53 bits to 31.
        let significand = ((bits & FRACTION | 1 << 52) + (1 << 21)) >> 22;
        let (significand, exponent) =
            if significand == 1 << 31 { (1 << 30, exponent + 1) } else { (significand as i32, exponent) };
        if exponent < -31 { ZERO } else { Self { significand, exponent } }
    }

    /// As a factor of the core, for accumulators of 32 bits; nothing where the product leaves 32 bits whatever the accumulator.
    pub(super) fn factor(self) -> Option<Factor> {
        if self.significand == 0 {
            return Some(Factor { multiplier: 0, shift: 31 });
        }
        let shift = u8::try_from(31 - self.exponent).ok().filter(|shift| (1..=62).contains(shift))?;
        Some(Factor { multiplier: self.significand, shift })
    }

    /// As a factor for accumulators of 64 bits, which have a multiplier of 15 bits and one rounding in every interpreter.
    pub(super) fn factor_of_64(self) -> Option<Factor> {
        let multiplier = if self.significand < 0x7fff_0000 { (self.significand + (1 << 15)) >> 16 } else { 0x7fff };
        let shift = u8::try_from(15 - self.exponent).ok().filter(|shift| (8..=46).contains(shift))?;
        Some(Factor { multiplier, shift })
    }

    /// `MultiplyByQuantizedMultiplier(x, …)`, for an `x` of 32 bits; the exact value where TensorFlow Lite's would overflow.
    pub(super) fn of(self, x: i64, rounding: Rounding) -> i64 {
        let shift = 31 - self.exponent;
        match u8::try_from(shift) {
            Ok(shift) => {
                let factor = Factor { multiplier: self.significand, shift: shift.min(62) };
                scale(x, factor, rounding.rule()).clamp(i64::MIN.into(), i64::MAX.into()) as i64
            }
            Err(_) => x.signum().saturating_mul(i64::MAX),
        }
    }
}

impl Rounding {
    /// The core's name of it.
    pub(super) const fn rule(self) -> Rule {
        match self {
            Self::Single => Rule::TfliteSingle,
            Self::Double | Self::Litert => Rule::TfliteDouble,
        }
    }

    /// That of a dense layer, which LiteRT's reference kernel multiplies in double precision.
    pub(super) const fn dense_rule(self) -> Rule {
        match self {
            Self::Single | Self::Litert => Rule::TfliteSingle,
            Self::Double => Rule::TfliteDouble,
        }
    }

    /// `a · b / c` of three numbers of the file, in the precision in which the interpreter computes it.
    pub(super) fn ratio(self, a: f32, b: f32, c: f32) -> f64 {
        match self {
            Self::Single | Self::Litert => f64::from(a * b / c),
            Self::Double => f64::from(a) * f64::from(b) / f64::from(c),
        }
    }
}

/// A factor that under [`Rule::TfliteSingle`] gives `acc · real`, rounded to the nearest in double precision with ties away from zero
/// and clamped to `lo..=hi`, for every sum; nothing where no factor near `real` does.
pub(super) fn factor_of_real(real: f64, range: (i64, i64)) -> Option<Factor> {
    let Factor { multiplier, shift } = Multiplier::new(real).factor()?;
    let near = [0, 1, -1, 2, -2, 3, -3, 4, -4];
    near.iter()
        .filter_map(|off| multiplier.checked_add(*off))
        .map(|multiplier| Factor { multiplier, shift })
        .find(|&factor| steps_agree(real, factor, range))
}

/// Neither function of the sum ever decreases, so that it is enough to compare them where the one in double precision steps.
fn steps_agree(real: f64, factor: Factor, (lo, hi): (i64, i64)) -> bool {
    let rounded = |acc: i64| ((acc as f64 * real).round() as i64).clamp(lo, hi);
    let scaled = |acc: i64| (scale(acc, factor, Rule::TfliteSingle) as i64).clamp(lo, hi);
    (lo..hi).all(|below| {
        let step = ((below as f64 + 0.5) / real).floor() as i64;
        (step.saturating_sub(1)..=step.saturating_add(2)).all(|acc| rounded(acc) == scaled(acc))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(real: f64, significand: i32, exponent: i32) {
        assert_eq!(Multiplier::new(real), Multiplier { significand, exponent }, "{real}");
    }

    #[test]
    fn multipliers_have_31_bits_and_flush_to_zero() {
        is(0.25, 1 << 30, -1);
        is(0.5, 1 << 30, 0);
        is(1.0, 1 << 30, 1);
        is(0.75, 1_610_612_736, 0);
        is(2.0, 1 << 30, 2);
        is(0.0, 0, 0);
        is(0.000_05, 1_759_218_604, -14);
        // The significand rounds up to 2^31.
        is(1.0 - 2f64.powi(-40), 1 << 30, 1);
        is(2f64.powi(-33), 0, 0);
        is(-1.0, 0, 0);
    }

    #[test]
    fn a_product_rounds_once_or_twice() {
        // 0.0101…01 · 2^31, just below a third: three times it is below 1 in exact arithmetic.
        let third = Multiplier::new(1.0 / 3.0);
        assert_eq!((third.of(3, Rounding::Single), third.of(-3, Rounding::Double)), (1, -1));
        // 3/8: a tie of the first rounding makes one of the second.
        let eighth = Multiplier { significand: 1 << 30, exponent: -2 };
        assert_eq!((eighth.of(3, Rounding::Single), eighth.of(3, Rounding::Double)), (0, 1));
        assert_eq!((eighth.of(-4, Rounding::Single), eighth.of(-4, Rounding::Double)), (0, -1));
    }

    #[test]
    fn a_factor_of_31_bits_steps_where_the_real_one_does_if_its_sums_are_no_longer() {
        let is_found = |real: f64, range| factor_of_real(real, range).is_some();
        assert!(is_found(1.0 / 3.0, (-128, 127)));
        // Ties away from zero, which a factor a little above one half makes of ties up.
        assert_eq!(factor_of_real(0.5, (-128, 127)).unwrap().multiplier, (1 << 30) + 1);
        // Sums of 2^43 have more bits than a factor.
        assert!(!is_found(1e-8 / 3.0, (-32_768, 32_767)));
    }

    #[test]
    fn accumulators_of_64_bits_have_a_multiplier_of_15() {
        let factor = |real: f64| Multiplier::new(real).factor_of_64().map(|factor| (factor.multiplier, factor.shift));
        assert_eq!(factor(0.5), Some((1 << 14, 15)));
        assert_eq!(factor(1.0 - 2f64.powi(-31)), Some((0x7fff, 15)));
        assert_eq!((factor(256.0), factor(64.0)), (None, Some((1 << 14, 8))));
    }
}

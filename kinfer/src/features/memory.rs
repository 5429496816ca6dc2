//! What a feature program remembers from decision to decision, in the caller's state.
//!
//! The state is the caller's memory, zero before the first decision. Whatever is in it, nothing here can fail: it is taken
//! as numbers.

use super::affine::{divide, Direction};
use super::saturate::shift_left;

/// Largest binary point of the weight of a sample.
pub const MAX_SHIFT: u8 = 30;
/// Largest binary point of a mean.
pub const MAX_FRACTION: u8 = 32;
/// The most samples that a history holds.
pub const MAX_HISTORY: u16 = 16;

/// The weight of a sample, `alpha / 2^shift`, 0 excluded to 1 included, and the binary point of the mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// In units of 2^-shift: 1 to 2^shift.
    pub alpha: u32,
    /// At most [`MAX_SHIFT`].
    pub shift: u8,
    /// At most [`MAX_FRACTION`].
    pub fraction: u8,
}

/// Takes sample `x` into the exponentially weighted mean, and gives the mean in units of 2^-fraction.
///
/// `mean += round((x · 2^fraction − mean) · alpha / 2^shift)`, ties to even; `x · 2^fraction` saturates to 64 bits. `state`
/// is whether there is a mean, 0 before the first sample, and the mean. The first sample is the first mean. A mean is
/// between the one before it and the sample, so it stays in 64 bits.
#[inline(never)]
pub fn ewma(x: i64, weight: Weight, state: &mut [i64; 2]) -> i64 {
    let [valid, mean] = state;
    let sample = shift_left(x, weight.fraction, 0);
    let from = if *valid == 0 { sample } else { *mean };
    // (sample − from) · alpha: the difference alone does not fit 64 bits.
    let alpha = i64::from(weight.alpha);
    let less = i128::from(from).wrapping_mul(i128::from(alpha)).wrapping_neg();
    let step = divide(sample, alpha, less, weight.shift, Direction::EVEN);
    *mean = from.wrapping_add(step as i64); // modulo 2^64, and the sum is in range
    *valid = 1;
    *mean
}

/// Copies the samples of the last decisions, the latest first, to `values`, and puts `x` in front of them.
#[inline]
pub fn history(x: i64, state: &mut [i64], values: &mut [i64]) {
    let mut newer = x;
    for (kept, value) in state.iter_mut().zip(values) {
        *value = *kept;
        newer = core::mem::replace(kept, newer);
    }
}

#[cfg(test)]
mod tests {
    use super::{ewma, history, Weight};
    use std::vec::Vec;

    #[test]
    fn a_mean_begins_at_the_first_sample_and_moves_by_its_weight() {
        let weight = Weight { alpha: 1, shift: 2, fraction: 4 };
        let mut state = [0; 2];
        let means: Vec<i64> = [8, 8, 16, 16, 0].map(|x| ewma(x, weight, &mut state)).into();
        assert_eq!(means, [128, 128, 160, 184, 138]);
        assert_eq!(state, [1, 138]);
    }

    #[test]
    fn steps_round_half_to_even_on_both_sides() {
        let weight = Weight { alpha: 1, shift: 1, fraction: 0 };
        for (from, x, mean) in [(0, 1, 0), (0, 3, 2), (0, 5, 2), (0, -1, 0), (0, -3, -2), (1, 0, 1), (-1, 2, 1)] {
            assert_eq!(ewma(x, weight, &mut [1, from]), mean, "{from} to {x}");
        }
    }

    #[test]
    fn no_state_and_no_sample_leaves_64_bits() {
        for alpha in [1, 3, 1 << 30] {
            let weight = Weight { alpha, shift: 30, fraction: 32 };
            for from in [i64::MIN, -1, 0, i64::MAX] {
                for x in [i64::MIN, -1, 0, 1, i64::MAX] {
                    let mean = ewma(x, weight, &mut [-7, from]);
                    let sample = (i128::from(x) << 32).clamp(i64::MIN.into(), i64::MAX.into()) as i64;
                    assert!(from.min(sample) <= mean && mean <= from.max(sample), "{from} {x}");
                }
            }
        }
    }

    #[test]
    fn a_history_gives_the_latest_first_and_zeros_before_there_is_one() {
        let (mut state, mut values) = ([0; 3], [9; 3]);
        let mut seen = Vec::new();
        for x in 1..=5 {
            history(x, &mut state, &mut values);
            seen.push(values);
        }
        assert_eq!(seen, [[0, 0, 0], [1, 0, 0], [2, 1, 0], [3, 2, 1], [4, 3, 2]]);
    }
}

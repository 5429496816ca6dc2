//! Proof of rows of weights: offsets, multipliers, and the range of every channel's accumulator.

use super::{Interval, Node};
use crate::error::{Problem, What};
use crate::format::{Channel, Rounding, Weights};
use crate::iter::numbered;
use crate::ops::requantize::{requantize, Factor, MAX_SHIFT};

/// What was proved of all channels together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proved {
    pub(super) accumulator: Interval,
    pub(super) output: Interval,
}

/// Proves `channels` rows of `row` weights whose inputs, less their zero point, are in `centred`.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(
    node: &Node<'_>,
    weights: &Weights,
    row: usize,
    channels: usize,
    centred: Interval,
) -> Result<Proved, Problem> {
    let (row_bytes, count) = ((row as u64).saturating_mul(weights.weight_type.size() as u64), channels as u64);
    node.check_clamp(weights.requantize.lo, weights.requantize.hi)?;
    node.data(What::Weights, weights.weights, row_bytes.saturating_mul(count))?;
    node.data(What::Biases, weights.biases, count.saturating_mul(8))?;
    node.data(What::Multipliers, weights.requantize.multipliers, count.saturating_mul(4))?;
    node.data(What::Shifts, weights.requantize.shifts, count)?;

    let output = weights.output(&node.output);
    let mut proved: Option<Proved> = None;
    for (number, channel) in numbered(weights.channels(node.model.data(), row, channels)) {
        let acc = accumulator(&channel, centred).ok_or(Problem::Accumulator { channel: number })?;
        check_factor(number, channel.factor, output.rounding, acc)?;
        let reached = Interval {
            lo: i64::from(requantize(acc.lo, channel.factor, output)),
            hi: i64::from(requantize(acc.hi, channel.factor, output)),
        };
        proved = Some(match proved {
            Some(all) => Proved { accumulator: all.accumulator.union(acc), output: all.output.union(reached) },
            None => Proved { accumulator: acc, output: reached },
        });
    }
    proved.ok_or(Problem::Shapes { input: node.input.elements(), output: node.output.elements() })
}

/// All values of a channel's accumulator, `None` when they could leave 64 bits.
#[inline(never)]
pub(crate) fn accumulator(channel: &Channel<'_>, centred: Interval) -> Option<Interval> {
    let (weights, bias) = (channel.weights(), channel.bias);
    if weights.most() <= 1 << 15 && centred.bits() <= 32 && bias.unsigned_abs() < 1 << 61 {
        // 2^15 products of 16 and 32 bits, signed, are at most 2^61. Weights of a sign reach their ends together.
        let (mut up, mut down) = (0i64, 0i64);
        weights.for_each(|weight| {
            up = up.wrapping_add(weight.max(0));
            down = down.wrapping_add(weight.min(0));
        });
        let reach =
            |first: i64, second: i64| bias.wrapping_add(up.wrapping_mul(first)).wrapping_add(down.wrapping_mul(second));
        return Some(Interval { lo: reach(centred.lo, centred.hi), hi: reach(centred.hi, centred.lo) });
    }
    let mut sum = Interval::point(bias);
    for weight in weights {
        sum = sum.add_product(weight, centred)?;
    }
    Some(sum)
}

/// Refuses a factor that `rounding` does not allow for sums in `acc`.
#[inline(never)]
pub(super) fn check_factor(channel: u32, factor: Factor, rounding: Rounding, acc: Interval) -> Result<(), Problem> {
    let Factor { multiplier, shift } = factor;
    if multiplier < 0 {
        return Err(Problem::Multiplier { channel });
    }
    let max = match rounding {
        Rounding::HalfEven | Rounding::TfliteSingle => MAX_SHIFT,
        Rounding::TfliteDouble => 62,
        Rounding::Shift => 62,
    };
    if shift > max {
        return Err(Problem::Shift { is: shift, max });
    }
    match rounding {
        Rounding::HalfEven | Rounding::TfliteSingle => Ok(()),
        Rounding::Shift if multiplier == 1 => Ok(()),
        Rounding::Shift => Err(Problem::NotAPowerOfTwo { channel }),
        Rounding::TfliteDouble => {
            // Its high multiply takes 32 bits, after a shift to the left.
            let left = 31u32.saturating_sub(u32::from(shift));
            let fits = acc.bits().saturating_add(left) <= 32;
            fits.then_some(()).ok_or(Problem::Accumulator { channel })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{accumulator, Interval};
    use crate::format::{Channel, WeightType};
    use crate::ops::requantize::Factor;

    /// The same by the definition, a weight at a time.
    fn one_by_one(weights: &[i64], bias: i64, centred: Interval) -> Option<Interval> {
        weights.iter().try_fold(Interval::point(bias), |sum, &weight| sum.add_product(weight, centred))
    }

    #[test]
    fn sums_by_sign_are_those_of_a_weight_at_a_time() {
        let weights = [0i64, 1, -1, 127, -128, 5, -77];
        let bytes = weights.map(|weight| weight as u8);
        for (lo, hi) in [(0, 0), (-3, 9), (4, 9), (-9, -4), (-(1 << 31), (1 << 31) - 1), (-(1 << 40), 7)] {
            for bias in [0, -5, (1 << 61) - 1, 1 << 61, i64::MAX, i64::MIN, i64::MAX - 700] {
                let channel = Channel::new(WeightType::I8, &bytes, bias, Factor { multiplier: 1, shift: 0 });
                let centred = Interval { lo, hi };
                assert_eq!(accumulator(&channel, centred), one_by_one(&weights, bias, centred), "{lo}..{hi}, {bias}");
            }
        }
    }

    #[test]
    fn weights_of_16_bits_count_as_such() {
        let (weights, centred) = ([i64::from(i16::MIN), 300, -2], Interval { lo: -65_535, hi: 65_535 });
        let bytes: std::vec::Vec<u8> = weights.iter().flat_map(|&weight| (weight as i16).to_le_bytes()).collect();
        let channel = Channel::new(WeightType::I16, &bytes, 11, Factor { multiplier: 1, shift: 0 });
        assert_eq!(accumulator(&channel, centred), one_by_one(&weights, 11, centred));
    }
}

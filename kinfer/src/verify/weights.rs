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
pub(crate) fn accumulator(channel: &Channel<'_>, centred: Interval) -> Option<Interval> {
    channel.weights().try_fold(Interval::point(channel.bias), |acc, weight| acc.add_product(weight, centred))
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

//! Proof of a dense layer: offsets, multipliers, and the range of every channel's accumulator.

use super::{check_clip, Interval, OperatorReport};
use crate::error::Problem;
use crate::format::{Dense, Model, OperatorKind, Tensor};
use crate::iter::numbered;
use crate::ops::requantize::{requantize, MAX_SHIFT};

pub(super) fn check(
    model: &Model<'_>,
    dense: &Dense,
    input: &Tensor,
    output: &Tensor,
    range: Interval,
) -> Result<OperatorReport, Problem> {
    let (inputs, outputs) = (input.elements(), output.elements());
    check_clip(dense.requantize.lo, dense.requantize.hi, output)?;
    let operations = inputs.saturating_mul(outputs);
    let data = model.data();
    check_end(data, "weights", dense.weights, operations.saturating_mul(dense.weight_type.size()))?;
    check_end(data, "biases", dense.biases, outputs.saturating_mul(8))?;
    check_end(data, "multipliers", dense.requantize.multipliers, outputs.saturating_mul(4))?;
    check_end(data, "shifts", dense.requantize.shifts, outputs)?;

    // What the operator multiplies is the input less its zero point.
    let centred = range.offset_down(i64::from(input.zero_point)).ok_or(Problem::Accumulator { channel: 0 })?;
    let mut proved: Option<(Interval, Interval)> = None;
    for (number, channel) in numbered(dense.channels(data, inputs as usize, outputs as usize)) {
        if channel.factor.multiplier < 0 {
            return Err(Problem::Multiplier { channel: number });
        }
        if channel.factor.shift > MAX_SHIFT {
            return Err(Problem::Shift { is: channel.factor.shift, max: MAX_SHIFT });
        }
        let acc = channel
            .weights()
            .try_fold(Interval::point(channel.bias), |acc, weight| acc.add_product(weight, centred))
            .ok_or(Problem::Accumulator { channel: number })?;
        let stage = dense.output(output);
        let reached = Interval {
            lo: i64::from(requantize(acc.lo, channel.factor, stage)),
            hi: i64::from(requantize(acc.hi, channel.factor, stage)),
        };
        proved = Some(match proved {
            Some((accs, outs)) => (accs.union(acc), outs.union(reached)),
            None => (acc, reached),
        });
    }
    let (accumulator, reached) = proved.ok_or(Problem::Shapes { input: inputs, output: outputs })?;
    Ok(OperatorReport { kind: OperatorKind::Dense, accumulator, output: reached, operations })
}

fn check_end(data: &[u8], what: &'static str, offset: u32, bytes: u64) -> Result<(), Problem> {
    let (end, length) = (u64::from(offset).saturating_add(bytes), data.len() as u64);
    if end > length {
        return Err(Problem::DataEnd { what, end, length });
    }
    Ok(())
}

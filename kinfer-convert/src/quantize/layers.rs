//! Dense layers and convolutions → records.

use kinfer::format::{Rounding, WeightType};

use super::lower::{Kind, Op};
use super::weighted::Stage;
use super::writer::{Writer, bounds};
use super::{NORMALISE, factor};
use crate::error::Result;
use crate::graph::Operator;
use crate::kinf::{ConvSpec, DenseSpec, OperatorSpec, RowsSpec, WeightsSpec};

/// A bias is at most so many units of its accumulator.
const BIAS_UNITS: f64 = 1_099_511_627_776.0; // 2^40

/// Writes a layer.
pub(super) fn write(writer: &mut Writer<'_>, op: &Op, stage: &Stage) -> Result<()> {
    let input = writer.tensor(op.inputs[0])?;
    let rows = rows(writer, op, stage)?;
    match &op.kind {
        Kind::Plain(Operator::Conv(conv)) => {
            let input = writer.reshaped(input, &conv.image.map(|size| size as u32));
            let spec = writer.spec(op.value, conv.output().map(|size| size as u32).to_vec())?;
            let groups = conv.groups as u32;
            let conv = ConvSpec { input, output: writer.next(), rows, window: conv.window, groups };
            writer.finish(op, OperatorSpec::Conv(conv), spec);
        }
        _ => {
            let spec = writer.output(op)?;
            let dense = DenseSpec { input, output: writer.next(), rows, skip_zeros: false };
            writer.finish(op, OperatorSpec::Dense(dense), spec);
        }
    }
    Ok(())
}

fn rows(writer: &Writer<'_>, op: &Op, stage: &Stage) -> Result<RowsSpec> {
    let output = writer.grid(op.value)?;
    let channels = stage.steps.len();
    let mut weights = stage.weights.clone();
    let inputs = weights.len() / channels.max(1);
    let (mut biases, mut multipliers, mut shifts) = (vec![], vec![], vec![]);
    // Pixels of a channel share its grid, and the first pixel has all channels.
    for (channel, row) in weights.chunks_exact_mut(inputs).enumerate() {
        let bias = stage.biases[channel] - output.centres[channel];
        let mut step = stage.steps[channel];
        if bias.abs() > step * BIAS_UNITS || row.iter().all(|&weight| weight == 0) {
            // The weights are nothing, or nothing beside the bias: a channel that is constant.
            row.fill(0);
            step = output.scales[channel].max(bias.abs() / BIAS_UNITS);
        }
        let Some((multiplier, shift)) = factor::requantize(step / output.scales[channel]) else {
            let what = format!("channel {channel}: its outputs leave the range of its multiplier");
            return Err(writer.wrong(op, &what, NORMALISE));
        };
        biases.push((bias / step).round_ties_even() as i64);
        multipliers.push(multiplier);
        shifts.push(shift);
    }
    let (lo, hi) = bounds(op, &output);
    let weights = match stage.weight_type {
        WeightType::I8 => WeightsSpec::I8(weights.iter().map(|&weight| weight as i8).collect()),
        WeightType::I16 => WeightsSpec::I16(weights),
    };
    Ok(RowsSpec { weights, biases, multipliers, shifts, rounding: Rounding::HalfEven, lo, hi })
}

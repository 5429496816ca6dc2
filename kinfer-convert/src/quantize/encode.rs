//! Stages → records of the file.

use kinfer::format::{ElementType, Rounding};

use super::grid::Grid;
use super::stage::Stage;
use super::{Quantized, factor};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::kinf::{AffineSpec, DenseSpec, OperatorSpec, RowsSpec, StepSpec, TensorSpec};
use crate::network::{Affine, Network};

/// Bits that the largest score anything can reach uses of its int32.
const SCORE_BITS: f64 = 30.0;
/// A bias is at most so many units of its accumulator.
const BIAS_UNITS: f64 = 1_099_511_627_776.0; // 2^40

pub(super) fn encode(network: &Network, stages: &[Stage], data: &Data) -> Result<Quantized> {
    let Some(first) = stages.first() else {
        return Ok(Quantized { program: vec![], tensors: vec![], operators: vec![], silent: vec![] });
    };
    let program = program(&network.normalize, &first.grid, data)?;
    let silent = silent(&program, first, data);
    let program = program.into_iter().map(StepSpec::Affine).collect();
    let mut tensors = Vec::new();
    let mut operators = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        tensors.push(tensor(&stage.grid));
        let output = match stages.get(index + 1) {
            Some(next) => next.grid.clone(),
            None => {
                let grid = scores(network, index, stage)?;
                tensors.push(tensor(&grid));
                grid
            }
        };
        operators.push(OperatorSpec::Dense(dense(&network.layers[index].name, index as u16, stage, &output)?));
    }
    Ok(Quantized { program, tensors, operators, silent })
}

/// Counters straight to the first grid: `q = zero_point + (raw − middle) · factor / scale`, the middle of the counter's
/// range being exact. Where the sum fits, the core computes it in 64 bits: a shift that leaves room for the element.
fn program(normalize: &[Affine], grid: &Grid, data: &Data) -> Result<Vec<AffineSpec>> {
    let narrow = match grid.element {
        ElementType::I8 => 62 - 8,
        ElementType::I16 => 62 - 16,
        ElementType::I32 => 62 - 32,
    };
    let step = |(feature, affine): (usize, &Affine)| {
        let (multiplier, shift) = factor::step(affine.factor / grid.scales[feature], narrow)
            .ok_or_else(|| range(format!("feature {feature}"), "its normalisation cannot be written in integers"))?;
        let (lo, hi) = data.range(feature);
        let twice_middle = i128::from(lo) + i128::from(hi);
        let bias = (i128::from(grid.zero_point) << shift) - i128::from(multiplier) * twice_middle / 2;
        Ok(AffineSpec::new(feature as u16, multiplier, bias, shift, grid.element))
    };
    normalize.iter().enumerate().map(step).collect()
}

/// Features whose every weight is zero, or whose whole range is one quantised value.
fn silent(program: &[AffineSpec], first: &Stage, data: &Data) -> Vec<usize> {
    let quantized =
        |step: &AffineSpec, raw: i64| (i128::from(raw) * i128::from(step.multiplier) + step.bias) >> step.shift;
    let is_silent = |feature: &usize| {
        let step = &program[*feature];
        let (lo, hi) = data.range(*feature);
        let weightless = first.weights.chunks_exact(program.len()).all(|row| row[*feature] == 0);
        weightless || (lo != hi && quantized(step, lo) == quantized(step, hi)) || step.multiplier == 0
    };
    (0..program.len()).filter(is_silent).collect()
}

/// Elements have scales of their own, which the next layer's weights take up; the tensor's is the coarsest of them.
fn tensor(grid: &Grid) -> TensorSpec {
    let coarsest = grid.scales.iter().copied().fold(0.0, f64::max);
    let dims = vec![grid.scales.len() as u32];
    TensorSpec { element: grid.element, dims, zero_point: grid.zero_point, scale: factor::scale(coarsest) }
}

/// One scale for all scores, so that they compare; nothing can saturate.
fn scores(network: &Network, index: usize, stage: &Stage) -> Result<Grid> {
    let layer = &network.layers[index];
    let reach = f64::from(stage.grid.hi - stage.grid.zero_point).max(f64::from(stage.grid.zero_point - stage.grid.lo));
    let largest = stage.weights.chunks_exact(layer.weights.columns).enumerate().map(|(output, row)| {
        let units: f64 = row.iter().map(|&weight| f64::from(weight).abs() * (reach + 1.0)).sum();
        units * stage.steps[output] + stage.biases[output].abs()
    });
    let largest = largest.fold(0.0, f64::max);
    let place = || format!("layer `{}`", layer.name);
    if largest <= 0.0 {
        return Err(range(place(), "all scores are the same, whatever the features"));
    }
    // The scale as the file holds it: multipliers are computed from that one.
    let scale = factor::real(factor::scale(largest / SCORE_BITS.exp2()));
    if largest >= 31f64.exp2() || scale * SCORE_BITS.exp2() > largest * 2.0 {
        return Err(range(place(), "its scores do not fit I32F32: they reach 2^31 and more, or vanish"));
    }
    let (bottom, top) = ElementType::I32.range();
    let bound = |x: f64| (x / scale).round().clamp(f64::from(bottom), f64::from(top)) as i32;
    let outputs = layer.bias.len();
    Ok(Grid {
        element: ElementType::I32,
        zero_point: 0,
        lo: bound(layer.lo),
        hi: bound(layer.hi),
        centres: vec![0.0; outputs],
        scales: vec![scale; outputs],
    })
}

fn dense(name: &str, index: u16, stage: &Stage, output: &Grid) -> Result<DenseSpec> {
    let mut weights = stage.weights.clone();
    let (mut biases, mut multipliers, mut shifts) = (vec![], vec![], vec![]);
    let inputs = stage.grid.scales.len();
    for (channel, row) in weights.chunks_exact_mut(inputs).enumerate() {
        let bias = stage.biases[channel] - output.centres[channel];
        let mut step = stage.steps[channel];
        if bias.abs() > step * BIAS_UNITS {
            // The weights are nothing beside the bias: a channel that is constant.
            row.fill(0);
            step = bias.abs() / BIAS_UNITS;
        }
        let place = || format!("layer `{name}`, channel {channel}");
        let (multiplier, shift) = factor::requantize(step / output.scales[channel])
            .ok_or_else(|| range(place(), "its outputs leave the range of its multiplier"))?;
        biases.push((bias / step).round_ties_even() as i64);
        multipliers.push(multiplier);
        shifts.push(shift);
    }
    let rows = RowsSpec {
        weights: weights.into(),
        biases,
        multipliers,
        shifts,
        rounding: Rounding::HalfEven,
        lo: output.lo,
        hi: output.hi,
    };
    Ok(DenseSpec { input: index, output: index + 1, rows, skip_zeros: false })
}

fn range(place: String, what: &str) -> Error {
    let advice = "weights and counters of such magnitude point at a model that was trained without normalisation";
    Error::Range { place, what: what.into(), advice: advice.into() }
}

//! One dense layer or convolution as integers.

use std::collections::BTreeMap;
use std::ops::Range;

use kinfer::format::WeightType;

use super::covariance::Covariance;
use super::grid::Grid;
use super::lower::{Kind, Op};
use super::round::{self, Rounded};
use crate::graph::{Conv, Matrix, Operator};

/// Windows of a sample that a convolution's weights are rounded on.
const WINDOWS: usize = 4096;
/// Products of a covariance, at most: rows times the square of the columns.
const PRODUCTS: usize = 1 << 30;

/// Rows of weights that meet the same inputs, and those inputs.
pub(super) struct Part {
    rows: Range<usize>,
    /// Of every column, an element of the input that has its scale.
    columns: Vec<usize>,
    /// What the columns are on the sample; a tap in the padding is zero.
    samples: Matrix,
    covariance: Covariance,
}

/// Integer weights, and biases in real units.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) weight_type: WeightType,
    /// A row an output channel, as in the graph.
    pub(super) weights: Vec<i16>,
    /// Real size of one unit of the accumulator, by channel.
    pub(super) steps: Vec<f64>,
    pub(super) biases: Vec<f64>,
}

/// What a layer is made integer from.
pub(super) struct Job<'a> {
    pub(super) op: &'a Op,
    pub(super) weights: &'a Matrix,
    parts: Vec<Part>,
    /// Inputs as the integer layers before give them, before they are put on the grid; one row a sample.
    inputs: &'a Matrix,
    /// `weights · x + bias` as the float graph has it.
    targets: &'a Matrix,
    /// How much an error of an output channel matters.
    importance: Vec<f64>,
    weight_type: WeightType,
}

impl<'a> Job<'a> {
    /// Of an operator with weights; nothing of another one.
    pub(super) fn new(
        op: &'a Op,
        inputs: &'a Matrix,
        targets: &'a Matrix,
        importance: &[f64],
        weight_type: WeightType,
    ) -> Option<Self> {
        let (weights, parts) = match &op.kind {
            Kind::Plain(Operator::Dense { weights, .. }) => {
                let columns = (0..weights.columns).collect();
                let samples = thinned(inputs);
                let covariance = Covariance::of(&samples);
                (weights, vec![Part { rows: 0..weights.rows(), columns, samples, covariance }])
            }
            Kind::Plain(Operator::Conv(conv)) => {
                (&conv.weights, (0..conv.groups).map(|group| windows(conv, group, inputs)).collect())
            }
            _ => return None,
        };
        let channels = weights.rows();
        let importance = (0..channels).map(|channel| importance.get(channel).copied().unwrap_or(1.0)).collect();
        Some(Self { op, weights, parts, inputs, targets, importance, weight_type })
    }

    /// The largest share of any row that a class of inputs has, its weights being taken in units of `grid`.
    pub(super) fn columns(&self, grid: &Grid, class: impl Fn(usize) -> usize) -> BTreeMap<usize, f64> {
        let mut columns = BTreeMap::new();
        for part in &self.parts {
            for row in part.rows.clone() {
                let folded = self.weights.row(row).iter().zip(&part.columns);
                let folded: Vec<_> = folded.map(|(weight, &element)| (weight * grid.scales[element]).abs()).collect();
                let largest = folded.iter().copied().fold(0.0, f64::max);
                for (share, &element) in folded.iter().zip(&part.columns).filter(|_| largest > 0.0) {
                    let column = columns.entry(class(element)).or_insert(0f64);
                    *column = column.max(share / largest);
                }
            }
        }
        columns
    }

    /// Weights for a grid of the inputs, and the mean square error of the outputs, weighted by importance.
    pub(super) fn try_grid(&self, grid: &Grid) -> (f64, Rounded) {
        let mut all = Rounded { weights: vec![], steps: vec![], errors: vec![] };
        let mut error = 0.0;
        for part in &self.parts {
            let scales: Vec<_> = part.columns.iter().map(|&element| grid.scales[element]).collect();
            let noise = noise(grid, part);
            let mut weights = Matrix { columns: scales.len(), data: vec![] };
            for row in part.rows.clone() {
                weights.data.extend(self.weights.row(row).iter().zip(&scales).map(|(weight, scale)| weight * scale));
            }
            let of_units = part.covariance.in_units(&scales, &noise);
            let rounded = round::round(&weights, &of_units, self.weight_type);
            for ((row, weights), of_weights) in part.rows.clone().zip(weights.iter_rows()).zip(&rounded.errors) {
                let of_inputs: f64 = weights.iter().zip(&noise).map(|(weight, noise)| weight * weight * noise).sum();
                error += self.importance[row] * (of_weights + of_inputs);
            }
            all.weights.extend(rounded.weights);
            all.steps.extend(rounded.steps);
            all.errors.extend(rounded.errors);
        }
        (error, all)
    }

    /// The layer with these weights, and its biases such that each channel has the mean that it has in the float graph.
    pub(super) fn stage(&self, grid: &Grid, rounded: Rounded) -> (Stage, Matrix) {
        let Rounded { weights, steps, .. } = rounded;
        let channels = steps.len();
        let mut stage = Stage { weight_type: self.weight_type, weights, steps, biases: vec![0.0; channels] };
        let mut outputs = self.run(&stage, grid);
        let count = (outputs.data.len() / channels.max(1)).max(1) as f64;
        for (target, output) in self.targets.data.chunks_exact(channels).zip(outputs.data.chunks_exact(channels)) {
            for (bias, (target, output)) in stage.biases.iter_mut().zip(target.iter().zip(output)) {
                *bias += (target - output) / count;
            }
        }
        for output in outputs.data.chunks_exact_mut(channels) {
            output.iter_mut().zip(&stage.biases).for_each(|(y, bias)| *y = (*y + bias).max(self.op.lo).min(self.op.hi));
        }
        (stage, outputs)
    }

    /// What the accumulators give on the sample, in real units, without biases.
    fn run(&self, stage: &Stage, grid: &Grid) -> Matrix {
        let mut effective = Matrix { columns: self.weights.columns, data: vec![] };
        let integers = |row: usize| &stage.weights[row * self.weights.columns..][..self.weights.columns];
        for part in &self.parts {
            for row in part.rows.clone() {
                let real =
                    |(&weight, &element): (&i16, &usize)| f64::from(weight) * stage.steps[row] / grid.scales[element];
                effective.data.extend(integers(row).iter().zip(&part.columns).map(real));
            }
        }
        let operator = match &self.op.kind {
            Kind::Plain(Operator::Conv(conv)) => {
                let bias = vec![0.0; conv.bias.len()];
                Operator::Conv(Conv { weights: effective, bias, ..conv.clone() })
            }
            _ => Operator::Dense { bias: vec![0.0; effective.rows()], weights: effective },
        };
        let mut out = Matrix { columns: self.targets.columns, data: Vec::with_capacity(self.targets.data.len()) };
        for row in self.inputs.iter_rows() {
            let units = row.iter().enumerate().map(|(element, &x)| grid.scales[element] * grid.units(element, x));
            let units: Vec<f64> = units.collect();
            match &operator {
                Operator::Conv(conv) => out.data.extend(conv.evaluate(&units)),
                Operator::Dense { weights, .. } => {
                    let dot = |row: &[f64]| row.iter().zip(&units).map(|(w, x)| w * x).sum::<f64>();
                    out.data.extend(weights.iter_rows().map(dot));
                }
                _ => {}
            }
        }
        out
    }
}

/// Mean square of what the grid does to each column, in its units: a twelfth by rounding, and more where values saturate.
fn noise(grid: &Grid, part: &Part) -> Vec<f64> {
    const ROUNDING: f64 = 1.0 / 12.0;
    let mut noise = vec![0.0; part.columns.len()];
    let share = 1.0 / part.samples.rows().max(1) as f64;
    for row in part.samples.iter_rows() {
        for ((noise, &x), &element) in noise.iter_mut().zip(row).zip(&part.columns) {
            let units = (x - grid.centres[element]) / grid.scales[element];
            let beyond =
                units - units.clamp(f64::from(grid.lo - grid.zero_point), f64::from(grid.hi - grid.zero_point));
            *noise += share * beyond * beyond;
        }
    }
    noise.iter_mut().for_each(|noise| *noise += ROUNDING);
    noise
}

/// Every so many rows, so that the covariance is not too much work.
fn thinned(rows: &Matrix) -> Matrix {
    let most = (PRODUCTS / (rows.columns * rows.columns).max(1)).max(64);
    let stride = rows.rows().div_ceil(most).max(1);
    Matrix { columns: rows.columns, data: rows.iter_rows().step_by(stride).flatten().copied().collect() }
}

/// The windows that a group of a convolution sees on the sample.
fn windows(conv: &Conv, group: usize, inputs: &Matrix) -> Part {
    let [height, width, channels] = conv.image;
    let of_group = channels / conv.groups;
    let outputs = conv.bias.len() / conv.groups;
    let first = group * of_group;
    let [kernel_height, kernel_width] = conv.window.kernel.map(usize::from);
    let taps = || (0..kernel_height).flat_map(move |i| (0..kernel_width).map(move |j| [i, j]));
    let columns: Vec<usize> = taps().flat_map(|_| first..first + of_group).collect();
    let [rows, positions, _] = conv.output();
    let all = inputs.rows() * rows * positions;
    let most = (PRODUCTS / (columns.len() * columns.len()).max(1)).clamp(64, WINDOWS);
    let stride = all.div_ceil(most).max(1);
    let mut samples = Matrix { columns: columns.len(), data: vec![] };
    for number in (0..all).step_by(stride) {
        let x = inputs.row(number / (rows * positions));
        let position = [number / positions % rows, number % positions];
        for tap in taps() {
            let place = |axis: usize, size: usize| {
                let at = position[axis] * usize::from(conv.window.stride[axis])
                    + tap[axis] * usize::from(conv.window.dilation[axis]);
                at.checked_sub(usize::from(conv.window.before[axis])).filter(|&at| at < size)
            };
            match (place(0, height), place(1, width)) {
                (Some(row), Some(column)) => {
                    samples.data.extend(&x[(row * width + column) * channels + first..][..of_group]);
                }
                _ => samples.data.extend((0..of_group).map(|_| 0.0)),
            }
        }
    }
    let covariance = Covariance::of(&samples);
    Part { rows: group * outputs..(group + 1) * outputs, columns, samples, covariance }
}

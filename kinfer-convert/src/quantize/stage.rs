//! One layer as integers.

use kinfer::format::ElementType;

use super::grid::Grid;
use super::round::{Rounded, round};
use crate::network::{Layer, Matrix};

/// What a layer is made integer from.
pub(super) struct Job<'a> {
    pub(super) layer: &'a Layer,
    /// The layer whose outputs are this one's inputs.
    pub(super) before: Option<&'a Layer>,
    /// Range of each input, from the float network.
    pub(super) ranges: &'a [(f64, f64)],
    /// Inputs as the integer layers before give them, before they are put on the grid; one row a sample.
    pub(super) inputs: &'a Matrix,
    /// `weights · x + bias` as the float network has it.
    pub(super) targets: &'a Matrix,
    /// How much an error of an output matters.
    pub(super) importance: &'a [f64],
}

/// Grid of the inputs, integer weights, and biases in real units.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) grid: Grid,
    /// `[output][input]`.
    pub(super) weights: Vec<i8>,
    /// Real size of one unit of the accumulator, by output.
    pub(super) steps: Vec<f64>,
    pub(super) biases: Vec<f64>,
}

impl Stage {
    /// The candidate grid with the smallest error, and its weights.
    pub(super) fn new(job: &Job<'_>, element: ElementType) -> Self {
        let covariance = covariance(job.inputs);
        let tried = Grid::candidates(job.before, job.ranges, &job.layer.weights, element).into_iter().map(|grid| {
            let (rounded, error) = try_grid(&grid, job, &covariance);
            (error, grid, rounded)
        });
        let best = tried.min_by(|a, b| a.0.total_cmp(&b.0));
        let (_, grid, Rounded { weights, steps, .. }) = best.expect("there is at least one candidate");
        let biases = vec![0.0; job.layer.bias.len()];
        let mut stage = Self { grid, weights, steps, biases };
        stage.biases = stage.corrected_biases(job);
        stage
    }

    /// The layer's outputs, as its accumulators give them: clamped, in real units, not yet on a grid.
    pub(super) fn run(&self, inputs: &Matrix, layer: &Layer) -> Matrix {
        let mut outputs = self.linear(inputs);
        outputs.data.iter_mut().for_each(|y| *y = y.clamp(layer.lo, layer.hi));
        outputs
    }

    fn linear(&self, inputs: &Matrix) -> Matrix {
        let mut outputs = Matrix::zeros(inputs.rows(), self.steps.len());
        let mut units = vec![0.0; inputs.columns];
        for (number, row) in inputs.iter_rows().enumerate() {
            units.iter_mut().zip(row).enumerate().for_each(|(index, (unit, &x))| *unit = self.grid.units(index, x));
            let out = outputs.row_mut(number);
            for (output, weights) in self.weights.chunks_exact(inputs.columns).enumerate() {
                let acc: f64 = weights.iter().zip(&units).map(|(&weight, unit)| f64::from(weight) * unit).sum();
                out[output] = acc * self.steps[output] + self.biases[output];
            }
        }
        outputs
    }

    /// Biases that give each output the mean that it has in the float network.
    fn corrected_biases(&self, job: &Job<'_>) -> Vec<f64> {
        let mut biases = self.biases.clone();
        let outputs = self.linear(job.inputs);
        let share = 1.0 / outputs.rows() as f64;
        for (target, output) in job.targets.iter_rows().zip(outputs.iter_rows()) {
            for (bias, (target, output)) in biases.iter_mut().zip(target.iter().zip(output)) {
                *bias += share * (target - output);
            }
        }
        biases
    }
}

/// Weights for a grid, and the mean square error of the outputs, weighted by importance.
fn try_grid(grid: &Grid, job: &Job<'_>, covariance: &Matrix) -> (Rounded, f64) {
    const ROUNDING_NOISE: f64 = 1.0 / 12.0; // variance of an input's own rounding, in units of the grid
    let scales = &grid.scales;
    let mut weights = job.layer.weights.clone();
    weights.data.chunks_exact_mut(scales.len()).for_each(|row| {
        row.iter_mut().zip(scales).for_each(|(weight, scale)| *weight *= scale);
    });
    let mut of_units = covariance.clone();
    for i in 0..scales.len() {
        of_units.row_mut(i).iter_mut().zip(scales).for_each(|(element, scale)| *element /= scales[i] * scale);
        of_units.row_mut(i)[i] += ROUNDING_NOISE;
    }
    let rounded = round(&weights, &of_units);
    let noise = weights.iter_rows().map(|row| row.iter().map(|weight| weight * weight).sum::<f64>() * ROUNDING_NOISE);
    let error =
        rounded.errors.iter().zip(noise).zip(job.importance).map(|((error, noise), g)| g * (error + noise)).sum();
    (rounded, error)
}

/// Covariance of the columns.
fn covariance(rows: &Matrix) -> Matrix {
    let (n, share) = (rows.columns, 1.0 / rows.rows() as f64);
    let mut mean = vec![0.0; n];
    for row in rows.iter_rows() {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += share * x);
    }
    let mut covariance = Matrix::zeros(n, n);
    for row in rows.iter_rows() {
        let centred: Vec<_> = row.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
        for (i, x) in centred.iter().enumerate() {
            covariance.row_mut(i).iter_mut().zip(&centred).for_each(|(element, y)| *element += share * x * y);
        }
    }
    covariance
}

//! Rounding of weights to int8 and int16.
//!
//! Rounding each weight to the nearest integer is not best: what counts is the error of the sum. Weights are rounded one
//! input after the other, and what a rounding does to the sum is taken up by the inputs still to come, as far as they
//! move together: Frantar et al. 2022, "GPTQ" (arXiv:2210.17323).

use kinfer::format::WeightType;

use super::covariance::Covariance;
use crate::graph::Matrix;

/// Steps tried for a channel of int8, as shares of the one that just holds its largest weight.
const SHRINKS: [f64; 4] = [1.0, 0.95, 0.9, 0.85];
/// Added to the diagonal of the covariance, as a share of its mean: without it few rows would be believed too much.
const DAMPING: f64 = 0.01;
/// Above so many inputs the cubic cost is not worth it, and weights are rounded to the nearest.
const MOST_INPUTS: usize = 512;

/// Integer weights of a layer.
pub(super) struct Rounded {
    /// `[output][input]`.
    pub(super) weights: Vec<i16>,
    /// Real size of one unit, by output.
    pub(super) steps: Vec<f64>,
    /// Mean square of the sum's error, by output.
    pub(super) errors: Vec<f64>,
}

/// Rounds `weights` to `weight_type` for inputs of this `covariance`.
pub(super) fn round(weights: &Matrix, covariance: &Covariance, weight_type: WeightType) -> Rounded {
    let (most, shrinks) = match weight_type {
        WeightType::I8 => (127.0, SHRINKS.as_slice()),
        WeightType::I16 => (32_767.0, &SHRINKS[..1]),
    };
    let order = covariance.by_variance();
    let compensation = match covariance {
        Covariance::Full(matrix) if weights.columns <= MOST_INPUTS => compensation(matrix, &order),
        _ => None,
    };
    let mut rounded = Rounded { weights: vec![], steps: vec![], errors: vec![] };
    for row in weights.iter_rows() {
        let largest = row.iter().fold(0f64, |largest, weight| largest.max(weight.abs()));
        let best = shrinks
            .iter()
            .map(|shrink| {
                let step = if largest > 0.0 { shrink * largest / most } else { 1.0 };
                let integers = round_row(row, step, most, &order, compensation.as_ref());
                let difference: Vec<_> = row.iter().zip(&integers).map(|(w, q)| w - step * f64::from(*q)).collect();
                (covariance.quadratic_form(&difference), step, integers)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((error, step, integers)) = best {
            rounded.errors.push(error);
            rounded.steps.push(step);
            rounded.weights.extend(integers);
        }
    }
    rounded
}

fn round_row(row: &[f64], step: f64, most: f64, order: &[usize], compensation: Option<&Matrix>) -> Vec<i16> {
    let mut row = row.to_vec();
    let mut integers = vec![0; row.len()];
    for (at, &input) in order.iter().enumerate() {
        let integer = (row[input] / step).round_ties_even().clamp(-most, most);
        integers[input] = integer as i16;
        if let Some(compensation) = compensation {
            let factors = compensation.row(at);
            let error = (row[input] - integer * step) / factors[at];
            for (&later, factor) in order.iter().zip(factors).skip(at + 1) {
                row[later] -= error * factor;
            }
        }
    }
    integers
}

/// Upper Cholesky factor of the inverse covariance, its inputs in `order`; nothing where that does not exist.
fn compensation(covariance: &Matrix, order: &[usize]) -> Option<Matrix> {
    let n = order.len();
    let mean = (0..n).map(|i| covariance.row(i)[i]).sum::<f64>() / n.max(1) as f64;
    let mut ordered = Matrix::zeros(n, n);
    for (i, &row) in order.iter().enumerate() {
        for (j, &column) in order.iter().enumerate() {
            ordered.row_mut(i)[j] = covariance.row(row)[column];
        }
        ordered.row_mut(i)[i] += DAMPING * mean;
    }
    transposed(&cholesky(&inverse(&cholesky(&ordered)?))?).into()
}

/// Lower Cholesky factor of a positive definite matrix.
fn cholesky(matrix: &Matrix) -> Option<Matrix> {
    let n = matrix.columns;
    let mut lower = Matrix::zeros(n, n);
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = lower.row(i)[..j].iter().zip(&lower.row(j)[..j]).map(|(a, b)| a * b).sum();
            let rest = matrix.row(i)[j] - dot;
            lower.row_mut(i)[j] = match i == j {
                true if rest > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / lower.row(j)[j],
            };
        }
    }
    Some(lower)
}

/// Inverse of `lower · lowerᵀ`.
fn inverse(lower: &Matrix) -> Matrix {
    let n = lower.columns;
    // Row i of `columns` is column i of the inverse of `lower`.
    let mut columns = Matrix::zeros(n, n);
    for i in 0..n {
        for j in i..n {
            let dot: f64 = (i..j).map(|k| lower.row(j)[k] * columns.row(i)[k]).sum();
            let unit = if i == j { 1.0 } else { 0.0 };
            columns.row_mut(i)[j] = (unit - dot) / lower.row(j)[j];
        }
    }
    let mut inverse = Matrix::zeros(n, n);
    for i in 0..n {
        for j in 0..n {
            inverse.row_mut(i)[j] = columns.row(i).iter().zip(columns.row(j)).map(|(a, b)| a * b).sum();
        }
    }
    inverse
}

fn transposed(matrix: &Matrix) -> Matrix {
    let n = matrix.columns;
    let mut out = Matrix::zeros(n, n);
    (0..n).for_each(|i| (0..n).for_each(|j| out.row_mut(j)[i] = matrix.row(i)[j]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three inputs of which the first two move together and the third does not.
    fn covariance() -> Matrix {
        Matrix { columns: 3, data: vec![1.0, 0.9, 0.0, 0.9, 1.0, 0.1, 0.0, 0.1, 0.5] }
    }

    #[test]
    fn the_upper_factor_times_itself_is_the_inverse() {
        let order = [0, 1, 2];
        let upper = compensation(&covariance(), &order).unwrap();
        let mut damped = covariance();
        (0..3).for_each(|i| damped.row_mut(i)[i] += DAMPING * 2.5 / 3.0);
        for i in 0..3 {
            for j in 0..3 {
                // damped · (upperᵀ · upper) = 1
                let inverse = |k: usize, j: usize| (0..3).map(|l| upper.row(l)[k] * upper.row(l)[j]).sum::<f64>();
                let product: f64 = (0..3).map(|k| damped.row(i)[k] * inverse(k, j)).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-9, "{i} {j}: {product}");
            }
        }
    }

    #[test]
    fn compensation_beats_rounding_to_the_nearest() {
        let weights = Matrix { columns: 3, data: vec![127.0, 0.45, 10.4, 0.45, 127.0, 3.3] };
        let full = Covariance::Full(covariance());
        let compensated = round(&weights, &full, WeightType::I8);
        for (row, weights) in weights.iter_rows().enumerate() {
            let nearest: Vec<_> = weights.iter().map(|weight| weight - weight.round()).collect();
            assert!(compensated.errors[row] <= full.quadratic_form(&nearest) + 1e-12);
        }
        assert!(compensated.weights.iter().all(|&weight| weight.abs() <= 127), "symmetric");
    }

    #[test]
    fn a_channel_without_weights_stays_without() {
        let rounded = round(&Matrix::zeros(1, 3), &Covariance::Full(covariance()), WeightType::I16);
        assert_eq!((rounded.weights, rounded.steps), (vec![0, 0, 0], vec![1.0]));
    }
}

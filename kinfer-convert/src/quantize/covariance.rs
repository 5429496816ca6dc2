//! How the inputs of a layer move together.

use crate::graph::Matrix;

/// Above so many inputs only variances are kept: a matrix of 65,536 by 65,536 would be 34 GB.
const MOST_INPUTS: usize = 4096;

/// Covariance of the inputs of a layer.
#[derive(Clone, Debug)]
pub(super) enum Covariance {
    /// Of every two.
    Full(Matrix),
    /// Of a wide layer: variances alone, as if no two moved together.
    Diagonal(Vec<f64>),
}

impl Covariance {
    /// Of the columns of a sample.
    pub(super) fn of(rows: &Matrix) -> Self {
        let (n, share) = (rows.columns, 1.0 / rows.rows().max(1) as f64);
        let mut mean = vec![0.0; n];
        for row in rows.iter_rows() {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += share * x);
        }
        let centred = |row: &[f64]| row.iter().zip(&mean).map(|(x, mean)| x - mean).collect::<Vec<_>>();
        if n > MOST_INPUTS {
            let mut variances = vec![0.0; n];
            for row in rows.iter_rows() {
                variances.iter_mut().zip(centred(row)).for_each(|(variance, x)| *variance += share * x * x);
            }
            return Self::Diagonal(variances);
        }
        let mut covariance = Matrix::zeros(n, n);
        for row in rows.iter_rows() {
            let centred = centred(row);
            for (i, x) in centred.iter().enumerate() {
                covariance.row_mut(i).iter_mut().zip(&centred).for_each(|(element, y)| *element += share * x * y);
            }
        }
        Self::Full(covariance)
    }

    /// Of the inputs in units of `scales`, with independent `noise` on each.
    pub(super) fn in_units(&self, scales: &[f64], noise: &[f64]) -> Self {
        let mut of_units = self.clone();
        match &mut of_units {
            Self::Full(matrix) => {
                for i in 0..scales.len() {
                    let row = matrix.row_mut(i);
                    row.iter_mut().zip(scales).for_each(|(element, scale)| *element /= scales[i] * scale);
                    row[i] += noise[i];
                }
            }
            Self::Diagonal(variances) => {
                for (variance, (scale, noise)) in variances.iter_mut().zip(scales.iter().zip(noise)) {
                    *variance = *variance / (scale * scale) + noise;
                }
            }
        }
        of_units
    }

    /// Inputs that vary most first: their errors cost most, so the others take them up.
    pub(super) fn by_variance(&self) -> Vec<usize> {
        let variance = |input: usize| match self {
            Self::Full(matrix) => matrix.row(input)[input],
            Self::Diagonal(variances) => variances[input],
        };
        let inputs = match self {
            Self::Full(matrix) => matrix.columns,
            Self::Diagonal(variances) => variances.len(),
        };
        let mut order: Vec<_> = (0..inputs).collect();
        order.sort_by(|&a, &b| variance(b).total_cmp(&variance(a)));
        order
    }

    /// Mean square of the sum of the inputs, each times its element of `vector`.
    pub(super) fn quadratic_form(&self, vector: &[f64]) -> f64 {
        match self {
            Self::Full(matrix) => {
                let dot = |row: &[f64]| row.iter().zip(vector).map(|(a, b)| a * b).sum::<f64>();
                matrix.iter_rows().zip(vector).map(|(row, x)| x * dot(row)).sum()
            }
            Self::Diagonal(variances) => variances.iter().zip(vector).map(|(variance, x)| variance * x * x).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_layer_has_variances_alone() {
        let wide = MOST_INPUTS + 1;
        let row = |of: fn(usize) -> f64| (0..wide).map(of).collect::<Vec<_>>();
        let sample = Matrix { columns: wide, data: [row(|at| at as f64), row(|_| 0.0)].concat() };
        let covariance = Covariance::of(&sample);
        let Covariance::Diagonal(variances) = &covariance else { panic!("a matrix of {wide} columns") };
        assert_eq!((variances[0], variances[10], variances[wide - 1]), (0.0, 25.0, 2048.0 * 2048.0));
        assert_eq!(covariance.by_variance()[..2], [wide - 1, wide - 2]);
        let of_units = covariance.in_units(&vec![5.0; wide], &vec![0.5; wide]);
        let mut tenth = vec![0.0; wide];
        tenth[10] = 2.0;
        assert_eq!(of_units.quadratic_form(&tenth), 4.0 * 1.5);
    }

    #[test]
    fn both_forms_agree_where_nothing_moves_together() {
        let sample = Matrix { columns: 2, data: vec![1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0] };
        let full = Covariance::of(&sample);
        assert!(matches!(full, Covariance::Full(_)));
        let diagonal = Covariance::Diagonal(vec![1.0, 1.0]);
        let [full, diagonal] = [full, diagonal].map(|of| of.in_units(&[0.5, 2.0], &[0.25, 0.0]));
        assert_eq!(full.quadratic_form(&[3.0, -1.0]), diagonal.quadratic_form(&[3.0, -1.0]));
        assert_eq!(full.by_variance(), diagonal.by_variance());
    }
}

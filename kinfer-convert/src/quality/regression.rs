//! Numbers against the truth.

use serde::Serialize;

/// Errors of predicted numbers, in the unit of the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Regression {
    /// Mean of the errors' magnitudes.
    pub mae: f64,
    /// Root of the mean of their squares.
    pub rmse: f64,
    /// Coefficient of determination: 1 less the squared error over that of always saying the mean; nothing for a target that
    /// is always the same.
    pub r2: Option<f64>,
    /// Largest magnitude.
    pub largest: f64,
    /// Row of the largest, from 1.
    pub largest_row: usize,
}

impl Regression {
    /// Errors of `predicted` against `truth`, row by row.
    pub fn of(predicted: &[f64], truth: &[f64]) -> Self {
        let rows = predicted.len().min(truth.len());
        let count = rows.max(1) as f64;
        let errors: Vec<f64> =
            predicted.iter().zip(truth).map(|(predicted, truth)| (predicted - truth).abs()).collect();
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let mean = truth.iter().take(rows).sum::<f64>() / count;
        let spread: f64 = truth.iter().take(rows).map(|truth| (truth - mean) * (truth - mean)).sum();
        let largest = errors.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        Self {
            mae: errors.iter().sum::<f64>() / count,
            rmse: (squares / count).sqrt(),
            r2: (spread > 0.0).then(|| 1.0 - squares / spread),
            largest: largest.map_or(0.0, |(_, error)| *error),
            largest_row: largest.map_or(0, |(row, _)| row + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_textbook() {
        // scikit-learn's own example of r2_score: 0.9486081370449679
        let errors = Regression::of(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0]);
        assert_eq!((errors.mae, errors.largest, errors.largest_row), (0.5, 1.0, 4));
        assert!((errors.rmse - 0.375f64.sqrt()).abs() < 1e-15);
        assert!((errors.r2.unwrap() - 0.948_608_137_044_967_9).abs() < 1e-12);
    }

    #[test]
    fn saying_the_mean_explains_nothing_and_a_constant_has_nothing_to_explain() {
        assert_eq!(Regression::of(&[2.0, 2.0], &[1.0, 3.0]).r2, Some(0.0));
        assert_eq!(Regression::of(&[2.0, 2.0], &[1.0, 1.0]).r2, None);
        assert_eq!(Regression::of(&[], &[]).largest_row, 0);
    }
}

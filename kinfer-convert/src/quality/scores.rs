//! Scores of integers against those of float.

use serde::Serialize;

/// How far integer scores are from float, in units of the scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ScoreErrors {
    /// Largest magnitude.
    pub largest: f64,
    /// Row of the largest, from 1.
    pub largest_row: usize,
    /// Mean magnitude.
    pub mean: f64,
    /// Largest magnitude of a float score, to hold the errors against.
    pub scale: f64,
}

impl ScoreErrors {
    /// Errors of all scores, `width` a row.
    pub fn of(float: &[f64], integer: &[f64], width: usize) -> Self {
        let errors: Vec<f64> = float.iter().zip(integer).map(|(float, integer)| (float - integer).abs()).collect();
        let largest = errors.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        Self {
            largest: largest.map_or(0.0, |(_, error)| *error),
            largest_row: largest.map_or(0, |(at, _)| at / width.max(1) + 1),
            mean: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
            scale: float.iter().fold(0.0, |scale, score| scale.max(score.abs())),
        }
    }
}

/// Signal to noise of `integer` as an approximation of `float`, in decibels: `10 · log10(Σ float² / Σ (float − integer)²)`;
/// infinite where they are equal, nothing without values or with zeros alone.
pub fn signal_to_noise(float: &[f64], integer: &[f64]) -> Option<f64> {
    let signal: f64 = float.iter().map(|x| x * x).sum();
    let noise: f64 = float.iter().zip(integer).map(|(float, integer)| (float - integer) * (float - integer)).sum();
    (signal > 0.0).then(|| 10.0 * (signal / noise).log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_know_their_row() {
        let errors = ScoreErrors::of(&[1.0, 2.0, -4.0, 4.0], &[1.0, 2.5, -4.0, 3.75], 2);
        assert_eq!(errors, ScoreErrors { largest: 0.5, largest_row: 1, mean: 0.1875, scale: 4.0 });
        assert_eq!(ScoreErrors::of(&[], &[], 3), ScoreErrors::default());
    }

    #[test]
    fn a_hundredth_of_the_amplitude_is_40_decibels() {
        assert!((signal_to_noise(&[100.0, -100.0], &[101.0, -101.0]).unwrap() - 40.0).abs() < 1e-12);
        assert_eq!(signal_to_noise(&[1.0], &[1.0]), Some(f64::INFINITY));
        assert_eq!(signal_to_noise(&[0.0], &[1.0]), None);
    }
}

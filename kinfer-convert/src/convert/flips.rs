//! Rows that integers decide otherwise than float.

use super::decisions::{Float, Integer};
use super::head::Decided;
use super::truth::Truth;
use crate::onnx::reader::Rule;
use crate::quality::{Flip, flips};

/// As many as a report lists.
const MOST: usize = 1000;

/// The rows with another class than float's, the surest float decision first; a value has no class.
pub(super) fn of(float: &Float, integer: &Integer, truth: Option<&Truth>, head: &Decided) -> Vec<Flip> {
    if head.is_value() {
        return vec![];
    }
    let margins: Vec<f64> = float
        .scores
        .chunks_exact(float.width.max(1))
        .zip(&float.classes)
        .map(|(scores, &class)| margin(scores, class as usize, head.rule))
        .collect();
    let integer_margins: Vec<f64> = integer.decisions.iter().map(|decision| decision.margin.to_num()).collect();
    let truth = truth.and_then(|truth| match truth {
        Truth::Classes { classes, .. } => Some(&classes[..]),
        Truth::Values(_) => None,
    });
    let mut found = flips(&float.classes, &integer.classes(), truth, &margins, &integer_margins);
    found.truncate(MOST);
    found
}

/// How far the scores are from another decision.
fn margin(scores: &[f64], class: usize, rule: Rule) -> f64 {
    let lead = |sign: f64| {
        let others = scores.iter().enumerate().filter(|(at, _)| *at != class).map(|(_, score)| sign * score);
        scores.get(class).map_or(0.0, |score| sign * score) - others.fold(f64::NEG_INFINITY, f64::max)
    };
    let first = scores.first().copied().unwrap_or(0.0);
    match rule {
        Rule::ArgMax => lead(1.0),
        Rule::ArgMin => lead(-1.0),
        Rule::Threshold { threshold, .. } | Rule::Anomaly { threshold } => (first - threshold).abs(),
        Rule::Value => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_the_distance_to_the_next_decision() {
        assert_eq!(margin(&[1.0, 4.0, 3.5], 1, Rule::ArgMax), 0.5);
        assert_eq!(margin(&[1.0, 4.0, 3.5], 0, Rule::ArgMin), 2.5);
        assert_eq!(margin(&[-2.0], 0, Rule::Threshold { threshold: 1.0, sigmoid: false }), 3.0);
        assert_eq!(margin(&[9.0], 1, Rule::Anomaly { threshold: 1.0 }), 8.0);
    }
}

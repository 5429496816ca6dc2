//! Decisions beside the truth and beside one another.

use std::path::Path;

use fixed::types::I32F32;
use kinfer::{Decision, Flags};

use super::head::Decided;
use crate::data::{DataError, Labels};
use crate::error::{Error, Result};
use crate::onnx::{Lowered, Rule};
use crate::quality::Quality;

/// Integer decisions, in the order of the rows.
pub(super) struct Integer(pub(super) Vec<Decision>);

impl Integer {
    pub(super) fn classes(&self) -> Vec<u32> {
        self.0.iter().map(|decision| decision.class).collect()
    }

    /// Rows with a counter outside the calibrated range.
    pub(super) fn out_of_range(&self) -> usize {
        self.0.iter().filter(|decision| decision.flags.contains(Flags::OUT_OF_RANGE)).count()
    }
}

/// The true class of every row.
pub(super) struct Truth {
    classes: Vec<u32>,
    outcomes: usize,
}

impl Truth {
    /// Labels are those that the graph names, names of outcomes, or indices of classes.
    pub(super) fn of(labels: &Labels, lowered: &Lowered, head: &Decided, path: &Path) -> Result<Self> {
        let named = |text: &str| {
            let of_graph = lowered.head.labels.iter().flatten().position(|label| label == text);
            of_graph.or_else(|| head.outcomes.iter().position(|outcome| outcome == text))
        };
        let index = |value: i64| usize::try_from(value).ok().filter(|&class| class < head.outcomes.len());
        let class = |row: usize, text: &str, class: Option<usize>| {
            class.map(|class| class as u32).ok_or_else(|| Error::Data {
                path: path.into(),
                problem: DataError::Label { row: row + 1, text: text.into(), outcomes: head.outcomes.join(", ") },
            })
        };
        let classes: Result<Vec<u32>> = match labels {
            Labels::Texts(texts) => texts.iter().enumerate().map(|(row, text)| class(row, text, named(text))).collect(),
            Labels::Numbers(numbers) => numbers
                .iter()
                .enumerate()
                .map(|(row, number)| class(row, &number.to_string(), named(&number.to_string())))
                .collect(),
            Labels::Integers(values) => values
                .iter()
                .enumerate()
                .map(|(row, &value)| {
                    let text = value.to_string();
                    let found = if lowered.head.labels.is_some() { named(&text) } else { index(value) };
                    class(row, &text, found)
                })
                .collect(),
        };
        Ok(Self { classes: classes?, outcomes: head.outcomes.len() })
    }

    pub(super) fn quality(&self, decided: &[u32], ranking: Option<&[f64]>) -> Quality {
        Quality::of(decided, &self.classes, self.outcomes, ranking)
    }

    /// Share of each class.
    pub(super) fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.outcomes];
        self.classes.iter().for_each(|&class| shares[class as usize] += 1.0 / self.classes.len() as f64);
        shares
    }

    pub(super) fn commonest(&self) -> usize {
        let shares = self.shares();
        (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap_or(0)
    }

    /// Accuracy of always deciding for the commonest class.
    pub(super) fn base_rate(&self) -> f64 {
        self.shares()[self.commonest()]
    }
}

/// Decisions of float scores, by the same rule as the core's.
pub(super) fn classes_of_scores(scores: &[f64], head: &Decided) -> Vec<u32> {
    match head.rule {
        Rule::Threshold { threshold, .. } => scores.iter().map(|&score| u32::from(score > threshold)).collect(),
        Rule::ArgMax => scores
            .chunks_exact(head.outcomes.len())
            .map(|scores| {
                let later = |best: usize, (at, &score): (usize, &f64)| if score > scores[best] { at } else { best };
                scores.iter().enumerate().fold(0, later) as u32
            })
            .collect(),
    }
}

/// What orders rows from class 0 to class 1: the score, or the second score's lead.
pub(super) fn score_ranking(scores: &[f64], head: &Decided) -> Option<Vec<f64>> {
    match head.rule {
        Rule::Threshold { .. } => Some(scores.to_vec()),
        Rule::ArgMax if head.outcomes.len() == 2 => {
            Some(scores.chunks_exact(2).map(|pair| pair[1] - pair[0]).collect())
        }
        Rule::ArgMax => None,
    }
}

/// The same from integer decisions. `I32F32` bits of scores that matter are exact in `f64`.
pub(super) fn integer_ranking(integer: &Integer, head: &Decided) -> Option<Vec<f64>> {
    let decisions = integer.0.iter();
    match head.rule {
        Rule::Threshold { .. } => Some(decisions.map(|decision| decision.value.to_num()).collect()),
        Rule::ArgMax if head.outcomes.len() == 2 => {
            let lead = |decision: &Decision| {
                let margin: f64 = decision.margin.to_num();
                if decision.class == 1 { margin } else { -margin }
            };
            Some(decisions.map(lead).collect())
        }
        Rule::ArgMax => None,
    }
}

/// Error of the integer scores: of the one score, or of the margin where rows decide alike.
pub(super) struct ScoreErrors {
    pub(super) largest: f64,
    pub(super) mean: f64,
    typical: f64,
}

impl ScoreErrors {
    /// Below this margin float could well have decided otherwise: 99 % of the rows have a smaller error.
    pub(super) fn low_margin(&self) -> I32F32 {
        I32F32::saturating_from_num(self.typical)
    }
}

pub(super) fn score_errors(scores: &[f64], integer: &Integer, head: &Decided) -> ScoreErrors {
    let mut errors: Vec<f64> = match head.rule {
        Rule::Threshold { .. } => {
            let pairs = scores.iter().zip(&integer.0);
            pairs.map(|(score, decision)| (score - decision.value.to_num::<f64>()).abs()).collect()
        }
        Rule::ArgMax => {
            let rows = scores.chunks_exact(head.outcomes.len()).zip(&integer.0);
            rows.map(|(scores, decision)| {
                let class = decision.class as usize;
                let others = scores.iter().enumerate().filter(|(at, _)| *at != class).map(|(_, score)| *score);
                let margin = scores[class] - others.fold(f64::NEG_INFINITY, f64::max);
                (margin - decision.margin.to_num::<f64>()).abs()
            })
            .collect()
        }
    };
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| errors.get(((errors.len() as f64 * share) as usize).min(errors.len().saturating_sub(1)));
    ScoreErrors {
        largest: errors.last().copied().unwrap_or(0.0),
        mean: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
        typical: at(0.99).copied().unwrap_or(0.0),
    }
}

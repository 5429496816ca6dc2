//! The truth of every row, and how good decisions are against it.

use std::path::Path;

use super::decisions::{Float, Integer};
use super::head::Decided;
use super::report::{QualityReport, RegressionReport};
use crate::data::{DataError, Labels};
use crate::error::{Error, Result};
use crate::onnx::reader::Rule;
use crate::quality::{BaseRate, Quality, Regression};

/// The truth of every row.
pub(super) enum Truth {
    /// Of a decision between classes.
    Classes { classes: Vec<u32>, outcomes: usize },
    /// Of a regression.
    Values(Vec<f64>),
}

impl Truth {
    /// Labels are those that the graph names, names of outcomes, or indices of classes; of a regression, numbers.
    pub(super) fn of(labels: &Labels, head: &Decided, path: &Path) -> Result<Self> {
        if head.is_value() {
            return values(labels, path).map(Self::Values);
        }
        let named = |text: &str| {
            let of_graph = head.labels.iter().flatten().position(|label| label == text);
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
            Labels::Integers(values) => values
                .iter()
                .enumerate()
                .map(|(row, &value)| {
                    let text = value.to_string();
                    let found = if head.labels.is_some() { named(&text) } else { index(value) };
                    class(row, &text, found)
                })
                .collect(),
            Labels::Numbers(values) => values
                .iter()
                .enumerate()
                .map(|(row, value)| class(row, &value.to_string(), named(&value.to_string())))
                .collect(),
        };
        Ok(Self::Classes { classes: classes?, outcomes: head.outcomes.len() })
    }
}

fn values(labels: &Labels, path: &Path) -> Result<Vec<f64>> {
    match labels {
        Labels::Integers(values) => Ok(values.iter().map(|&value| value as f64).collect()),
        Labels::Numbers(values) => Ok(values.clone()),
        Labels::Texts(texts) => Err(Error::Data {
            path: path.into(),
            problem: DataError::Label {
                row: 1,
                text: texts.first().cloned().unwrap_or_default(),
                outcomes: "a number".into(),
            },
        }),
    }
}

impl Truth {
    /// What a label that is the same in all rows leaves unknown.
    pub(super) fn warning(&self, label: &str, file: &str, head: &Decided) -> Option<String> {
        match self {
            Self::Classes { classes, .. } => {
                let first = classes.first().filter(|first| classes.iter().all(|class| class == *first))?;
                let outcome = head.outcomes.get(*first as usize)?;
                Some(format!(
                    "label `{label}` is {outcome} in all of {file}: nothing is known of AUC and of the other classes"
                ))
            }
            Self::Values(values) => {
                let first = values.first().filter(|first| values.iter().all(|value| value == *first))?;
                Some(format!("target `{label}` is {first} in all of {file}: nothing is known of R2"))
            }
        }
    }

    pub(super) fn classification(
        &self,
        float: &Float,
        integer: &Integer,
        head: &Decided,
        label: &str,
    ) -> Option<QualityReport> {
        let Self::Classes { classes, outcomes } = self else { return None };
        if !float.is_known() {
            return None;
        }
        let quality =
            |decided: &[u32], ranking: Option<Vec<f64>>| Quality::of(decided, classes, *outcomes, ranking.as_deref());
        let base = BaseRate::of(classes, *outcomes);
        Some(QualityReport {
            float: quality(&float.classes, float_ranking(float, head)),
            integer: quality(&integer.classes(), integer_ranking(integer, head)),
            base_rate: base.rate,
            commonest: head.outcomes.get(base.commonest).cloned().unwrap_or_default(),
            shares: base.shares,
            label: label.into(),
        })
    }

    pub(super) fn regression(&self, float: &Float, integer: &Integer, label: &str) -> Option<RegressionReport> {
        let Self::Values(truth) = self else { return None };
        if !float.is_known() {
            return None;
        }
        Some(RegressionReport {
            label: label.into(),
            float: Regression::of(&float.scores, truth),
            integer: Regression::of(&integer.values(), truth),
        })
    }
}

/// What orders rows from class 0 to class 1: the score, or the second score's lead.
fn float_ranking(float: &Float, head: &Decided) -> Option<Vec<f64>> {
    let lead = |sign: f64| Some(float.scores.chunks_exact(2).map(|pair| sign * (pair[1] - pair[0])).collect());
    match head.rule {
        Rule::Threshold { .. } | Rule::Anomaly { .. } => Some(float.scores.clone()),
        Rule::ArgMax if float.width == 2 => lead(1.0),
        Rule::ArgMin if float.width == 2 => lead(-1.0),
        _ => None,
    }
}

/// The same from integer decisions. `I32F32` bits of scores that matter are exact in `f64`.
fn integer_ranking(integer: &Integer, head: &Decided) -> Option<Vec<f64>> {
    let lead = || {
        let lead = integer.decisions.iter().map(|decision| {
            let margin: f64 = decision.margin.to_num();
            if decision.class == 1 { margin } else { -margin }
        });
        Some(lead.collect())
    };
    match head.rule {
        Rule::Threshold { .. } | Rule::Anomaly { .. } => Some(integer.values()),
        Rule::ArgMax | Rule::ArgMin if head.outcomes.len() == 2 => lead(),
        _ => None,
    }
}

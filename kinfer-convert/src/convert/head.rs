//! The decision head, once the threshold and the outcomes' names are known.

use fixed::types::I32F32;
use kinfer::format::{HeadKind, NAME_SIZE};
use serde::Serialize;

use super::opened::Opened;
use crate::error::{Error, Result};
use crate::onnx::reader::Rule;
use crate::onnx::{fits_field, logit};

/// Head of the model to be written.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) rule: Rule,
    pub(super) kind: HeadKind,
    pub(super) outcomes: Vec<String>,
    /// Labels of the classes, as the graph and the data name them.
    pub(super) labels: Option<Vec<String>>,
    /// Threshold in units of the model's own output.
    given: Option<f64>,
}

/// A threshold, as reports show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// In units of the score: what the file holds.
    pub score: String,
    /// As a probability, for a model whose output is one.
    pub probability: Option<f64>,
}

impl Decided {
    pub(super) fn new(opened: &Opened, threshold: Option<f64>) -> Result<Self> {
        let mut rule = opened.head.rule;
        if let Some(given) = threshold {
            rule = with_threshold(rule, given)?;
        } else if rule == Rule::Value && opened.metadata.outcomes.as_ref().is_some_and(|names| names.len() == 2) {
            // Two outcomes are a decision, and zero is where a score without a probability turns.
            rule = Rule::Threshold { threshold: 0.0, sigmoid: false };
        }
        let fixed = |threshold: f64| {
            I32F32::checked_from_num(threshold).ok_or_else(|| Error::Option {
                what: format!("threshold {threshold} is outside I32F32"),
                advice: "it is below 2^31 in magnitude".into(),
            })
        };
        let kind = match rule {
            Rule::ArgMax => HeadKind::ArgMax,
            Rule::ArgMin => HeadKind::ArgMin,
            Rule::Value => HeadKind::Value,
            Rule::Threshold { threshold, .. } => HeadKind::Threshold(fixed(threshold)?),
            Rule::Anomaly { threshold } => HeadKind::Anomaly(fixed(threshold)?),
        };
        let outcomes = outcomes(opened, rule)?;
        Ok(Self { rule, kind, outcomes, labels: opened.head.labels.clone(), given: threshold })
    }

    /// The head of a file, over the scores of the float model that it was made from.
    pub(super) fn of_file(opened: &Opened, file: &kinfer::Model<'_>) -> Result<Self> {
        let kind = file.head().kind;
        let rule = match (kind, opened.head.rule) {
            (HeadKind::ArgMax | HeadKind::TopK(_), Rule::ArgMax) => Rule::ArgMax,
            (HeadKind::ArgMin, Rule::ArgMin) => Rule::ArgMin,
            (HeadKind::Value, Rule::Value) => Rule::Value,
            // The file's threshold is the one that it was converted with.
            (HeadKind::Threshold(threshold), Rule::Threshold { sigmoid, .. }) => {
                Rule::Threshold { threshold: threshold.to_num(), sigmoid }
            }
            (HeadKind::Threshold(threshold), Rule::Value) => {
                Rule::Threshold { threshold: threshold.to_num(), sigmoid: false }
            }
            (HeadKind::Anomaly(threshold), Rule::Anomaly { .. }) => Rule::Anomaly { threshold: threshold.to_num() },
            (kind, _) => {
                return refuse(
                    format!("the file decides by {}, the float model otherwise", kind.name()),
                    "compare a file with the model that it was converted from: `kinfer inspect` shows its provenance",
                );
            }
        };
        let outcomes: Vec<_> = file.outcomes().iter().map(|name| name.to_string()).collect();
        if matches!(rule, Rule::ArgMax | Rule::ArgMin) && outcomes.len() != opened.outputs {
            return refuse(
                format!("the file has {} outcomes, the float model {} scores", outcomes.len(), opened.outputs),
                "compare a file with the model that it was converted from: `kinfer inspect` shows its provenance",
            );
        }
        Ok(Self { rule, kind, outcomes, labels: opened.head.labels.clone(), given: None })
    }

    /// Whether the value itself is what is decided.
    pub(super) fn is_value(&self) -> bool {
        self.rule == Rule::Value
    }

    /// Whether a decision has a margin.
    pub(super) fn has_margin(&self) -> bool {
        !self.is_value()
    }

    pub(super) fn threshold_report(&self) -> Option<Threshold> {
        match (self.kind, self.rule) {
            (HeadKind::Threshold(score), Rule::Threshold { sigmoid, threshold }) => {
                let probability = self.given.unwrap_or_else(|| 1.0 / (1.0 + (-threshold).exp()));
                Some(Threshold { score: score.to_string(), probability: sigmoid.then_some(probability) })
            }
            (HeadKind::Anomaly(score), _) => Some(Threshold { score: score.to_string(), probability: None }),
            _ => None,
        }
    }
}

fn with_threshold(rule: Rule, given: f64) -> Result<Rule> {
    match rule {
        Rule::Threshold { sigmoid: true, .. } => {
            if !(given > 0.0 && given < 1.0) {
                return refuse(
                    format!("--threshold {given} is not a probability between 0 and 1"),
                    "the model's output is one (Sigmoid): 0.5 is its own threshold",
                );
            }
            Ok(Rule::Threshold { threshold: logit(given), sigmoid: true })
        }
        Rule::Threshold { sigmoid: false, .. } | Rule::Value => {
            Ok(Rule::Threshold { threshold: given, sigmoid: false })
        }
        Rule::Anomaly { .. } => Ok(Rule::Anomaly { threshold: given }),
        Rule::ArgMax | Rule::ArgMin => refuse(
            "--threshold does not fit a model with several scores".into(),
            "the largest score decides; leave the option out",
        ),
    }
}

/// Names from the metadata, else labels from the graph, else numbers.
fn outcomes(opened: &Opened, rule: Rule) -> Result<Vec<String>> {
    let classes = match rule {
        Rule::ArgMax | Rule::ArgMin => opened.outputs,
        Rule::Threshold { .. } | Rule::Anomaly { .. } => 2,
        Rule::Value => 1,
    };
    let numbered = || match rule {
        Rule::Value => vec!["value".into()],
        Rule::Anomaly { .. } => vec!["normal".into(), "anomaly".into()],
        _ => (0..classes).map(|class| class.to_string()).collect(),
    };
    let named = opened.metadata.outcomes.clone().or_else(|| opened.head.labels.clone());
    let outcomes = named.unwrap_or_else(numbered);
    if outcomes.len() != classes {
        return refuse(
            format!("metadata names {} outcomes, the model decides between {classes}", outcomes.len()),
            "write `kinfer.outcomes` with one name a class, in order",
        );
    }
    match outcomes.iter().find(|name| !fits_field(name, NAME_SIZE)) {
        Some(name) => refuse(
            format!("`{name}` cannot name an outcome"),
            "names are printable ASCII, at most 48 characters: write `kinfer.outcomes` in the model's metadata",
        ),
        None => Ok(outcomes),
    }
}

fn refuse<T>(what: String, advice: &str) -> Result<T> {
    Err(Error::Option { what, advice: advice.into() })
}

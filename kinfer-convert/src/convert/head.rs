//! The decision head, once the threshold and the outcomes' names are known.

use fixed::types::I32F32;
use kinfer::format::{HeadKind, NAME_SIZE};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::onnx::{Lowered, Rule, fits_field, logit};

/// Head of the model to be written.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) rule: Rule,
    pub(super) kind: HeadKind,
    pub(super) outcomes: Vec<String>,
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
    pub(super) fn new(lowered: &Lowered, threshold: Option<f64>) -> Result<Self> {
        let mut rule = lowered.head.rule;
        match (&mut rule, threshold) {
            (_, None) => {}
            (Rule::Threshold { threshold, sigmoid: true }, Some(probability)) => {
                if !(probability > 0.0 && probability < 1.0) {
                    return refuse(
                        format!("--threshold {probability} is not a probability between 0 and 1"),
                        "the model's output is one (Sigmoid): 0.5 is its own threshold",
                    );
                }
                *threshold = logit(probability);
            }
            (Rule::Threshold { threshold, .. }, Some(given)) => *threshold = given,
            (Rule::ArgMax, Some(_)) => {
                return refuse(
                    "--threshold does not fit a model with several scores".into(),
                    "the largest score decides; leave the option out",
                );
            }
        }
        let kind = match rule {
            Rule::ArgMax => HeadKind::ArgMax,
            Rule::Threshold { threshold, .. } => match I32F32::checked_from_num(threshold) {
                Some(threshold) => HeadKind::Threshold(threshold),
                None => {
                    return refuse(format!("threshold {threshold} is outside I32F32"), "it is below 2^31 in magnitude");
                }
            },
        };
        let outcomes = outcomes(lowered, rule)?;
        Ok(Self { rule, kind, outcomes, given: threshold })
    }

    pub(super) fn threshold_report(&self) -> Option<Threshold> {
        match (self.kind, self.rule) {
            (HeadKind::Threshold(score), Rule::Threshold { sigmoid, threshold }) => {
                let probability = self.given.unwrap_or_else(|| 1.0 / (1.0 + (-threshold).exp()));
                Some(Threshold { score: score.to_string(), probability: sigmoid.then_some(probability) })
            }
            _ => None,
        }
    }
}

/// Names from the metadata, else labels from the graph, else numbers.
fn outcomes(lowered: &Lowered, rule: Rule) -> Result<Vec<String>> {
    let classes = match rule {
        Rule::ArgMax => lowered.network.outputs(),
        Rule::Threshold { .. } => 2,
    };
    let named = lowered.metadata.outcomes.clone().or_else(|| lowered.head.labels.clone());
    let outcomes = named.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
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

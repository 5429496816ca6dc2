//! Float and integer decisions of the same rows, beside one another.

use fixed::types::I32F32;
use kinfer::{Decision, Flags, Limits};

use super::SAME_VALUE;
use super::head::Decided;
use super::opened::Opened;
use crate::data::Data;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::onnx::reader::Rule;
use crate::progress::Progress;
use crate::reference::Reference;

/// Scores in float, in the order of the rows.
pub(super) struct Float {
    pub(super) scores: Vec<f64>,
    pub(super) width: usize,
    pub(super) classes: Vec<u32>,
    /// Error of a value that still counts as the same decision.
    pub(super) tolerance: f64,
}

impl Float {
    /// Whether anything told the scores in float.
    pub(super) fn is_known(&self) -> bool {
        !self.classes.is_empty()
    }

    pub(super) fn new(
        opened: &Opened,
        reference: Option<&Reference>,
        data: &Data,
        head: &Decided,
        max_error: Option<f64>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let mut scores = match (reference, opened.graph()) {
            (Some(reference), _) => reference.scores(data, progress)?,
            (None, Some(graph)) => {
                let mut state = graph.initial_state();
                let mut scores = Vec::with_capacity(data.len() * graph.outputs());
                for row in data.rows() {
                    scores.extend(graph.scores(&data.features(row), &mut state));
                    progress.advance(1);
                }
                scores
            }
            (None, None) => vec![],
        };
        let (width, order) = (opened.outputs, opened.order());
        for row in scores.chunks_exact_mut(width.max(1)) {
            let before = row.to_vec();
            row.iter_mut().zip(&order).for_each(|(score, &at)| *score = before.get(at).copied().unwrap_or(*score));
        }
        if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
            let (row, score) = (at / width.max(1) + 1, at % width.max(1));
            return Err(Error::Range {
                place: data.file_name(),
                what: format!("row {row}: the model's score {score} is {} in float", scores[at]),
                advice: "leave such rows out, or put a Clip before a logarithm, a division or a power".into(),
            });
        }
        let (lo, hi) = scores.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &x| (lo.min(x), hi.max(x)));
        // Where all values are one, what f32 does not tell apart is the same decision.
        let largest = scores.iter().fold(0f64, |largest, score| largest.max(score.abs()));
        let least = f64::from(f32::EPSILON) * 16.0 * largest;
        let tolerance = max_error.unwrap_or((SAME_VALUE * (hi - lo)).max(least));
        Ok(Self { classes: classes(&scores, width, head.rule), scores, width, tolerance })
    }
}

/// Integer decisions, in the order of the rows.
pub(super) struct Integer {
    pub(super) decisions: Vec<Decision>,
    /// Operations of a decision, of the verifier's report.
    pub(super) operations: u64,
}

impl Integer {
    pub(super) fn new(bytes: &[u8], limits: &Limits, data: &Data, progress: &dyn Progress) -> Result<Self> {
        progress.begin("integer engine", data.len());
        let engine = Engine::load_within(bytes, limits)?;
        Ok(Self { decisions: engine.decide(data, progress)?, operations: engine.report.operations })
    }

    pub(super) fn classes(&self) -> Vec<u32> {
        self.decisions.iter().map(|decision| decision.class).collect()
    }

    pub(super) fn values(&self) -> Vec<f64> {
        self.decisions.iter().map(|decision| decision.value.to_num()).collect()
    }

    /// Rows with a counter outside the calibrated range.
    pub(super) fn out_of_range(&self) -> usize {
        self.decisions.iter().filter(|decision| decision.flags.contains(Flags::OUT_OF_RANGE)).count()
    }
}

/// Decisions of float scores, by the same rule as the core's.
fn classes(scores: &[f64], width: usize, rule: Rule) -> Vec<u32> {
    let best = |scores: &[f64], better: fn(f64, f64) -> bool| {
        let later = |best: usize, (at, &score): (usize, &f64)| if better(score, scores[best]) { at } else { best };
        scores.iter().enumerate().fold(0, later) as u32
    };
    let rows = scores.chunks_exact(width.max(1));
    match rule {
        Rule::Threshold { threshold, .. } | Rule::Anomaly { threshold } => {
            scores.iter().map(|&score| u32::from(score > threshold)).collect()
        }
        Rule::ArgMax => rows.map(|scores| best(scores, |a, b| a > b)).collect(),
        Rule::ArgMin => rows.map(|scores| best(scores, |a, b| a < b)).collect(),
        Rule::Value => vec![0; scores.len()],
    }
}

/// Which rows integers decide as float does: the same class, or a value within the tolerance.
fn same<'a>(float: &'a Float, integer: &'a Integer, head: &Decided) -> impl Iterator<Item = bool> + 'a {
    let is_value = head.is_value();
    float.classes.iter().zip(&float.scores).zip(&integer.decisions).map(move |((class, score), decision)| {
        if is_value {
            (score - decision.value.to_num::<f64>()).abs() <= float.tolerance
        } else {
            *class == decision.class
        }
    })
}

/// Share of rows that integers decide as float does; not a number where float is not known.
pub(super) fn agreement(float: &Float, integer: &Integer, head: &Decided) -> f64 {
    if !float.is_known() {
        return f64::NAN;
    }
    let rows = integer.decisions.len().max(1);
    let equal = same(float, integer, head).filter(|same| *same).count();
    equal as f64 / rows as f64
}

/// Error of the integer scores: of the one score, or of the margin where rows decide alike.
pub(super) struct Errors {
    pub(super) largest: f64,
    pub(super) mean: f64,
    pub(super) differing: usize,
    typical: f64,
}

impl Errors {
    /// Below this margin float could well have decided otherwise: 99 % of the rows have a smaller error.
    pub(super) fn low_margin(&self) -> I32F32 {
        I32F32::saturating_from_num(self.typical)
    }
}

pub(super) fn errors(float: &Float, integer: &Integer, head: &Decided) -> Errors {
    let margin = |scores: &[f64], class: usize, sign: f64| {
        let others = scores.iter().enumerate().filter(|(at, _)| *at != class).map(|(_, score)| sign * score);
        sign * scores[class] - others.fold(f64::NEG_INFINITY, f64::max)
    };
    let rows = float.scores.chunks_exact(float.width.max(1)).zip(&integer.decisions);
    let error = |(scores, decision): (&[f64], &Decision)| {
        let found: f64 = match head.rule {
            Rule::ArgMax | Rule::ArgMin => decision.margin.to_num(),
            _ => decision.value.to_num(),
        };
        let expected = match head.rule {
            Rule::ArgMax => margin(scores, decision.class as usize, 1.0),
            Rule::ArgMin => margin(scores, decision.class as usize, -1.0),
            _ => scores[0],
        };
        (found - expected).abs()
    };
    let mut errors: Vec<f64> = rows.map(error).collect();
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| errors.get(((errors.len() as f64 * share) as usize).min(errors.len().saturating_sub(1)));
    Errors {
        largest: errors.last().copied().unwrap_or(0.0),
        mean: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
        differing: same(float, integer, head).filter(|same| !same).count(),
        typical: at(0.99).copied().unwrap_or(0.0),
    }
}

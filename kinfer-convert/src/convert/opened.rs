//! A model file, read: what it computes in float, and how that is checked.

use std::path::Path;

use crate::data::Data;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::onnx::reader::{Head, Input, Model, Rule, inputs, read};
use crate::onnx::{Metadata, Source, quantized};
use crate::reference::{Cut, Reference};

/// Rows on which the graph as it was read is compared with the graph as tract runs it.
const CHECKED: usize = 1024;
/// Difference, as a share of the largest score: f32 against f64, over layers and cancelling sums.
const TOLERANCE: f64 = 1e-3;
/// Difference whatever the scores: terms close to the smallest f32 are flushed to zero there.
const FLUSHED: f64 = 1e-30;

/// A model file.
pub(super) struct Opened {
    pub(super) body: Body,
    /// Scores → decision.
    pub(super) head: Head,
    /// What the file says about its features, label and outcomes.
    pub(super) metadata: Metadata,
    /// Number of features.
    pub(super) features: usize,
    /// Number of scores.
    pub(super) outputs: usize,
    /// SHA-256 of the file, in hex.
    pub(super) sha256: String,
    /// What wrote it.
    pub(super) producer: String,
    inputs: Vec<Input>,
    /// Name of the scores in the file's graph.
    scores: Option<String>,
    source: Source,
}

/// What the file computes.
pub(super) enum Body {
    /// In float: integers are to be chosen.
    Float(Graph),
    /// In integers of its own, which are kept.
    Integers(Box<quantized::Network>),
}

impl Opened {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let source = Source::open(path)?;
        let sha256 = source.sha256.clone();
        let producer = format!("{} {}", source.model.producer_name, source.model.producer_version);
        if quantized::detect(&source) {
            let network = quantized::read(&source)?;
            return Ok(Self {
                head: of_integers(&network.head),
                metadata: network.metadata.clone(),
                features: network.features,
                outputs: network.scores_order.len(),
                inputs: inputs(&source)?,
                scores: Some(network.scores_name.clone()),
                body: Body::Integers(network.into()),
                sha256,
                producer,
                source,
            });
        }
        let mut model = read(&source)?;
        model.simplify();
        let Model { graph, head, inputs, scores, metadata } = model;
        let (features, outputs) = (graph.features, graph.outputs());
        Ok(Self {
            body: Body::Float(graph),
            head,
            metadata,
            features,
            outputs,
            sha256,
            producer,
            inputs,
            scores,
            source,
        })
    }

    /// The float graph as it was read; nothing of a file that is quantised already.
    pub(super) fn graph(&self) -> Option<&Graph> {
        match &self.body {
            Body::Float(graph) => Some(graph),
            Body::Integers(_) => None,
        }
    }

    /// The graph as tract runs it; nothing where tract does not take it, or no value of it holds the scores.
    pub(super) fn reference(&self) -> Option<Reference> {
        let cut = Cut { scores: self.scores.as_deref(), inputs: &self.inputs, width: self.outputs };
        Reference::attempt(&self.source, &cut)
    }

    /// What decides in float: nothing does for a quantised graph that tract does not take.
    pub(super) fn reference_name(&self, reference: Option<&Reference>) -> &'static str {
        match (reference, &self.body) {
            (Some(_), _) => "tract",
            (None, Body::Float(_)) => "the graph in double precision",
            (None, Body::Integers(_)) => "none",
        }
    }

    /// For each score of the integer model the graph's.
    pub(super) fn order(&self) -> Vec<usize> {
        match &self.body {
            Body::Float(_) => (0..self.outputs).collect(),
            Body::Integers(network) => network.scores_order.clone(),
        }
    }

    /// Refuses to go on when the graph as it was read and as tract runs it disagree.
    pub(super) fn check_reading(&self, reference: Option<&Reference>, calibration: &Data) -> Result<()> {
        let (Some(reference), Some(graph)) = (reference, self.graph()) else { return Ok(()) };
        let mut sample = calibration.clone();
        sample.counters.truncate(CHECKED * calibration.width);
        let scores = reference.scores(&sample, &crate::progress::Silent)?;
        let size = scores.iter().fold(0f64, |size, score| size.max(score.abs()));
        let mut state = graph.initial_state();
        for (row, (raw, reference)) in sample.rows().zip(scores.chunks_exact(self.outputs)).enumerate() {
            let read = graph.scores(&sample.features(raw), &mut state);
            for (index, (&read, &reference)) in read.iter().zip(reference).enumerate() {
                let close = (read - reference).abs() <= TOLERANCE * size + FLUSHED
                    || !(read.is_finite() || reference.is_finite());
                if !close {
                    return Err(Error::Disagreement { row: row + 1, index, graph: reference, network: read });
                }
            }
        }
        Ok(())
    }
}

fn of_integers(head: &quantized::Head) -> Head {
    let rule = match head.rule {
        quantized::Rule::ArgMax => Rule::ArgMax,
        quantized::Rule::Threshold { threshold, sigmoid } => Rule::Threshold { threshold, sigmoid },
    };
    Head { rule, labels: head.labels.clone() }
}

//! A model file, read: what it computes in float, and how that is checked.

use std::path::Path;

use crate::data::Data;
use crate::error::{Error, Result};
use crate::onnx::Source;
use crate::onnx::reader::{Model, read};
use crate::reference::Reference;

/// Rows on which the graph as it was read is compared with the graph as tract runs it.
const CHECKED: usize = 1024;
/// Difference, as a share of the largest score: f32 against f64, over layers and cancelling sums.
const TOLERANCE: f64 = 1e-3;
/// Difference whatever the scores: terms close to the smallest f32 are flushed to zero there.
const FLUSHED: f64 = 1e-30;

/// A model file.
pub(super) struct Opened {
    pub(super) model: Model,
    /// SHA-256 of the file, in hex.
    pub(super) sha256: String,
    /// What wrote it.
    pub(super) producer: String,
    source: Source,
}

impl Opened {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let source = Source::open(path)?;
        let mut model = read(&source)?;
        model.simplify();
        let producer = format!("{} {}", source.model.producer_name, source.model.producer_version);
        Ok(Self { sha256: source.sha256.clone(), producer, model, source })
    }

    /// The graph as tract runs it; nothing where tract does not take it, or no value of it holds the scores.
    pub(super) fn reference(&self) -> Option<Reference> {
        Reference::attempt(&self.source, &self.model)
    }

    /// Refuses to go on when the graph as it was read and as tract runs it disagree.
    pub(super) fn check_reading(&self, reference: Option<&Reference>, calibration: &Data) -> Result<()> {
        let Some(reference) = reference else { return Ok(()) };
        let mut sample = calibration.clone();
        sample.counters.truncate(CHECKED * calibration.width);
        let outputs = self.model.graph.outputs();
        let scores = reference.scores(&sample, &crate::progress::Silent)?;
        let size = scores.iter().fold(0f64, |size, score| size.max(score.abs()));
        let graph = &self.model.graph;
        let mut state = graph.initial_state();
        for (row, (raw, reference)) in sample.rows().zip(scores.chunks_exact(outputs)).enumerate() {
            let read = graph.scores(&sample.features(raw), &mut state);
            for (index, (&read, &reference)) in read.iter().zip(reference).enumerate() {
                let close = (read - reference).abs() <= TOLERANCE * size + FLUSHED;
                if !close {
                    return Err(Error::Disagreement { row: row + 1, index, graph: reference, network: read });
                }
            }
        }
        Ok(())
    }
}

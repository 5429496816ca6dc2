//! The float reference: tract runs the graph itself, cut at the scores.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{Factoid, ToDim};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::onnx::{Lowered, Source, cut};
use crate::progress::Progress;

/// Rows of one run. A fixed batch lets tract resolve every shape; the last run is filled up with zeros.
const BATCH: usize = 256;

/// The graph up to its scores, in the graph's own arithmetic.
pub struct Reference {
    graph: Arc<TypedRunnableModel>,
    input: DatumType,
    scores: String,
    width: usize,
    batch: usize,
}

impl Reference {
    /// Prepares the graph.
    ///
    /// # Errors
    ///
    /// tract does not take it, or finds another shape of scores than `lowered` says.
    pub fn new(source: &Source, lowered: &Lowered) -> Result<Self> {
        Self::with_batch(source, lowered, BATCH)
    }

    /// As [`Reference::new`], for runs of `batch` rows: 1 to time single decisions.
    ///
    /// # Errors
    ///
    /// As [`Reference::new`].
    pub fn with_batch(source: &Source, lowered: &Lowered, batch: usize) -> Result<Self> {
        let width = lowered.network.outputs();
        let prepare = || {
            let mut model = onnx().with_ignore_value_info(true).parse(&cut(source, &lowered.scores), None)?.model;
            let input = model.input_fact(0)?.datum_type.concretize().unwrap_or(f32::datum_type());
            let shape = [batch.to_dim(), lowered.network.normalize.len().to_dim()];
            model.set_input_fact(0, InferenceFact::dt_shape(input, shape))?;
            let graph = model.into_optimized()?;
            let shape = graph.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec);
            if shape.as_deref() != Some(&[batch, width]) {
                return Err(TractError::msg(format!("its shape is {shape:?}, [{batch}, {width}] is expected")));
            }
            Ok((graph.into_runnable()?, input))
        };
        let (graph, input) = prepare().map_err(|error: TractError| Self::error(&lowered.scores, &error))?;
        Ok(Self { graph, input, scores: lowered.scores.clone(), width, batch })
    }

    /// Scores of every row, row after row.
    ///
    /// # Errors
    ///
    /// tract cannot run it.
    pub fn scores(&self, data: &Data, progress: &dyn Progress) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(data.len() * self.width);
        for rows in data.counters.chunks(self.batch * data.width) {
            self.run(rows, data.width, &mut scores)?;
            progress.advance(rows.len() / data.width);
        }
        Ok(scores)
    }

    /// Appends the scores of one batch of `features` counters a row; missing rows count as zeros.
    ///
    /// # Errors
    ///
    /// tract cannot run it.
    pub fn run(&self, rows: &[i64], features: usize, scores: &mut Vec<f64>) -> Result<()> {
        self.run_graph(rows, features, scores).map_err(|error| Self::error(&self.scores, &error))
    }

    fn run_graph(&self, rows: &[i64], features: usize, scores: &mut Vec<f64>) -> TractResult<()> {
        let mut batch = rows.to_vec();
        batch.resize(self.batch * features, 0);
        let input = tract_ndarray::Array2::from_shape_vec((self.batch, features), batch)?.into_tensor();
        let outputs = self.graph.run(tvec!(input.cast_to_dt(self.input)?.into_owned().into()))?;
        let output = outputs[0].cast_to::<f64>()?;
        let wanted = rows.len() / features * self.width;
        scores.extend(output.to_plain_array_view::<f64>()?.iter().take(wanted));
        Ok(())
    }

    fn error(scores: &str, error: &TractError) -> Error {
        Error::Reference { tensor: scores.into(), detail: format!("{error:#}") }
    }
}

//! The float reference: tract runs the graph itself, cut at the scores.

use std::cell::Cell;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{Factoid, ToDim};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::onnx::reader::{Input, Model};
use crate::onnx::{Source, cut};
use crate::progress::Progress;

/// Rows of one run. A fixed batch lets tract resolve every shape; the last run is filled up with zeros.
const BATCH: usize = 256;

thread_local! {
    static ATTEMPTING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread tries whether tract takes a graph: a panic is then an answer, and no message is wanted.
pub fn is_attempting() -> bool {
    ATTEMPTING.get()
}

/// The graph up to its scores, in the graph's own arithmetic.
pub struct Reference {
    graph: Arc<TypedRunnableModel>,
    /// Of each input: the first of its features, what it is, its elements' type.
    inputs: Vec<(usize, Input, DatumType)>,
    scores: String,
    width: usize,
    batch: usize,
}

/// Which part of a file is run.
pub(crate) struct Cut<'a> {
    /// Name of the scores; nothing where no value of the graph holds them.
    pub(crate) scores: Option<&'a str>,
    /// The graph's inputs, whose elements are the features in this order.
    pub(crate) inputs: &'a [Input],
    /// Number of scores.
    pub(crate) width: usize,
}

impl<'a> Cut<'a> {
    fn of(model: &'a Model) -> Self {
        Self { scores: model.scores.as_deref(), inputs: &model.inputs, width: model.graph.outputs() }
    }
}

impl Reference {
    /// Prepares the graph.
    ///
    /// # Errors
    ///
    /// tract does not take it, no value of the graph holds the scores, or their shape is another than `model` says.
    pub fn new(source: &Source, model: &Model) -> Result<Self> {
        Self::of(source, &Cut::of(model))
    }

    fn of(source: &Source, cut: &Cut<'_>) -> Result<Self> {
        // A graph that was exported for a batch of one does not take others.
        Self::prepare(source, cut, BATCH).or_else(|_| Self::prepare(source, cut, 1))
    }

    /// As [`Reference::new`]; nothing where tract does not take the graph, be it that it panics.
    pub(crate) fn attempt(source: &Source, cut: &Cut<'_>) -> Option<Self> {
        cut.scores?;
        ATTEMPTING.set(true);
        let attempt = std::panic::catch_unwind(|| Self::of(source, cut));
        ATTEMPTING.set(false);
        attempt.ok()?.ok()
    }

    /// As [`Reference::new`], for runs of `batch` rows: 1 to time single decisions.
    ///
    /// # Errors
    ///
    /// As [`Reference::new`].
    pub fn with_batch(source: &Source, model: &Model, batch: usize) -> Result<Self> {
        Self::prepare(source, &Cut::of(model), batch)
    }

    fn prepare(source: &Source, part: &Cut<'_>, batch: usize) -> Result<Self> {
        let width = part.width;
        let Some(scores) = part.scores.map(str::to_owned) else {
            let detail = "no value of it holds the scores".into();
            return Err(Error::Reference { tensor: String::new(), detail });
        };
        let prepare = || {
            let mut parsed = onnx().with_ignore_value_info(true).parse(&cut(source, &scores), None)?.model;
            let mut inputs = Vec::new();
            for (index, outlet) in parsed.input_outlets()?.to_vec().into_iter().enumerate() {
                let name = &parsed.node(outlet.node).name;
                let at = part.inputs.iter().position(|input| input.name == *name);
                let at = at.ok_or_else(|| TractError::msg(format!("it has an input `{name}`")))?;
                let first = part.inputs[..at].iter().map(Input::width).sum();
                let input = part.inputs[at].clone();
                let kind = parsed.input_fact(index)?.datum_type.concretize().unwrap_or(f32::datum_type());
                let rest = input.dims.iter().skip(1).map(|size| size.to_dim());
                let shape: TVec<TDim> = std::iter::once(batch.to_dim()).chain(rest).collect();
                parsed.set_input_fact(index, InferenceFact::dt_shape(kind, shape))?;
                inputs.push((first, input, kind));
            }
            let graph = parsed.into_optimized()?;
            let shape = graph.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec).unwrap_or_default();
            let fits = shape.first() == Some(&batch) && shape.iter().product::<usize>() == batch * width;
            if !fits {
                return Err(TractError::msg(format!("its shape is {shape:?}, [{batch}, {width}] is expected")));
            }
            Ok((graph.into_runnable()?, inputs))
        };
        let (graph, inputs) = prepare().map_err(|error: TractError| Self::error(&scores, &error))?;
        Ok(Self { graph, inputs, scores, width, batch })
    }

    /// Scores of every row, row after row.
    ///
    /// # Errors
    ///
    /// tract cannot run it.
    pub fn scores(&self, data: &Data, progress: &dyn Progress) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(data.len() * self.width);
        let rows: Vec<_> = data.rows().collect();
        for rows in rows.chunks(self.batch) {
            let features: Vec<_> = rows.iter().flat_map(|row| data.features(row)).collect();
            self.run(&features, data.width, &mut scores)?;
            progress.advance(rows.len());
        }
        Ok(scores)
    }

    /// Appends the scores of one batch of rows of `width` features; missing rows count as zeros.
    ///
    /// # Errors
    ///
    /// tract cannot run it.
    pub fn run(&self, features: &[f64], width: usize, scores: &mut Vec<f64>) -> Result<()> {
        self.run_graph(features, width, scores).map_err(|error| Self::error(&self.scores, &error))
    }

    fn run_graph(&self, features: &[f64], width: usize, scores: &mut Vec<f64>) -> TractResult<()> {
        let mut batch = features.to_vec();
        batch.resize(self.batch * width, 0.0);
        let mut tensors = tvec!();
        for (first, input, kind) in &self.inputs {
            let part = batch.chunks_exact(width).flat_map(|row| &row[*first..][..input.width()]);
            let mut shape = input.dims.clone();
            if let Some(rows) = shape.first_mut() {
                *rows = self.batch;
            }
            let tensor = tract_ndarray::ArrayD::from_shape_vec(shape, part.copied().collect())?.into_tensor();
            tensors.push(tensor.cast_to_dt(*kind)?.into_owned().into());
        }
        let outputs = self.graph.run(tensors)?;
        let output = outputs[0].cast_to::<f64>()?;
        let wanted = features.len() / width * self.width;
        scores.extend(output.to_plain_array_view::<f64>()?.iter().take(wanted));
        Ok(())
    }

    fn error(scores: &str, error: &TractError) -> Error {
        Error::Reference { tensor: scores.into(), detail: format!("{error:#}") }
    }
}

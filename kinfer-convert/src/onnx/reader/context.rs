//! A node as it is read: its meanings so far, and the graph it adds to.

use std::sync::Arc;

use tract_onnx::pb::NodeProto;

use super::super::GraphError;
use super::super::constant::{Constant, count};
use super::super::node::Site;
use super::value::{Tensor, Value};
use crate::graph::{Graph, Operator, ValueId};

/// Elements that a tensor of the file format may have.
const MOST_ELEMENTS: usize = 1 << 16;

/// A node with the meaning of its inputs, and the graph that is being built.
pub(crate) struct Context<'a> {
    pub(crate) node: &'a NodeProto,
    pub(crate) site: Site,
    pub(crate) opset: i64,
    /// An input that is left out is `None`.
    pub(crate) inputs: Vec<Option<Value>>,
    pub(crate) graph: &'a mut Graph,
}

impl Context<'_> {
    /// Input `index`, which must be there.
    pub(crate) fn input(&self, index: usize) -> Result<&Value, GraphError> {
        let missing = || self.wrong(format!("input {index} is missing"), "the file is damaged: export it again");
        self.optional(index).ok_or_else(missing)
    }

    /// Input `index`, if it is there.
    pub(crate) fn optional(&self, index: usize) -> Option<&Value> {
        self.inputs.get(index).and_then(Option::as_ref)
    }

    /// Input `index` as a tensor computed from the features.
    pub(crate) fn tensor(&self, index: usize) -> Result<Tensor, GraphError> {
        match self.input(index)? {
            Value::Tensor(tensor) => Ok(tensor.clone()),
            other => Err(self.unsupported(format!("input {index} is {}", other.describe()))),
        }
    }

    /// Input `index` as a constant.
    pub(crate) fn constant(&self, index: usize) -> Result<Arc<Constant>, GraphError> {
        match self.input(index)? {
            Value::Constant(constant) => Ok(constant.clone()),
            other => Err(self.unsupported(format!("input {index} must be a constant and is {}", other.describe()))),
        }
    }

    /// Input `index` as constant integers: axes, shapes, positions.
    pub(crate) fn integers(&self, index: usize) -> Result<Vec<i64>, GraphError> {
        let constant = self.constant(index)?;
        let wrong = || self.wrong(format!("input {index} (`{}`) is not integers", constant.name), "export it again");
        constant.integers().map(<[i64]>::to_vec).ok_or_else(wrong)
    }

    /// Appends an operator named after the node; its value with these ONNX dimensions.
    pub(crate) fn push(&mut self, operator: Operator, inputs: Vec<ValueId>, dims: Vec<usize>) -> Tensor {
        let id = self.graph.push(self.site.name.clone(), operator, inputs, without_batch(&dims));
        Tensor { id, dims }
    }

    /// The same, as a meaning.
    pub(crate) fn value(&mut self, operator: Operator, inputs: Vec<ValueId>, dims: Vec<usize>) -> Value {
        Value::Tensor(self.push(operator, inputs, dims))
    }

    /// Whether every input is a constant.
    pub(crate) fn is_constant(&self) -> bool {
        self.inputs.iter().flatten().all(|input| matches!(input, Value::Constant(_)))
    }

    /// That a value of these dimensions is one the engine can hold: an output must not take all memory either.
    pub(crate) fn fits(&self, dims: &[usize]) -> Result<usize, GraphError> {
        let all = if self.is_constant() {
            count(dims)
        } else {
            count(dims).filter(|&all| (1..=MOST_ELEMENTS).contains(&all))
        };
        all.ok_or_else(|| self.too_large(dims))
    }

    /// The refusal of [`Self::fits`].
    pub(crate) fn too_large(&self, dims: &[usize]) -> GraphError {
        self.wrong(
            format!("makes a tensor of shape {dims:?} (with a batch of one)"),
            format!("a tensor has 1 to {MOST_ELEMENTS} elements: make the model smaller"),
        )
    }

    /// An operator, or a use of one, that is outside the set.
    pub(crate) fn unsupported(&self, what: impl Into<String>) -> GraphError {
        GraphError::unsupported(&self.site, what)
    }

    /// A node that contradicts itself or its inputs.
    pub(crate) fn wrong(&self, what: impl Into<String>, advice: impl Into<String>) -> GraphError {
        GraphError::node(&self.site, what, advice)
    }
}

/// Dimensions of a value of the graph, which has no batch.
fn without_batch(dims: &[usize]) -> Vec<usize> {
    match dims {
        [1, rest @ ..] if !rest.is_empty() => rest.to_vec(),
        [] => vec![1],
        dims => dims.to_vec(),
    }
}

//! What a value of the ONNX graph means.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::pb::NodeProto;

use super::super::GraphError;
use super::super::constant::Constant;
use super::super::node::Site;
use super::head::Choice;
use crate::graph::ValueId;
use crate::graph::ensemble::Tree;

/// Meaning of a value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Constant(Arc<Constant>),
    /// Numbers computed from the features.
    Tensor(Tensor),
    /// Numbers of which each leaf of a tree has its own.
    Leaves(Leaves),
    /// Index of the class, or its label, in any shape that has one a row.
    Class(Choice),
    /// A recurrent cell's state, which the caller keeps: no feature and no score.
    State(String),
}

/// A constant for each leaf of one tree: whatever is computed from it and constants is one, too.
#[derive(Clone, Debug)]
pub(crate) struct Leaves {
    /// Its leaves add their own number, from 0, to score 0.
    pub(crate) tree: Arc<Tree>,
    /// What the tree reads.
    pub(crate) input: ValueId,
    /// By the leaf's number.
    pub(crate) values: Vec<Arc<Constant>>,
}

/// Numbers computed from the features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tensor {
    /// Value of the graph that has its elements, in row-major order of `dims`.
    pub(crate) id: ValueId,
    /// ONNX dimensions, the batch being one row.
    pub(crate) dims: Vec<usize>,
}

impl Tensor {
    /// Number of elements.
    pub(crate) fn width(&self) -> usize {
        self.dims.iter().product()
    }

    /// An axis as ONNX counts it, from the end when negative.
    pub(crate) fn axis(&self, axis: i64) -> Option<usize> {
        let rank = self.dims.len() as i64;
        let axis = if axis < 0 { axis + rank } else { axis };
        (0..rank).contains(&axis).then_some(axis as usize)
    }
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Constant(constant) => format!("constant `{}`", constant.name),
            Self::Tensor(tensor) => format!("a tensor of shape {:?} (with a batch of one)", tensor.dims),
            Self::Leaves(_) => "a number of a tree's leaf".into(),
            Self::Class(_) => "a class".into(),
            Self::State(name) => format!("the recurrent state `{name}`"),
        }
    }
}

/// Values by name. A node that cannot be read leaves its error, which is that of everything that depends on it: a graph
/// may compute things beside the decision.
#[derive(Default)]
pub(super) struct Values(HashMap<String, Result<Value, GraphError>>);

impl Values {
    pub(super) fn set(&mut self, name: &str, value: Result<Value, GraphError>) {
        self.0.insert(name.into(), value);
    }

    /// Outputs of a node: those past the meanings that are given are left out.
    pub(super) fn set_outputs(&mut self, node: &NodeProto, site: &Site, values: Result<Vec<Value>, GraphError>) {
        let twice = node.output.iter().find(|name| !name.is_empty() && self.0.contains_key(name.as_str()));
        let values = match twice {
            Some(name) => Err(GraphError::node(
                site,
                format!("computes `{name}`, which is computed already"),
                "every value of a graph has one source: the file is damaged, export it again",
            )),
            None => values,
        };
        match values {
            Ok(values) => {
                for (name, value) in node.output.iter().zip(values) {
                    self.set(name, Ok(value));
                }
            }
            Err(error) => node.output.iter().for_each(|name| self.set(name, Err(error.clone()))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Result<Value, GraphError> {
        let nothing = || {
            Err(GraphError::Interface {
                what: format!("output `{name}` is not computed by any node"),
                advice: "the file is damaged: export it again".into(),
            })
        };
        self.0.get(name).cloned().unwrap_or_else(nothing)
    }

    /// Meanings of a node's inputs; one that is left out is `None`.
    pub(super) fn inputs(&self, node: &NodeProto, site: &Site) -> Result<Vec<Option<Value>>, GraphError> {
        let read = |name: &String| match self.0.get(name) {
            _ if name.is_empty() => Ok(None),
            Some(value) => value.clone().map(Some),
            None => Err(GraphError::node(
                site,
                format!("reads `{name}`, which nothing before it computes"),
                "nodes must be in an order in which they can run, without cycles",
            )),
        };
        node.input.iter().map(read).collect()
    }

    /// A name that a value of the graph has.
    pub(super) fn name_of(&self, id: ValueId) -> Option<String> {
        let names = self.0.iter().filter_map(|(name, value)| match value {
            Ok(Value::Tensor(tensor)) if tensor.id == id => Some(name),
            _ => None,
        });
        names.min().cloned()
    }
}

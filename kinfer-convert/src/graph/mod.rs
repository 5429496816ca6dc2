//! The float graph between features and scores: what readers make of a model, and what [`crate::quantize`] makes integer.
//!
//! A [`Graph`] is a list of nodes in an order in which they can run. Value 0 is the row of features, value *i* + 1 is what
//! node *i* makes, as in the file format. Values have no batch dimension; images are `[height, width, channels]`. All
//! arithmetic is `f64`, so that folding constants into weights loses nothing that an f32 graph could tell.
//!
//! [`evaluate`] is the meaning of every operator.

mod algebra;
pub mod ensemble;
pub mod evaluate;
mod operator;
pub mod simplify;

pub use self::algebra::{Affine, Matrix};
pub use self::ensemble::Ensemble;
pub use self::operator::{Cell, CellKind, Conv, Function, Operator, Pool, PoolKind};

/// Number of a value: 0 is the features, *i* + 1 what node *i* makes.
pub type ValueId = usize;

/// A node: one operator, one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name of the model's node it comes from, for messages and reports.
    pub name: String,
    /// What it computes.
    pub operator: Operator,
    /// What it reads: values before its own.
    pub inputs: Vec<ValueId>,
    /// Shape of what it makes, without the batch; its product is the number of elements.
    pub shape: Vec<usize>,
}

impl Node {
    /// Number of elements it makes.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Features to scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Number of features: elements of value 0.
    pub features: usize,
    /// In an order in which they can run.
    pub nodes: Vec<Node>,
    /// The value of the scores.
    pub scores: ValueId,
}

impl Graph {
    /// Features alone.
    pub fn new(features: usize) -> Self {
        Self { features, nodes: vec![], scores: 0 }
    }

    /// Appends a node, whose value becomes the scores.
    pub fn push(
        &mut self,
        name: impl Into<String>,
        operator: Operator,
        inputs: Vec<ValueId>,
        shape: Vec<usize>,
    ) -> ValueId {
        self.nodes.push(Node { name: name.into(), operator, inputs, shape });
        self.scores = self.nodes.len();
        self.scores
    }

    /// The node that makes a value; the features have none.
    pub fn node(&self, value: ValueId) -> Option<&Node> {
        value.checked_sub(1).and_then(|index| self.nodes.get(index))
    }

    /// Number of elements of a value.
    pub fn width(&self, value: ValueId) -> usize {
        self.node(value).map_or(self.features, Node::width)
    }

    /// Shape of a value.
    pub fn shape(&self, value: ValueId) -> Vec<usize> {
        self.node(value).map_or_else(|| vec![self.features], |node| node.shape.clone())
    }

    /// Number of scores.
    pub fn outputs(&self) -> usize {
        self.width(self.scores)
    }

    /// Numbers of the nodes that read a value.
    pub fn readers(&self, value: ValueId) -> impl Iterator<Item = usize> {
        self.nodes.iter().enumerate().filter(move |(_, node)| node.inputs.contains(&value)).map(|(index, _)| index)
    }
}

//! What a value of a quantised graph means. Dimensions are those of one row: the batch is left out.

use std::rc::Rc;

use super::super::node::Site;
use super::constant::Known;
use super::expression::{Expression, Unary};
use super::head::Choice;
use super::kind::{Kind, Params};
use super::layout::Order;
use crate::kinf::WindowSpec;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Known(Known),
    /// The graph's input, or arithmetic by constants on it, before anything is quantised.
    Features(Features),
    /// An integer tensor that the engine computes.
    Integers(Integers),
    /// Floats computed from integer tensors, not yet quantised.
    Real(Real),
    /// `1 − Sigmoid(score)`.
    Complement(Real),
    /// `[1 − p, p]` of one Sigmoid.
    TwoClass(Real),
    /// Index of the class, or its label.
    Class(Choice),
}

impl Value {
    /// What it is, for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Known(known) => format!("constant `{}`", known.name()),
            Self::Features(features) => format!("features {:?}, not quantised", features.dims),
            Self::Integers(integers) => format!("{} {:?}", integers.kind.name(), integers.dims),
            Self::Real(real) => format!("the float output of {}", real.site),
            Self::Complement(_) => "the complement of a probability".into(),
            Self::TwoClass(_) => "probabilities [batch, 2]".into(),
            Self::Class(_) => "a class".into(),
        }
    }
}

/// Floats of the graph's input.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Features {
    pub(super) dims: Vec<usize>,
    /// One an element.
    pub(super) elements: Vec<Feature>,
}

/// `factor · counter + offset`, the counter in the graph's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Feature {
    pub(super) counter: usize,
    pub(super) factor: f64,
    pub(super) offset: f64,
}

/// A tensor of the engine as a value of the graph.
#[derive(Clone, Debug)]
pub(super) struct Integers {
    /// Number of the engine's tensor.
    pub(super) tensor: usize,
    /// Tensors of one class share scale and zero point.
    pub(super) class: usize,
    pub(super) kind: Kind,
    pub(super) dims: Vec<usize>,
    pub(super) order: Order,
    /// Its name in the graph.
    pub(super) name: String,
}

impl Integers {
    pub(super) fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// The same tensor read under other dimensions.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Self {
        Self { dims, ..self.clone() }
    }
}

/// Integers with the scale and zero point that a node gives them.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) of: Integers,
    pub(super) params: Params,
    /// Name of the dequantised value in the graph.
    pub(super) name: String,
}

/// Floats between DequantizeLinear and QuantizeLinear: `clamp(source)`, then the moves.
#[derive(Clone, Debug)]
pub(super) struct Real {
    pub(super) source: Source,
    pub(super) clamp: (f32, f32),
    pub(super) moves: Vec<Move>,
    /// After the moves.
    pub(super) dims: Vec<usize>,
    /// The node that computed it last.
    pub(super) site: Site,
    /// Its name in the graph.
    pub(super) name: String,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A function of each element.
    Element(Term, Expression),
    /// A dense layer or convolution.
    Rows(Rc<Rows>),
    /// Sum, or difference where the second is negative.
    Sum(Term, Term, Sign),
    Product(Term, Term),
    /// Mean over windows.
    Mean(Term, Mean),
    /// Over all elements, or over the last dimension.
    Softmax(Box<Real>),
    /// Of something that is not an integer tensor: for the decision only.
    Sigmoid(Box<Real>),
    /// Side by side along an axis.
    Concat(Vec<Real>, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

/// What commutes with quantising.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Move {
    Reshape(Vec<usize>),
    Transpose(Vec<usize>),
    MaxPool(WindowSpec),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mean {
    pub(super) window: WindowSpec,
    /// Padding counts, as zeros.
    pub(super) with_padding: bool,
}

/// Sums of products with integer weights: `scale · (Σ weight · (q − zero_point) + units) + real`.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) input: Integers,
    /// `[output][input element]`, or `[output channel][channel of the group][tap…]` of a convolution; less zero points.
    pub(super) weights: Vec<i32>,
    /// Real size of a unit of the sum, one an output.
    pub(super) scales: Vec<f32>,
    pub(super) biases: Vec<Bias>,
    pub(super) body: Body,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bias {
    /// In units of the sum.
    pub(super) units: i64,
    /// Beside that, in real units.
    pub(super) real: f64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// All elements to all outputs, which have these dimensions.
    Dense(Vec<usize>),
    /// The last dimension to the outputs, at each place of those before it.
    Each,
    Conv {
        window: WindowSpec,
        groups: usize,
    },
}

impl Real {
    pub(super) fn new(source: Source, dims: Vec<usize>, site: &Site) -> Self {
        Self {
            source,
            clamp: (f32::NEG_INFINITY, f32::INFINITY),
            moves: vec![],
            dims,
            site: site.clone(),
            name: String::new(),
        }
    }

    /// A dequantised tensor.
    pub(super) fn dequantised(term: Term, site: &Site) -> Self {
        let (dims, name) = (term.of.dims.clone(), term.name.clone());
        Self { name, ..Self::new(Source::Element(term, Expression::Identity), dims, site) }
    }

    /// The tensor that this is the dequantised form of, if it is no more than that.
    pub(super) fn term(&self) -> Option<&Term> {
        match &self.source {
            Source::Element(term, Expression::Identity) => Some(term),
            _ => None,
        }
    }

    pub(super) fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    pub(super) fn at(mut self, site: &Site) -> Self {
        self.site = site.clone();
        self
    }

    /// The score that this is the Sigmoid of.
    pub(super) fn logit(&self) -> Option<Self> {
        match &self.source {
            Source::Sigmoid(score) => Some(Self::clone(score)),
            Source::Element(term, Expression::Unary(Unary::Sigmoid, of)) if **of == Expression::Identity => {
                Some(Self::dequantised(term.clone(), &self.site))
            }
            _ => None,
        }
    }
}

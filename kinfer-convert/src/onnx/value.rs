//! What a value of the graph means.

use std::sync::Arc;

use super::constant::Constant;
use super::head::Choice;
use super::node::Site;
use crate::network::{Affine, Layer, Matrix, Network};

/// Meaning of a value, `[batch, n]` unless said otherwise.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Constant(Arc<Constant>),
    /// Numbers computed from the features.
    Numbers(Chain),
    /// Sigmoid or Softmax of scores; the node that made it.
    Probability(Chain, Squash, Site),
    /// `1 − Sigmoid(score)`.
    Complement(Chain),
    /// `[1 − p, p]` of one Sigmoid.
    TwoClass(Chain),
    /// Index of the class, or its label, in any shape that has one a row.
    Class(Choice),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Squash {
    Sigmoid,
    Softmax,
}

/// Features → layers → element-wise arithmetic that no layer has taken up yet.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The value's name in the graph.
    pub(super) tensor: String,
    normalize: Vec<Affine>,
    layers: Vec<Arc<Layer>>,
    pending: Vec<Affine>,
}

impl Chain {
    pub(super) fn of_features(tensor: &str, features: usize) -> Self {
        let identity = vec![Affine::IDENTITY; features];
        Self { tensor: tensor.into(), normalize: identity.clone(), layers: vec![], pending: identity }
    }

    pub(super) fn width(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn renamed(mut self, tensor: &str) -> Self {
        self.tensor = tensor.into();
        self
    }

    /// Element-wise arithmetic; taken up by the last layer's rows where nothing clamps them.
    pub(super) fn elementwise(mut self, affines: &[Affine]) -> Self {
        match self.layers.last_mut().filter(|layer| layer.is_linear()) {
            Some(layer) => {
                let layer = Arc::make_mut(layer);
                for (output, affine) in affines.iter().enumerate() {
                    layer.weights.row_mut(output).iter_mut().for_each(|weight| *weight *= affine.factor);
                    layer.bias[output] = affine.at(layer.bias[output]);
                }
            }
            None => self.pending.iter_mut().zip(affines).for_each(|(before, &after)| *before = before.then(after)),
        }
        self
    }

    /// A fully connected layer. Pending arithmetic is taken up by its columns or, before the first layer, becomes the
    /// normalisation.
    pub(super) fn dense(mut self, name: &str, mut weights: Matrix, mut bias: Vec<f64>) -> Self {
        let outputs = bias.len();
        let pending = std::mem::replace(&mut self.pending, vec![Affine::IDENTITY; outputs]);
        if self.layers.is_empty() {
            self.normalize = pending;
        } else {
            for (output, bias) in bias.iter_mut().enumerate() {
                for (weight, affine) in weights.row_mut(output).iter_mut().zip(&pending) {
                    *bias += *weight * affine.offset;
                    *weight *= affine.factor;
                }
            }
        }
        let (lo, hi) = (f64::NEG_INFINITY, f64::INFINITY);
        self.layers.push(Arc::new(Layer { name: name.into(), weights, bias, lo, hi }));
        self
    }

    /// Relu and Clip. Refused, with the reason, where no layer can take it up.
    pub(super) fn clamp(mut self, lo: f64, hi: f64) -> Result<Self, &'static str> {
        if self.layers.is_empty() {
            return Err("it clamps features before the first Gemm or MatMul, which is not supported");
        }
        if self.is_pending() {
            return Err(
                "it follows arithmetic on clamped values without a Gemm or MatMul between, which is not supported",
            );
        }
        if let Some(layer) = self.layers.last_mut() {
            let layer = Arc::make_mut(layer);
            (layer.lo, layer.hi) = (layer.lo.clamp(lo, hi), layer.hi.clamp(lo, hi));
        }
        Ok(self)
    }

    /// The whole network. Refused, with the reason, where arithmetic is left over.
    pub(super) fn network(&self) -> Result<Network, &'static str> {
        if self.layers.is_empty() {
            return Err("there is no Gemm or MatMul between the features and the decision");
        }
        if self.is_pending() {
            return Err("the scores are arithmetic on clamped values, which is not supported");
        }
        let layers = self.layers.iter().map(|layer| Layer::clone(layer)).collect();
        Ok(Network { normalize: self.normalize.clone(), layers })
    }

    fn is_pending(&self) -> bool {
        self.pending.iter().any(|&affine| affine != Affine::IDENTITY)
    }
}

impl Value {
    /// What it is, for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Constant(constant) => format!("constant `{}`", constant.name),
            Self::Numbers(chain) => format!("`{}` [batch, {}]", chain.tensor, chain.width()),
            Self::Probability(chain, ..) => format!("probabilities [batch, {}]", chain.width()),
            Self::Complement(_) => "the complement of a probability".into(),
            Self::TwoClass(_) => "probabilities [batch, 2]".into(),
            Self::Class(_) => "a class".into(),
        }
    }
}

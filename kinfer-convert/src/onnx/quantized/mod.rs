//! ONNX graphs that are quantised already → operators of the engine. Scales and zero points are the graph's, nothing is
//! calibrated.
//!
//! Two forms are read, as ONNX Runtime's quantiser and quantisation-aware training write them: QDQ (QuantizeLinear and
//! DequantizeLinear around operators of floats) and QOperator (QLinearConv, QLinearMatMul, MatMulInteger, … and those of
//! `com.microsoft`). [`read()`] walks the graph once, in order. A DequantizeLinear opens a value that is floats on paper
//! only (`value::Real`); what is computed with it is remembered until a QuantizeLinear closes it, and then becomes
//! one operator (`quantise`). QOperator nodes are both at once. What stays float behind the last operator is the
//! decision's (`head`).
//!
//! Arithmetic: sums are exact, the factor of a requantisation is formed in `f32` as ONNX Runtime's integer kernels form it,
//! products round half to even, and functions of one 8-bit tensor are tables computed in `f32`. `docs/quantized-onnx.md`
//! says how far from ONNX Runtime that is.

mod builder;
mod constant;
mod elementwise;
mod expression;
mod factor;
mod head;
mod input;
mod kind;
mod layout;
mod linear;
mod moves;
mod node;
mod quantise;
mod quantisers;
mod rows;
mod value;
mod walk;
mod windows;

use fixed::types::I32F32;
use kinfer::format::HeadKind;

pub use self::head::{Head, Rule};
pub use self::walk::read;
use super::metadata::Metadata;
use super::node::operator;
use super::{GraphError, Source};
use crate::kinf::{FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, StepSpec, TensorSpec};

/// Operators that [`read()`] knows, for documentation.
pub const SUPPORTED: &str = "QuantizeLinear, DequantizeLinear, QLinearConv, QLinearMatMul, ConvInteger, MatMulInteger, \
com.microsoft QGemm, QLinearAdd, QLinearMul, QLinearSigmoid, QLinearLeakyRelu, QLinearAveragePool, \
QLinearGlobalAveragePool, QLinearConcat; between DequantizeLinear and QuantizeLinear Conv, Gemm, MatMul, Add, Sub, Mul, \
Div, Relu, Clip, LeakyRelu, Sigmoid, Tanh, HardSigmoid, HardSwish, Elu, Gelu, Softplus, Softsign, Softmax, Concat, \
MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool, ReduceMean, Reshape, Flatten, Squeeze, Unsqueeze, Transpose; at \
the end Softmax, Sigmoid, ArgMax, Greater, Gather and ArrayFeatureExtractor of labels";

/// Whether the graph is quantised: it has a node of integers.
pub fn detect(source: &Source) -> bool {
    source.graph().is_ok_and(|graph| {
        graph.node.iter().any(|node| {
            let name = operator(node);
            let name = name.strip_prefix("com.microsoft.").unwrap_or(&name);
            matches!(
                name,
                "QuantizeLinear"
                    | "DequantizeLinear"
                    | "DynamicQuantizeLinear"
                    | "MatMulInteger"
                    | "ConvInteger"
                    | "QGemm"
            ) || name.starts_with("QLinear")
        })
    })
}

/// What a quantised graph computes.
#[derive(Clone, Debug)]
pub struct Network {
    /// Name of the graph's input.
    pub input: String,
    /// Elements of the input of one row: raw counters.
    pub features: usize,
    /// Tensor 0, which the feature program makes, then one an operator.
    pub tensors: Vec<TensorSpec>,
    /// In the order they run.
    pub operators: Vec<OperatorSpec>,
    /// Tensor of the scores: int8 or int16 where the graph quantises them, int32 where it leaves them float.
    pub scores: u16,
    /// Name of the scores in the graph.
    pub scores_name: String,
    /// A number of the scores in the graph is this much above the engine's: 128 of uint8, 32768 of uint16.
    pub scores_offset: i32,
    /// For each class of the engine the graph's: another one only where the scores are an image, whose channels lie side by
    /// side.
    pub scores_order: Vec<usize>,
    /// Scores → decision.
    pub head: Head,
    /// What the model says about its features, label and outcomes.
    pub metadata: Metadata,
    elements: Vec<input::Element>,
}

impl Network {
    /// The feature program. `resolutions` has for each element of the input, row-major, what a unit of its raw counter is
    /// in the graph's input: value = counter · resolution. Where there are too few, it is 1.
    ///
    /// A counter's quotient by the input's scale is rounded half to even. It is exact where the scale is a power of two
    /// times the resolution; else the factor has 53 bits, and where a counter can lie halfway between two numbers
    /// thresholds take its place.
    ///
    /// # Errors
    ///
    /// A resolution that is not positive and finite, or not 1 where the input holds integers already; a scale too far from it.
    pub fn program(&self, resolutions: &[f64]) -> Result<Vec<StepSpec>, GraphError> {
        input::program(&self.elements, resolutions)
    }

    /// The whole model, with a program for these `resolutions`, and without provenance. `outcomes` are in the graph's order.
    ///
    /// # Errors
    ///
    /// As [`Network::program`]; a threshold outside `I32F32`.
    pub fn model(
        &self,
        features: Vec<FeatureSpec>,
        resolutions: &[f64],
        outcomes: Vec<String>,
    ) -> Result<ModelSpec, GraphError> {
        let kind = match self.head.rule {
            Rule::ArgMax => HeadKind::ArgMax,
            Rule::Threshold { threshold, .. } => {
                let fits = I32F32::checked_from_num(threshold).ok_or_else(|| GraphError::Interface {
                    what: format!("threshold {threshold} is outside I32F32"),
                    advice: "it is below 2^31 in magnitude".into(),
                });
                HeadKind::Threshold(fits?)
            }
        };
        let outcomes = match self.head.rule {
            Rule::ArgMax => self.scores_order.iter().filter_map(|&class| outcomes.get(class).cloned()).collect(),
            Rule::Threshold { .. } => outcomes,
        };
        Ok(ModelSpec {
            features,
            program: self.program(resolutions)?,
            tensors: self.tensors.clone(),
            operators: self.operators.clone(),
            head: HeadSpec { kind, scores: self.scores, low_margin: I32F32::ZERO },
            outcomes,
            provenance: vec![],
        })
    }
}

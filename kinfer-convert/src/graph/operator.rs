//! Operators of the float graph.

use super::{Ensemble, Matrix};
use crate::kinf::WindowSpec;

/// What a node computes.
///
/// Inputs are read as all their elements in row-major order unless the operator says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// `weights · x + bias`. ONNX Gemm, MatMul, LinearClassifier, LinearRegressor.
    Dense {
        /// `[output][input]`.
        weights: Matrix,
        /// One an output.
        bias: Vec<f64>,
    },
    /// Convolution over an image.
    Conv(Conv),
    /// Maximum or mean of windows of an image.
    Pool(Pool),
    /// `factor · x + offset`, element by element. Constants of arithmetic, Scaler, BatchNormalization.
    Affine {
        /// One an element.
        factor: Vec<f64>,
        /// One an element.
        offset: Vec<f64>,
    },
    /// `min(max(x, lo), hi)`: Relu, Relu6, Clip. A bound may be infinite.
    Clip {
        /// Smallest result.
        lo: f64,
        /// Largest result.
        hi: f64,
    },
    /// A function of each element.
    Map(Function),
    /// `exp(x) / Σ exp(x)` over rows of `row` elements.
    Softmax {
        /// Elements that sum to one.
        row: usize,
    },
    /// Sum of two values of the same shape; the second may have one element.
    Add,
    /// First less second, as for `Add`.
    Sub,
    /// Product, as for `Add`.
    Mul,
    /// Values side by side: of each, as many rows as `rows`, joined row by row.
    Concat {
        /// Product of the dimensions before the axis.
        rows: usize,
    },
    /// Output element *i* is input element `indices[i]`: Transpose, Slice, Split, Gather, ArrayFeatureExtractor.
    Select {
        /// One an output element.
        indices: Vec<usize>,
    },
    /// The same elements under another shape.
    Reshape,
    /// One element to as many as there are categories: 1 for the one that it equals, else 0. `OneHotEncoder`.
    OneHot {
        /// In the order of the outputs.
        categories: Vec<f64>,
    },
    /// Decision trees, summed a class.
    Trees(Ensemble),
    /// `Σᵢ weight[k][i] · (x[i] − centroid[k][i])² + bias[k]` for each centroid.
    Distance {
        /// `[centroid][element]`.
        centroids: Matrix,
        /// Not negative; nothing where all are 1.
        weights: Option<Matrix>,
        /// One a centroid.
        bias: Vec<f64>,
    },
    /// `Σ (a − b)²` of two values, one element: an autoencoder's reconstruction error.
    SquaredError,
    /// One step of a recurrent cell whose state the caller keeps.
    Cell(Cell),
}

/// Convolution over an image `[height, width, channels]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// `[output channel][kernel height][kernel width][input channel of its group]`; a row an output channel.
    pub weights: Matrix,
    /// One an output channel.
    pub bias: Vec<f64>,
    /// Height, width and channels of the input.
    pub image: [usize; 3],
    /// Taps, strides and padding.
    pub window: WindowSpec,
    /// Groups of channels.
    pub groups: usize,
}

/// Pooling of an image `[height, width, channels]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Maximum or mean.
    pub kind: PoolKind,
    /// Height, width and channels of the input.
    pub image: [usize; 3],
    /// Taps, strides and padding.
    pub window: WindowSpec,
}

/// What a pool takes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest tap inside the image.
    Max,
    /// The mean of the taps inside the image.
    Mean,
    /// The mean of all taps, those in the padding being zero.
    MeanWithPadding,
}

/// A function of one value. The tables of [`crate::kinf::functions`] have most; what else exporters write is here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// A function that has a table.
    Table(crate::kinf::functions::Function),
    /// `x`, below zero `alpha · x`.
    LeakyRelu {
        /// Slope below zero.
        alpha: f64,
    },
    /// `ln(x)`.
    Log,
    /// `ln(1 + x)`.
    Log1p,
    /// `exp(x)`.
    Exp,
    /// `√x`.
    Sqrt,
    /// `1 / x`.
    Reciprocal,
    /// `|x|`.
    Abs,
    /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))`.
    GeluTanh,
    /// `scale · x`, below zero `scale · alpha · (exp(x) − 1)`.
    Selu {
        /// How far below zero it goes, before the scale.
        alpha: f64,
        /// Factor of everything.
        scale: f64,
    },
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x · tanh(ln(1 + exp(x)))`.
    Mish,
    /// `x²`.
    Square,
    /// The integer part: a cast to integers.
    Trunc,
    /// 1 above the threshold, else 0. `Binarizer`.
    Above {
        /// The largest value that gives 0, compared in f32.
        threshold: f32,
    },
    /// The error function.
    Erf,
}

/// A recurrent cell: [`crate::kinf::cells`] has the equations and the order of the gates.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// GRU or LSTM.
    pub kind: CellKind,
    /// Elements of the hidden state.
    pub hidden: usize,
    /// `W`: `[gate][hidden][input]`.
    pub w: Vec<f64>,
    /// `R`: `[gate][hidden][hidden]`.
    pub r: Vec<f64>,
    /// `B`: `[gate][hidden]` for the inputs, then as many for the hidden state; empty for zeros.
    pub b: Vec<f64>,
}

/// Which cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Gated recurrent unit.
    Gru {
        /// ONNX's attribute.
        linear_before_reset: bool,
    },
    /// Long short-term memory.
    Lstm,
}

impl Operator {
    /// Whether nothing but elements' places changes.
    pub fn moves_only(&self) -> bool {
        matches!(self, Self::Select { .. } | Self::Reshape | Self::Concat { .. })
    }
}

impl Function {
    /// The function itself.
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Table(function) => function.value(x),
            Self::LeakyRelu { alpha } => {
                if x < 0.0 {
                    alpha * x
                } else {
                    x
                }
            }
            Self::Log => x.ln(),
            Self::Log1p => x.ln_1p(),
            Self::Exp => x.exp(),
            Self::Sqrt => x.sqrt(),
            Self::Reciprocal => x.recip(),
            Self::Abs => x.abs(),
            Self::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                x / 2.0 * (1.0 + inner.tanh())
            }
            Self::Selu { alpha, scale } => scale * if x < 0.0 { alpha * x.exp_m1() } else { x },
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Mish => x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh(),
            Self::Square => x * x,
            Self::Trunc => x.trunc(),
            Self::Above { threshold } => f64::from(u8::from(x as f32 > threshold)),
            Self::Erf => crate::kinf::functions::erf(x),
        }
    }
}

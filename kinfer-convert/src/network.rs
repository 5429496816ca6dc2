//! The float network between raw counters and scores: what [`crate::onnx`] reads and [`crate::quantize`] makes integer.
//!
//! All arithmetic is `f64`, so that folding constants into weights loses nothing that an f32 graph could tell.

/// Element-wise `factor · x + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Factor of the element.
    pub factor: f64,
    /// Added after it.
    pub offset: f64,
}

impl Affine {
    /// `x` itself.
    pub const IDENTITY: Self = Self { factor: 1.0, offset: 0.0 };

    /// This one first, then `next`.
    pub fn then(self, next: Self) -> Self {
        Self { factor: next.factor * self.factor, offset: next.factor * self.offset + next.offset }
    }

    /// Its value at `x`.
    pub fn at(self, x: f64) -> f64 {
        self.factor * x + self.offset
    }
}

/// Row-major matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Elements of a row.
    pub columns: usize,
    /// Row after row.
    pub data: Vec<f64>,
}

impl Matrix {
    /// Zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, data: vec![0.0; rows * columns] }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.data.len() / self.columns.max(1)
    }

    /// A row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..][..self.columns]
    }

    /// A row, to be written.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.columns..][..self.columns]
    }

    /// All rows, in order.
    pub fn iter_rows(&self) -> impl Iterator<Item = &[f64]> {
        self.data.chunks_exact(self.columns.max(1))
    }
}

/// Fully connected layer: `clamp(weights · x + bias, lo, hi)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Name of the node it comes from.
    pub name: String,
    /// `[output][input]`.
    pub weights: Matrix,
    /// One an output.
    pub bias: Vec<f64>,
    /// Smallest output: 0 after a Relu, minus infinity where nothing clamps.
    pub lo: f64,
    /// Largest output.
    pub hi: f64,
}

impl Layer {
    /// Whether nothing clamps its outputs.
    pub fn is_linear(&self) -> bool {
        self.lo == f64::NEG_INFINITY && self.hi == f64::INFINITY
    }

    /// `weights · x + bias`.
    pub fn linear(&self, x: &[f64]) -> Vec<f64> {
        let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        self.weights.iter_rows().zip(&self.bias).map(|(row, bias)| dot(row) + bias).collect()
    }

    /// The layer's outputs.
    pub fn run(&self, x: &[f64]) -> Vec<f64> {
        let mut outputs = self.linear(x);
        outputs.iter_mut().for_each(|y| *y = y.clamp(self.lo, self.hi));
        outputs
    }
}

/// Normalisation and layers; the last layer's outputs are the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// One a feature.
    pub normalize: Vec<Affine>,
    /// At least one.
    pub layers: Vec<Layer>,
}

impl Network {
    /// Scores of one row of raw counters.
    pub fn scores(&self, raw: &[i64]) -> Vec<f64> {
        let x = self.normalized(raw);
        self.layers.iter().fold(x, |x, layer| layer.run(&x))
    }

    /// Normalised features of one row of raw counters.
    pub fn normalized(&self, raw: &[i64]) -> Vec<f64> {
        self.normalize.iter().zip(raw).map(|(affine, &raw)| affine.at(raw as f64)).collect()
    }

    /// Number of scores.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.len())
    }
}

//! Element-wise maps and matrices.

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

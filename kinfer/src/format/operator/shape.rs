//! Operators that move elements and change none: their tensors share element type, scale and zero point.

use super::fields::Fields;
use crate::error::Problem;

/// Two tensors side by side (ONNX Concat): of both inputs `rows` rows, and each row of the output is one of the first
/// followed by one of the second. The product of the dimensions before ONNX's axis is `rows`; more inputs are chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat {
    /// Rows of each of the three tensors; 1 puts the second behind the first.
    pub rows: u32,
}

impl Concat {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { rows: fields.number(0) as u32 })
    }
}

/// A part of each row (ONNX Slice along one axis, Gather of evenly spaced indices): `out[row][i] = in[row][start + i ·
/// stride]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Rows of input and output.
    pub rows: u32,
    /// The first element of a row that is taken.
    pub start: u32,
    /// Elements taken of each row, at least one.
    pub count: u32,
    /// From one taken element to the next, at least one.
    pub stride: u32,
}

impl Slice {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let mut number = |which| fields.number(which) as u32;
        Ok(Self { rows: number(0), start: number(1), count: number(2), stride: number(3) })
    }
}

/// The same elements in the same order under other dimensions (ONNX Reshape, Flatten, Squeeze, Unsqueeze).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reshape {}

impl Reshape {
    pub(super) fn read(_fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {})
    }
}

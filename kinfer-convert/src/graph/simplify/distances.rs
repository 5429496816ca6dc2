//! Squared distances to centroids, written out: `Σ wᵢ (xᵢ − cᵢ)²` as scikit-learn's Gaussian naive Bayes exports it.

use super::Rewrite;
use crate::graph::Function;
use crate::graph::{Matrix, Node, Operator, ValueId};

impl Rewrite {
    /// The value of a dense layer over squares of shifted elements, each row of which sees an element of `x` once.
    pub(super) fn distance(&mut self, node: &Node, weights: &Matrix, bias: &[f64]) -> Option<ValueId> {
        let mut squares = *node.inputs.first()?;
        let (mut weights, mut bias) = (weights.clone(), bias.to_vec());
        if let Some(Operator::Affine { factor, offset }) = self.operator(squares) {
            for (row, bias) in bias.iter_mut().enumerate() {
                for ((weight, factor), offset) in weights.row_mut(row).iter_mut().zip(factor).zip(offset) {
                    *bias += *weight * offset;
                    *weight *= factor;
                }
            }
            squares = self.source(squares)?;
        }
        let Operator::Map(Function::Square) = self.operator(squares)? else { return None };
        let shifted = self.source(squares)?;
        let Operator::Affine { factor, offset } = self.operator(shifted)?.clone() else { return None };
        let selected = self.source(shifted)?;
        let (x, indices) = match self.operator(selected) {
            Some(Operator::Select { indices }) => (self.source(selected)?, indices.clone()),
            _ => (selected, (0..self.width(selected)).collect()),
        };
        let all = weights.data.iter().copied();
        let sign = if all.clone().all(|weight| weight >= 0.0) { 1.0 } else { -1.0 };
        if !all.clone().all(|weight| weight * sign >= 0.0) || factor.contains(&0.0) {
            return None;
        }
        let (centroids, weights) = rows(&weights, &factor, &offset, &indices, self.width(x), sign)?;
        let bias = bias.iter().map(|bias| bias * sign).collect();
        let width = node.width();
        let operator = Operator::Distance { centroids, weights: Some(weights), bias };
        let distance = self.push(&node.name, operator, vec![x], node.shape.clone());
        if sign > 0.0 {
            return Some(distance);
        }
        let negative = Operator::Affine { factor: vec![-1.0; width], offset: vec![0.0; width] };
        Some(self.push(&node.name, negative, vec![distance], node.shape.clone()))
    }
}

/// Centroids and their weights, `[row][element of x]`; nothing where a row sees an element twice.
fn rows(
    dense: &Matrix,
    factor: &[f64],
    offset: &[f64],
    indices: &[usize],
    width: usize,
    sign: f64,
) -> Option<(Matrix, Matrix)> {
    let mut centroids = Matrix::zeros(dense.rows(), width);
    let mut weights = Matrix::zeros(dense.rows(), width);
    for (row, from) in dense.iter_rows().enumerate() {
        for (at, weight) in from.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            let (element, factor, offset) = (*indices.get(at)?, *factor.get(at)?, *offset.get(at)?);
            let place = weights.row_mut(row).get_mut(element)?;
            if *place != 0.0 {
                return None;
            }
            *place = sign * weight * factor * factor;
            centroids.row_mut(row)[element] = -offset / factor;
        }
    }
    Some((centroids, weights))
}

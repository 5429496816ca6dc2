//! What is linear is merged: affine maps into the weights before or behind them, layers with layers.

use super::Rewrite;
use crate::graph::ensemble::{Tree, TreeNode};
use crate::graph::{Conv, Ensemble, Function, Matrix, Node, Operator, Pool, PoolKind, ValueId};
use crate::kinf::WindowSpec;

impl Rewrite {
    /// The value of a node that merges with the one before it, or is nothing by itself.
    pub(super) fn folded(&mut self, node: &Node) -> Option<ValueId> {
        let input = *node.inputs.first()?;
        match &node.operator {
            Operator::Affine { factor, offset } => self.affine(node, input, factor, offset),
            Operator::Clip { lo, hi } => self.clip(node, input, *lo, *hi),
            Operator::Dense { weights, bias } => {
                self.distance(node, weights, bias).or_else(|| self.dense(node, input, weights, bias))
            }
            Operator::Conv(conv) => self.conv(node, input, conv),
            Operator::Pool(pool) => self.pool(node, input, pool),
            Operator::Mul if node.inputs[..] == [input, input] => {
                Some(self.push(&node.name, Operator::Map(Function::Square), vec![input], node.shape.clone()))
            }
            Operator::Add if node.inputs[..] == [input, input] => {
                let width = node.width();
                let twice = Operator::Affine { factor: vec![2.0; width], offset: vec![0.0; width] };
                Some(self.push(&node.name, twice, vec![input], node.shape.clone()))
            }
            _ => None,
        }
    }

    fn affine(&mut self, node: &Node, input: ValueId, factor: &[f64], offset: &[f64]) -> Option<ValueId> {
        if factor.iter().all(|&factor| factor == 1.0) && offset.iter().all(|&offset| offset == 0.0) {
            return Some(input);
        }
        let source = self.source(input)?;
        let is_sole = self.is_sole(input);
        let operator = match self.operator(input)? {
            Operator::Affine { factor: inner, offset: inner_offset } => Operator::Affine {
                factor: factor.iter().zip(inner).map(|(factor, inner)| factor * inner).collect(),
                offset: factor
                    .iter()
                    .zip(offset)
                    .zip(inner_offset)
                    .map(|((factor, offset), inner)| factor * inner + offset)
                    .collect(),
            },
            Operator::Dense { weights, bias } if is_sole => {
                let mut weights = weights.clone();
                for (row, factor) in factor.iter().enumerate() {
                    weights.row_mut(row).iter_mut().for_each(|weight| *weight *= factor);
                }
                Operator::Dense { weights, bias: after(bias, factor, offset) }
            }
            Operator::Conv(conv) if is_sole => {
                let channels = conv.bias.len();
                let (factor, offset) = (of_channels(factor, channels)?, of_channels(offset, channels)?);
                let mut conv = conv.clone();
                for (row, factor) in factor.iter().enumerate() {
                    conv.weights.row_mut(row).iter_mut().for_each(|weight| *weight *= factor);
                }
                conv.bias = after(&conv.bias, &factor, &offset);
                Operator::Conv(conv)
            }
            Operator::Trees(ensemble) if is_sole => {
                let leaf = |node: &TreeNode| match node {
                    TreeNode::Leaf(values) => TreeNode::Leaf(
                        values
                            .iter()
                            .map(|&(score, value)| (score, value * factor.get(score).unwrap_or(&1.0)))
                            .collect(),
                    ),
                    split => split.clone(),
                };
                let tree = |tree: &Tree| Tree { nodes: tree.nodes.iter().map(leaf).collect() };
                let trees = ensemble.trees.iter().map(tree).collect();
                Operator::Trees(Ensemble { trees, bases: after(&ensemble.bases, factor, offset) })
            }
            Operator::Distance { centroids, weights, bias }
                if is_sole && factor.iter().all(|&factor| factor == 1.0) =>
            {
                Operator::Distance {
                    centroids: centroids.clone(),
                    weights: weights.clone(),
                    bias: after(bias, factor, offset),
                }
            }
            _ => return None,
        };
        Some(self.push(&node.name, operator, vec![source], node.shape.clone()))
    }

    fn clip(&mut self, node: &Node, input: ValueId, lo: f64, hi: f64) -> Option<ValueId> {
        if lo == f64::NEG_INFINITY && hi == f64::INFINITY {
            return Some(input);
        }
        let Operator::Clip { lo: inner_lo, hi: inner_hi } = *self.operator(input)? else { return None };
        let both = Operator::Clip { lo: inner_lo.max(lo).min(hi), hi: inner_hi.max(lo).min(hi) };
        let source = self.source(input)?;
        Some(self.push(&node.name, both, vec![source], node.shape.clone()))
    }

    fn dense(&mut self, node: &Node, input: ValueId, weights: &Matrix, bias: &[f64]) -> Option<ValueId> {
        if let Some(value) = self.squared_error(node, input, weights, bias) {
            return Some(value);
        }
        let source = self.source(input)?;
        match self.operator(input)? {
            Operator::Affine { factor, offset } if !self.is_feature(source) => {
                let shift = |row: &[f64]| row.iter().zip(offset).map(|(weight, offset)| weight * offset).sum::<f64>();
                let bias = weights.iter_rows().zip(bias).map(|(row, bias)| bias + shift(row)).collect();
                let data =
                    weights.iter_rows().flat_map(|row| row.iter().zip(factor).map(|(weight, factor)| weight * factor));
                let weights = Matrix { columns: weights.columns, data: data.collect() };
                Some(self.push(&node.name, Operator::Dense { weights, bias }, vec![source], node.shape.clone()))
            }
            Operator::Dense { weights: inner, bias: inner_bias } if self.is_sole(input) => {
                let (outputs, middle, inputs) = (weights.rows(), inner.rows(), inner.columns);
                if outputs * inputs > middle * inputs + outputs * middle {
                    return None;
                }
                let mut product = Matrix::zeros(outputs, inputs);
                let mut sum = bias.to_vec();
                for (output, row) in weights.iter_rows().enumerate() {
                    for ((weight, inner), bias) in row.iter().zip(inner.iter_rows()).zip(inner_bias) {
                        product.row_mut(output).iter_mut().zip(inner).for_each(|(to, inner)| *to += weight * inner);
                        sum[output] += weight * bias;
                    }
                }
                let dense = Operator::Dense { weights: product, bias: sum };
                Some(self.push(&node.name, dense, vec![source], node.shape.clone()))
            }
            _ => None,
        }
    }

    /// A sum, or mean, of squares of a difference.
    fn squared_error(&mut self, node: &Node, input: ValueId, weights: &Matrix, bias: &[f64]) -> Option<ValueId> {
        let (&[bias], Some(&first)) = (bias, weights.data.first()) else { return None };
        let Operator::Map(Function::Square) = self.operator(input)? else { return None };
        let difference = self.out.node(self.source(input)?)?;
        let is_sum = weights.data.iter().all(|weight| *weight == first);
        let &[a, b] = &difference.inputs[..] else { return None };
        if !is_sum || difference.operator != Operator::Sub || self.width(a) != self.width(b) {
            return None;
        }
        let error = self.push(&node.name, Operator::SquaredError, vec![a, b], vec![1]);
        let scale = Operator::Affine { factor: vec![first], offset: vec![bias] };
        Some(self.push(&node.name, scale, vec![error], node.shape.clone()))
    }

    fn conv(&mut self, node: &Node, input: ValueId, conv: &Conv) -> Option<ValueId> {
        if let Some(dense) = as_dense(conv) {
            return Some(self.push(&node.name, dense, node.inputs.clone(), node.shape.clone()));
        }
        let source = self.source(input)?;
        let window = &conv.window;
        match self.operator(input)? {
            Operator::Conv(inner) if is_padding(inner) => {
                let window = padded(window, inner)?;
                let conv = Conv { image: inner.image, window, ..conv.clone() };
                Some(self.push(&node.name, Operator::Conv(conv), vec![source], node.shape.clone()))
            }
            Operator::Affine { factor, offset } if !self.is_feature(source) => {
                let channels = conv.image[2];
                let (factor, offset) = (of_channels(factor, channels)?, of_channels(offset, channels)?);
                let pads = window.before != [0, 0] || window.after != [0, 0];
                if pads && offset.iter().any(|&offset| offset != 0.0) {
                    return None;
                }
                let mut folded = conv.clone();
                let (of_group, outputs) = (channels / conv.groups.max(1), conv.bias.len() / conv.groups.max(1));
                for output in 0..conv.bias.len() {
                    let first = output / outputs.max(1) * of_group;
                    let row = folded.weights.row_mut(output);
                    for (at, weight) in row.iter_mut().enumerate() {
                        let channel = first + at % of_group.max(1);
                        folded.bias[output] += *weight * offset[channel];
                        *weight *= factor[channel];
                    }
                }
                Some(self.push(&node.name, Operator::Conv(folded), vec![source], node.shape.clone()))
            }
            _ => None,
        }
    }

    fn pool(&mut self, node: &Node, input: ValueId, pool: &Pool) -> Option<ValueId> {
        let window = &pool.window;
        let pads = window.before != [0, 0] || window.after != [0, 0];
        if *window == WindowSpec::valid([1, 1]) {
            return Some(input);
        }
        if pool.kind == PoolKind::MeanWithPadding && !pads {
            let pool = Pool { kind: PoolKind::Mean, ..pool.clone() };
            return Some(self.push(&node.name, Operator::Pool(pool), node.inputs.clone(), node.shape.clone()));
        }
        let Operator::Conv(inner) = self.operator(input)? else { return None };
        let source = self.source(input)?;
        let is_positive = matches!(self.operator(source), Some(Operator::Clip { lo, .. }) if *lo >= 0.0);
        let kind = match pool.kind {
            PoolKind::MeanWithPadding => PoolKind::MeanWithPadding,
            PoolKind::Mean if !pads => PoolKind::MeanWithPadding,
            // No tap is below the zero of the padding.
            PoolKind::Max if is_positive => PoolKind::Max,
            _ => return None,
        };
        let window = padded(window, inner).filter(|_| is_padding(inner))?;
        let is_seen = |axis: usize| window.before[axis].max(window.after[axis]) < window.kernel[axis];
        if !(is_seen(0) && is_seen(1)) {
            return None;
        }
        let pool = Pool { kind, image: inner.image, window };
        Some(self.push(&node.name, Operator::Pool(pool), vec![source], node.shape.clone()))
    }
}

/// Biases under an affine map.
fn after(bias: &[f64], factor: &[f64], offset: &[f64]) -> Vec<f64> {
    bias.iter().zip(factor.iter().zip(offset)).map(|(bias, (factor, offset))| factor * bias + offset).collect()
}

/// One value a channel, where all pixels have the same.
fn of_channels(values: &[f64], channels: usize) -> Option<Vec<f64>> {
    let mut pixels = values.chunks_exact(channels.max(1));
    let first = pixels.next()?;
    pixels.all(|pixel| pixel == first).then(|| first.to_vec())
}

/// Whether a convolution does nothing but put zeros around its image.
fn is_padding(conv: &Conv) -> bool {
    let window = WindowSpec { before: [0; 2], after: [0; 2], ..conv.window };
    window == WindowSpec::valid([1, 1])
        && conv.groups == conv.image[2]
        && conv.bias.len() == conv.groups
        && conv.weights.data.iter().all(|&weight| weight == 1.0)
        && conv.bias.iter().all(|&bias| bias == 0.0)
}

/// A window with another's padding besides its own.
fn padded(window: &WindowSpec, inner: &Conv) -> Option<WindowSpec> {
    let sum = |a: [u16; 2], b: [u16; 2]| Some([a[0].checked_add(b[0])?, a[1].checked_add(b[1])?]);
    Some(WindowSpec {
        before: sum(window.before, inner.window.before)?,
        after: sum(window.after, inner.window.after)?,
        ..*window
    })
}

/// A convolution at one position that sees the whole image.
fn as_dense(conv: &Conv) -> Option<Operator> {
    let [height, width, channels] = conv.image;
    let [rows, columns, _] = conv.output();
    let WindowSpec { kernel, dilation, before, .. } = conv.window;
    let covers = |axis: usize, size: usize| {
        size == 1 || dilation[axis] == 1 && usize::from(before[axis]) + size <= usize::from(kernel[axis])
    };
    let sees = |axis: usize, size: usize| {
        let (before, dilation) = (usize::from(before[axis]), usize::from(dilation[axis]));
        size > 1 || before.is_multiple_of(dilation) && before / dilation < usize::from(kernel[axis])
    };
    let whole = covers(0, height) && covers(1, width) && sees(0, height) && sees(1, width);
    if conv.groups != 1 || rows != 1 || columns != 1 || !whole {
        return None;
    }
    let tap = |axis: usize, at: usize| (at + usize::from(before[axis])) / usize::from(dilation[axis]);
    let mut weights = Matrix::zeros(conv.bias.len(), height * width * channels);
    for output in 0..conv.bias.len() {
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
            let from = (tap(0, row) * usize::from(kernel[1]) + tap(1, column)) * channels;
            let to = (row * width + column) * channels;
            let taken = conv.weights.row(output)[from..][..channels].to_vec();
            weights.row_mut(output)[to..][..channels].copy_from_slice(&taken);
        }
    }
    Some(Operator::Dense { weights, bias: conv.bias.clone() })
}

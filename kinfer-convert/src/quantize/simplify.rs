//! Folds what needs no operator of its own into the operators beside it.

use super::chain::Unary;
use super::lower::{Key, Kind, Op};
use crate::graph::{Affine, Conv, Function, Matrix, Operator, Pool, PoolKind, ValueId};
use crate::kinf::WindowSpec;

/// Folds, and tells which value the scores are.
pub(super) fn simplify(ops: &mut [Option<Op>], scores: ValueId) -> Key {
    let mut folding = Folding { ops, scores, last: false };
    // What a fold uncovers is folded in the next pass.
    for pass in 0..PASSES {
        folding.last = pass + 1 == PASSES;
        (1..folding.ops.len()).for_each(|value| folding.fold(value));
    }
    folding.scores
}

/// Passes over all operators.
const PASSES: usize = 3;
/// Weights of a layer that is made of a mean.
const MOST_MEANS: usize = 2048;

struct Folding<'a> {
    ops: &'a mut [Option<Op>],
    scores: Key,
    last: bool,
}

impl Folding<'_> {
    fn fold(&mut self, value: Key) {
        let Some(op) = &self.ops[value] else { return };
        let input = op.inputs[0];
        match &op.kind {
            Kind::Plain(Operator::Reshape) => self.forward(value, input),
            Kind::Plain(Operator::Concat { .. }) if op.inputs.len() == 1 => self.forward(value, input),
            Kind::Plain(Operator::Select { indices }) => {
                let indices = indices.clone();
                self.select(value, input, &indices);
            }
            Kind::Plain(Operator::Affine { factor, offset }) => {
                let maps = factor.iter().zip(offset).map(|(&factor, &offset)| Affine { factor, offset }).collect();
                self.affine(value, input, maps);
            }
            &Kind::Plain(Operator::Clip { lo, hi }) => self.clip(value, input, lo, hi),
            Kind::Plain(Operator::Pool(pool)) => {
                let layer = means(pool).filter(|_| !op.is_clipped());
                if let (Some(layer), Some(op)) = (layer, &mut self.ops[value]) {
                    op.kind = Kind::Plain(layer);
                }
            }
            // A product has a grid of its own for each element, a table has one for all.
            Kind::Chain(chain) if self.last && chain.0 == [Unary::Function(Function::Square)] => {
                if let Some(op) = &mut self.ops[value] {
                    op.inputs = vec![input, input];
                    op.kind = Kind::Plain(Operator::Mul);
                }
            }
            Kind::Chain(chain) => {
                let next = chain.0.clone();
                self.absorb(value, input, |before| match &mut before.kind {
                    Kind::Chain(chain) => {
                        chain.0.extend(next);
                        true
                    }
                    _ => false,
                });
            }
            _ => {}
        }
    }

    /// Everybody who reads `value` reads `input` from here on.
    fn forward(&mut self, value: Key, input: Key) {
        let inputs = self.ops.iter_mut().flatten().flat_map(|op| &mut op.inputs);
        inputs.filter(|key| **key == value).for_each(|key| *key = input);
        if self.scores == value {
            self.scores = input;
        }
        self.ops[value] = None;
    }

    fn readers(&self, value: Key) -> Vec<Key> {
        let reads = |op: &&Op| op.inputs.contains(&value);
        self.ops.iter().flatten().filter(reads).map(|op| op.value).collect()
    }

    /// Lets the operator before `value` take it up, if nobody else reads that one's value. It then makes `value` itself.
    fn absorb(&mut self, value: Key, input: Key, take: impl FnOnce(&mut Op) -> bool) -> bool {
        if self.readers(input) != [value] || self.scores == input {
            return false;
        }
        let Some(mut before) = self.ops[input].clone() else { return false };
        if !take(&mut before) {
            return false;
        }
        before.value = value;
        if !before.is_clipped() {
            before.linear = value;
        }
        if let Some(op) = &self.ops[value] {
            before.shape.clone_from(&op.shape);
        }
        self.ops[value] = Some(before);
        self.ops[input] = None;
        true
    }

    fn select(&mut self, value: Key, input: Key, indices: &[usize]) {
        if self.ops[input].as_ref().is_some_and(|op| op.width() == indices.len())
            && indices.iter().copied().eq(0..indices.len())
        {
            return self.forward(value, input);
        }
        let clipped = self.ops[input].as_ref().is_some_and(Op::is_clipped);
        let absorbed = self.absorb(value, input, |before| match &mut before.kind {
            // The graph has no value for the sums of a clipped layer whose rows are in another order.
            Kind::Plain(Operator::Dense { weights, bias }) if !clipped => {
                let rows = indices.iter().flat_map(|&row| weights.row(row).to_vec()).collect();
                *weights = Matrix { columns: weights.columns, data: rows };
                *bias = indices.iter().map(|&row| bias[row]).collect();
                true
            }
            Kind::Plain(Operator::Select { indices: first }) => {
                *first = indices.iter().map(|&element| first[element]).collect();
                true
            }
            _ => false,
        });
        if absorbed {
            return;
        }
        // Dense layers that read it read the places themselves.
        let readers = self.readers(value);
        let all_dense = !readers.is_empty()
            && value != self.scores
            && readers.iter().all(|&reader| matches!(self.kind(reader), Some(Kind::Plain(Operator::Dense { .. }))));
        let Some(columns) = self.ops[input].as_ref().map(Op::width) else { return };
        if !all_dense {
            return;
        }
        for reader in readers {
            let Some(op) = &mut self.ops[reader] else { continue };
            let Kind::Plain(Operator::Dense { weights, .. }) = &mut op.kind else { continue };
            let mut wide = Matrix::zeros(weights.rows(), columns);
            for (to, from) in wide.data.chunks_exact_mut(columns).zip(weights.iter_rows()) {
                indices.iter().zip(from).for_each(|(&element, weight)| to[element] += weight);
            }
            *weights = wide;
            op.inputs[0] = input;
        }
        self.ops[value] = None;
    }

    fn kind(&self, value: Key) -> Option<&Kind> {
        self.ops[value].as_ref().map(|op| &op.kind)
    }

    fn affine(&mut self, value: Key, input: Key, maps: Vec<Affine>) {
        if self.absorb(value, input, |before| scale(before, &maps)) {
            return;
        }
        let readers = self.readers(value);
        let takes = |reader: &Key| self.ops[*reader].as_ref().is_some_and(|op| takes(op, &maps));
        if value != self.scores && !readers.is_empty() && readers.iter().all(takes) {
            for reader in readers {
                if let Some(op) = &mut self.ops[reader] {
                    op.inputs[0] = input;
                    prescale(op, &maps);
                }
            }
            self.ops[value] = None;
            return;
        }
        if !self.last {
            return;
        }
        // What is left is a depthwise convolution with windows of one pixel.
        let channels = period(&maps);
        let conv = Conv {
            weights: Matrix { columns: 1, data: maps[..channels].iter().map(|map| map.factor).collect() },
            bias: maps[..channels].iter().map(|map| map.offset).collect(),
            image: [1, maps.len() / channels, channels],
            window: WindowSpec::valid([1, 1]),
            groups: channels,
        };
        if let Some(op) = &mut self.ops[value] {
            op.kind = Kind::Plain(Operator::Conv(conv));
        }
    }

    fn clip(&mut self, value: Key, input: Key, lo: f64, hi: f64) {
        self.absorb(value, input, |before| match &mut before.kind {
            Kind::Chain(chain) => {
                chain.0.push(Unary::Clip { lo, hi });
                true
            }
            Kind::Plain(
                Operator::Dense { .. }
                | Operator::Conv(_)
                | Operator::Add
                | Operator::Sub
                | Operator::Mul
                | Operator::Distance { .. },
            ) => {
                before.lo = before.lo.max(lo).min(hi);
                before.hi = before.hi.min(hi).max(lo);
                true
            }
            _ => false,
        });
    }
}

/// Means of few elements as a dense layer, which rounds their sums once and takes up what is around it.
fn means(pool: &Pool) -> Option<Operator> {
    let inputs = pool.image.iter().product::<usize>();
    let outputs = pool.output().iter().product::<usize>();
    let window = &pool.window;
    let is_padded = window.before != [0, 0] || window.after != [0, 0];
    if pool.kind == PoolKind::Max || is_padded || inputs * outputs > MOST_MEANS {
        return None;
    }
    let [_, width, channels] = pool.image;
    let [_, columns, _] = pool.output();
    let [stride_y, stride_x] = window.stride.map(usize::from);
    let [dilation_y, dilation_x] = window.dilation.map(usize::from);
    let [height_of, width_of] = window.kernel.map(usize::from);
    let mut weights = Matrix::zeros(outputs, inputs);
    for output in 0..outputs {
        let (position, channel) = (output / channels, output % channels);
        let (y, x) = (position / columns * stride_y, position % columns * stride_x);
        for (i, j) in (0..height_of).flat_map(|i| (0..width_of).map(move |j| (i, j))) {
            let pixel = (y + i * dilation_y) * width + x + j * dilation_x;
            weights.row_mut(output)[pixel * channels + channel] = 1.0 / (height_of * width_of) as f64;
        }
    }
    Some(Operator::Dense { weights, bias: vec![0.0; outputs] })
}

/// How many maps there are before they repeat.
fn period(maps: &[Affine]) -> usize {
    let repeats =
        |period: &usize| maps.len().is_multiple_of(*period) && maps.iter().zip(&maps[*period..]).all(|(a, b)| a == b);
    (1..=maps.len()).find(repeats).unwrap_or(maps.len())
}

/// Folds maps of its outputs into an operator, if it takes them.
fn scale(op: &mut Op, maps: &[Affine]) -> bool {
    if op.is_clipped() {
        return false;
    }
    match &mut op.kind {
        Kind::Plain(Operator::Dense { weights, bias }) => {
            scale_rows(weights, bias, maps);
            true
        }
        Kind::Plain(Operator::Conv(conv)) => {
            let channels = conv.bias.len();
            if !channels.is_multiple_of(period(maps)) {
                return false;
            }
            scale_rows(&mut conv.weights, &mut conv.bias, &maps[..channels]);
            true
        }
        Kind::Plain(Operator::Trees(ensemble)) => {
            ensemble.scale(maps);
            true
        }
        Kind::Plain(Operator::Distance { centroids, weights, bias }) if maps.iter().all(|map| map.factor > 0.0) => {
            let mut scaled = weights.clone().unwrap_or_else(|| {
                let mut ones = Matrix::zeros(centroids.rows(), centroids.columns);
                ones.data.fill(1.0);
                ones
            });
            scale_rows(&mut scaled, bias, maps);
            *weights = Some(scaled);
            true
        }
        Kind::SquaredError { factor } => match *maps {
            [map] if map.factor > 0.0 && map.offset == 0.0 => {
                *factor *= map.factor;
                true
            }
            _ => false,
        },
        Kind::Chain(chain) if period(maps) == 1 => {
            chain.0.push(Unary::Affine(maps[0]));
            true
        }
        _ => false,
    }
}

fn scale_rows(weights: &mut Matrix, bias: &mut [f64], maps: &[Affine]) {
    for ((row, bias), map) in weights.data.chunks_exact_mut(weights.columns).zip(bias).zip(maps) {
        row.iter_mut().for_each(|weight| *weight *= map.factor);
        *bias = map.at(*bias);
    }
}

/// Whether an operator can take up maps of its input.
fn takes(op: &Op, maps: &[Affine]) -> bool {
    match &op.kind {
        Kind::Plain(Operator::Dense { .. }) => true,
        Kind::Plain(Operator::Conv(conv)) => {
            let padded = conv.window.before != [0, 0] || conv.window.after != [0, 0];
            let still = maps.iter().all(|map| map.offset == 0.0);
            (still || !padded) && conv.image[2].is_multiple_of(period(maps))
        }
        Kind::Chain(_) => period(maps) == 1,
        _ => false,
    }
}

/// Folds maps of its input into an operator that takes them.
fn prescale(op: &mut Op, maps: &[Affine]) {
    match &mut op.kind {
        Kind::Plain(Operator::Dense { weights, bias }) => {
            for (row, bias) in weights.data.chunks_exact_mut(maps.len()).zip(bias) {
                for (weight, map) in row.iter_mut().zip(maps) {
                    *bias += *weight * map.offset;
                    *weight *= map.factor;
                }
            }
        }
        Kind::Plain(Operator::Conv(conv)) => {
            let of_group = conv.image[2] / conv.groups;
            let outputs_of_group = conv.bias.len() / conv.groups;
            for (output, bias) in conv.bias.iter_mut().enumerate() {
                let first = output / outputs_of_group * of_group;
                for (tap, weight) in conv.weights.row_mut(output).iter_mut().enumerate() {
                    let map = maps[first + tap % of_group];
                    *bias += *weight * map.offset;
                    *weight *= map.factor;
                }
            }
        }
        Kind::Chain(chain) => *chain = chain.after(Unary::Affine(maps[0])),
        _ => {}
    }
}

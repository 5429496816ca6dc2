//! The graph in double precision: the meaning of every operator.

use super::{Cell, CellKind, Conv, Graph, Node, Operator, Pool, PoolKind, ValueId};

/// State of the graph's cells between rows: the hidden state of each, behind it the cell state of an LSTM.
pub type State = Vec<Vec<f64>>;

impl Graph {
    /// The state before the first row.
    pub fn initial_state(&self) -> State {
        self.nodes
            .iter()
            .filter_map(|node| match &node.operator {
                Operator::Cell(cell) => Some(vec![0.0; cell.hidden * if cell.kind == CellKind::Lstm { 2 } else { 1 }]),
                _ => None,
            })
            .collect()
    }

    /// All values of one row: the features, then what each node makes.
    pub fn values(&self, features: &[f64], state: &mut State) -> Vec<Vec<f64>> {
        let mut values = vec![features.to_vec()];
        let mut cells = state.iter_mut();
        for node in &self.nodes {
            let value = match &node.operator {
                Operator::Cell(cell) => match (cells.next(), node.inputs.first()) {
                    (Some(state), Some(&input)) => cell.step(&values[input], state),
                    _ => vec![0.0; node.width()],
                },
                _ => node.evaluate(&values),
            };
            values.push(value);
        }
        values
    }

    /// Scores of one row of features.
    pub fn scores(&self, features: &[f64], state: &mut State) -> Vec<f64> {
        self.values(features, state).swap_remove(self.scores)
    }
}

impl Node {
    /// What the node makes of the values before it; a cell has a state and is not evaluated here.
    pub(crate) fn evaluate(&self, values: &[Vec<f64>]) -> Vec<f64> {
        let input = |index: usize| -> &[f64] {
            self.inputs.get(index).and_then(|&value: &ValueId| values.get(value)).map_or(&[], Vec::as_slice)
        };
        let x = input(0);
        let second = |at: usize| {
            let second = input(1);
            if second.len() == 1 { second[0] } else { second.get(at).copied().unwrap_or(0.0) }
        };
        let pairs =
            |combine: fn(f64, f64) -> f64| x.iter().enumerate().map(|(at, &x)| combine(x, second(at))).collect();
        match &self.operator {
            Operator::Dense { weights, bias } => {
                let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                weights.iter_rows().zip(bias).map(|(row, bias)| dot(row) + bias).collect()
            }
            Operator::Conv(conv) => conv.evaluate(x),
            Operator::Pool(pool) => pool.evaluate(x),
            Operator::Affine { factor, offset } => {
                x.iter().zip(factor.iter().zip(offset)).map(|(x, (factor, offset))| factor * x + offset).collect()
            }
            Operator::Clip { lo, hi } => x.iter().map(|x| x.max(*lo).min(*hi)).collect(),
            Operator::Map(function) => x.iter().map(|&x| function.value(x)).collect(),
            Operator::Softmax { row } => x.chunks(*row.max(&1)).flat_map(softmax).collect(),
            Operator::Add => pairs(|a, b| a + b),
            Operator::Sub => pairs(|a, b| a - b),
            Operator::Mul => pairs(|a, b| a * b),
            Operator::Concat { rows } => {
                let parts: Vec<_> = (0..self.inputs.len()).map(input).collect();
                let part = |part: &[f64], row: usize| {
                    let width = part.len() / rows.max(&1);
                    part[row * width..][..width].to_vec()
                };
                (0..*rows).flat_map(|row| parts.iter().flat_map(move |x| part(x, row))).collect()
            }
            Operator::Select { indices } => indices.iter().map(|&at| x.get(at).copied().unwrap_or(0.0)).collect(),
            Operator::Reshape => x.to_vec(),
            Operator::OneHot { categories } => {
                let x = x.first().copied().unwrap_or(f64::NAN);
                categories.iter().map(|&category| if x == category { 1.0 } else { 0.0 }).collect()
            }
            Operator::Trees(ensemble) => ensemble.scores(x),
            Operator::Distance { centroids, weights, bias } => {
                let weight = |k: usize, i: usize| weights.as_ref().map_or(1.0, |weights| weights.row(k)[i]);
                let distance = |k: usize, centroid: &[f64]| {
                    x.iter().zip(centroid).enumerate().map(|(i, (x, c))| weight(k, i) * (x - c) * (x - c)).sum::<f64>()
                };
                centroids.iter_rows().enumerate().zip(bias).map(|((k, row), bias)| distance(k, row) + bias).collect()
            }
            Operator::SquaredError => {
                vec![x.iter().enumerate().map(|(at, x)| (x - second(at)) * (x - second(at))).sum()]
            }
            Operator::Cell(_) => vec![],
        }
    }
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<_> = row.iter().map(|x| (x - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Rows and columns of the image that the taps of one position see; nothing for the padding.
fn taps(
    window: &crate::kinf::WindowSpec,
    image: [usize; 3],
    [y, x]: [usize; 2],
) -> impl Iterator<Item = Option<[usize; 2]>> {
    let place = move |axis: usize, position: usize, tap: usize| {
        let at = position * usize::from(window.stride[axis]) + tap * usize::from(window.dilation[axis]);
        at.checked_sub(usize::from(window.before[axis])).filter(|&at| at < image[axis])
    };
    let [height, width] = window.kernel.map(usize::from);
    (0..height).flat_map(move |i| {
        let row = place(0, y, i);
        (0..width).map(move |j| Some([row?, place(1, x, j)?]))
    })
}

impl Conv {
    /// Height, width and channels of what it makes.
    pub fn output(&self) -> [usize; 3] {
        let [height, width, _] = self.image;
        let [rows, columns] = self.window.positions(height as u32, width as u32).map(|size| size as usize);
        [rows, columns, self.bias.len()]
    }

    /// Row of the weights, and element of the input, of each tap in the image at one position of one output channel.
    pub fn evaluate(&self, x: &[f64]) -> Vec<f64> {
        let [rows, columns, outputs] = self.output();
        let [_, width, channels] = self.image;
        let of_group = channels / self.groups.max(1);
        let outputs_of_group = (outputs / self.groups.max(1)).max(1);
        let mut out = Vec::with_capacity(rows * columns * outputs);
        for position in (0..rows).flat_map(|y| (0..columns).map(move |x| [y, x])) {
            let taps: Vec<_> = taps(&self.window, self.image, position).collect();
            for (output, bias) in self.bias.iter().enumerate() {
                let first = output / outputs_of_group * of_group;
                let weights = self.weights.row(output).chunks_exact(of_group.max(1));
                let sum = taps.iter().zip(weights).map(|(tap, weights)| match tap {
                    Some([row, column]) => {
                        let pixel = &x[(row * width + column) * channels + first..][..of_group];
                        pixel.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>()
                    }
                    None => 0.0,
                });
                out.push(bias + sum.sum::<f64>());
            }
        }
        out
    }
}

impl Pool {
    /// Height, width and channels of what it makes.
    pub fn output(&self) -> [usize; 3] {
        let [height, width, channels] = self.image;
        let [rows, columns] = self.window.positions(height as u32, width as u32).map(|size| size as usize);
        [rows, columns, channels]
    }

    fn evaluate(&self, x: &[f64]) -> Vec<f64> {
        let [rows, columns, channels] = self.output();
        let [_, width, _] = self.image;
        let mut out = Vec::with_capacity(rows * columns * channels);
        for position in (0..rows).flat_map(|y| (0..columns).map(move |x| [y, x])) {
            let taps: Vec<_> = taps(&self.window, self.image, position).collect();
            for channel in 0..channels {
                let seen = taps.iter().flatten().map(|[row, column]| x[(row * width + column) * channels + channel]);
                out.push(match self.kind {
                    PoolKind::Max => seen.fold(f64::NEG_INFINITY, f64::max),
                    PoolKind::Mean => seen.clone().sum::<f64>() / seen.count().max(1) as f64,
                    PoolKind::MeanWithPadding => seen.sum::<f64>() / taps.len().max(1) as f64,
                });
            }
        }
        out
    }
}

impl Cell {
    /// Number of gates.
    pub fn gates(&self) -> usize {
        if self.kind == CellKind::Lstm { 4 } else { 3 }
    }

    /// One time step: the hidden state after it.
    pub fn step(&self, x: &[f64], state: &mut [f64]) -> Vec<f64> {
        let n = self.hidden;
        let (h, c) = state.split_at_mut(n);
        let before = h.to_vec();
        let bias = |gate: usize, of_hidden: bool, unit: usize| {
            let first = if of_hidden { self.gates() * n } else { 0 };
            self.b.get(first + gate * n + unit).copied().unwrap_or(0.0)
        };
        let dot = |weights: &[f64], x: &[f64]| weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        let of_input = |gate: usize, unit: usize| {
            dot(&self.w[(gate * n + unit) * x.len()..][..x.len()], x) + bias(gate, false, unit)
        };
        let of_hidden = |gate: usize, unit: usize, h: &[f64]| {
            dot(&self.r[(gate * n + unit) * n..][..n], h) + bias(gate, true, unit)
        };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        match self.kind {
            CellKind::Gru { linear_before_reset } => {
                let gate = |gate: usize, unit: usize| sigmoid(of_input(gate, unit) + of_hidden(gate, unit, &before));
                let reset: Vec<_> = (0..n).map(|unit| gate(1, unit)).collect();
                let after_reset: Vec<_> = reset.iter().zip(&before).map(|(r, h)| r * h).collect();
                for unit in 0..n {
                    let recurrent = if linear_before_reset {
                        reset[unit] * of_hidden(2, unit, &before)
                    } else {
                        of_hidden(2, unit, &after_reset)
                    };
                    let candidate = (of_input(2, unit) + recurrent).tanh();
                    let z = gate(0, unit);
                    h[unit] = (1.0 - z) * candidate + z * before[unit];
                }
            }
            CellKind::Lstm => {
                for unit in 0..n {
                    let sum = |gate: usize| of_input(gate, unit) + of_hidden(gate, unit, &before);
                    let (i, o, f) = (sigmoid(sum(0)), sigmoid(sum(1)), sigmoid(sum(2)));
                    c[unit] = f * c[unit] + i * sum(3).tanh();
                    h[unit] = o * c[unit].tanh();
                }
            }
        }
        h.to_vec()
    }
}

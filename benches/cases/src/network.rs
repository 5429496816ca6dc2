//! Random networks whose activations look like those of a trained one.

use kinfer::format::ElementType;

use crate::rng::Rng;

/// What follows a layer's accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The accumulator itself is the score.
    Score,
    /// Requantised, negative values cut.
    Relu,
    /// Requantised, then a table.
    Sigmoid,
}

/// How a layer's accumulator becomes an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// A 31-bit mantissa for each channel, one shift, half to even: what the converter chooses.
    PerChannel,
    /// One power of two for all channels, rounded down.
    PowerOfTwo,
}

/// A fully connected layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Elements that it reads.
    pub inputs: usize,
    /// Channels.
    pub outputs: usize,
    /// `[output][input]`.
    pub weights: Vec<i8>,
    /// One a channel.
    pub biases: Vec<i64>,
    /// Accumulator → activation: one mantissa a channel.
    pub multipliers: Vec<i32>,
    /// Accumulator → activation, the same for all channels.
    pub shift: u8,
    /// What follows.
    pub activation: Activation,
    /// Real size of a unit of the input, whose zero point is 0.
    pub input_scale: f64,
    /// Real size of a unit of what comes out of requantisation, or of the score.
    pub output_scale: f64,
}

impl Layer {
    /// Real size of one unit of the weights of `channel`: what makes the float network the same as the integer one.
    pub fn weight_scale(&self, channel: usize) -> f64 {
        let factor = f64::from(self.multipliers[channel]) / 2f64.powi(i32::from(self.shift));
        factor * self.output_scale / self.input_scale
    }

    /// Real size of a unit of the activation: a sigmoid's table reaches from 0 to the type's largest value.
    pub fn active_scale(&self, element: ElementType) -> f64 {
        if self.activation == Activation::Sigmoid { 1.0 / f64::from(element.range().1) } else { self.output_scale }
    }

    fn run(&self, row: &[i32], scaling: Scaling, element: ElementType) -> Vec<i32> {
        let (least, top) = element.range();
        let channel = |(j, weights): (usize, &[i8])| {
            let sum: i64 = weights.iter().zip(row).map(|(&w, &x)| i64::from(w) * i64::from(x)).sum();
            let q = scale(sum + self.biases[j], self.multipliers[j], self.shift, scaling);
            match self.activation {
                Activation::Score => q as i32,
                Activation::Relu => q.clamp(0, top.into()) as i32,
                Activation::Sigmoid => {
                    let q = q.clamp(least.into(), top.into());
                    self.sigmoid_table()[(q - i64::from(least)) as usize].into()
                }
            }
        };
        self.weights.chunks_exact(self.inputs).enumerate().map(channel).collect()
    }

    /// The table of a sigmoid over all values of int8, -128 first.
    pub fn sigmoid_table(&self) -> Vec<i8> {
        let value = |q: i32| 127.0 / (1.0 + (-f64::from(q) * self.output_scale).exp());
        (-128..=127).map(|q| value(q).round() as i8).collect()
    }
}

/// What a network is made of.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Elements of each activation, the input first.
    pub sizes: Vec<usize>,
    /// What follows each layer but the last.
    pub hidden: Activation,
    /// Requantisation of the layers but the last.
    pub scaling: Scaling,
    /// Type of inputs and hidden activations.
    pub element: ElementType,
    /// Smallest and largest input.
    pub input: (i32, i32),
    /// Share of the inputs that are zero whatever `input` says.
    pub zeros: f64,
}

/// A network and the rows it is measured on.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its layers.
    pub layers: Vec<Layer>,
    /// Type of inputs and hidden activations.
    pub element: ElementType,
    /// Requantisation of the layers but the last.
    pub scaling: Scaling,
    /// Smallest and largest input.
    pub input: (i32, i32),
    /// Whether layers may skip zero inputs.
    pub skip_zeros: bool,
    /// Rows of quantised inputs.
    pub rows: Vec<Vec<i32>>,
}

/// Real size of a unit of every tensor but the scores: for int8 the range is then a little below ±8.
const SCALE: f64 = 1.0 / 16.0;

impl Network {
    /// Draws weights and `rows` inputs, and sets each layer's requantisation so that three standard deviations of its
    /// accumulators just fit: about half the activations of a ReLU are then zero, and hardly one saturates.
    pub fn random(seed: u64, shape: &Shape, rows: usize) -> Self {
        let mut rng = Rng::new(seed);
        let width = shape.sizes[0];
        let rows: Vec<Vec<i32>> = (0..rows).map(|_| row(&mut rng, shape, width)).collect();
        let mut activations = rows.clone();
        let (mut layers, mut scale) = (Vec::new(), SCALE);
        for (index, pair) in shape.sizes.windows(2).enumerate() {
            let last = index + 2 == shape.sizes.len();
            let activation = if last { Activation::Score } else { shape.hidden };
            let layer = layer(&mut rng, shape, activation, (pair[0], pair[1]), &activations, scale);
            activations = activations.iter().map(|row| layer.run(row, shape.scaling, shape.element)).collect();
            scale = layer.active_scale(shape.element);
            layers.push(layer);
        }
        let Shape { element, scaling, input, zeros, .. } = *shape;
        Self { layers, element, scaling, input, skip_zeros: zeros > 0.0, rows }
    }

    /// The scores of a row, by the definition of the operators: what every implementation has to give.
    pub fn scores(&self, row: &[i32]) -> Vec<i32> {
        self.layers.iter().fold(row.to_vec(), |row, layer| layer.run(&row, self.scaling, self.element))
    }

    /// Weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.weights.len() + layer.biases.len()).sum()
    }

    /// Largest activation.
    pub fn top(&self) -> i32 {
        self.element.range().1
    }
}

fn row(rng: &mut Rng, shape: &Shape, width: usize) -> Vec<i32> {
    let (lo, hi) = shape.input;
    (0..width).map(|_| if rng.unit() < shape.zeros { 0 } else { rng.int(lo, hi) }).collect()
}

fn layer(
    rng: &mut Rng,
    shape: &Shape,
    activation: Activation,
    (inputs, outputs): (usize, usize),
    rows: &[Vec<i32>],
    input_scale: f64,
) -> Layer {
    let weights: Vec<i8> = (0..inputs * outputs).map(|_| rng.int(-127, 127) as i8).collect();
    let spread = rows.iter().flatten().map(|&x| f64::from(x).powi(2)).sum::<f64>() / rows.len() as f64;
    let deviation = spread.sqrt() * 73.3; // of uniform weights in -127..=127
    let biases = (0..outputs).map(|_| ((rng.unit() - 0.5) * deviation) as i64).collect();
    let factor = f64::from(shape.element.range().1) / (3.0 * deviation);
    let (multipliers, shift) = match (activation, shape.scaling) {
        (Activation::Score, _) => (vec![1; outputs], 0),
        (_, Scaling::PowerOfTwo) => (vec![1; outputs], (-factor.log2()).round() as u8),
        (_, Scaling::PerChannel) => {
            let shift = 30 - factor.log2().ceil() as i32;
            let mantissa = factor * 2f64.powi(shift);
            ((0..outputs).map(|_| (mantissa * (0.7 + 0.6 * rng.unit())) as i32).collect(), shift as u8)
        }
    };
    let output_scale = if activation == Activation::Score { input_scale / 256.0 } else { SCALE };
    Layer { inputs, outputs, weights, biases, multipliers, shift, activation, input_scale, output_scale }
}

fn scale(sum: i64, multiplier: i32, shift: u8, scaling: Scaling) -> i64 {
    let product = sum * i64::from(multiplier);
    match scaling {
        Scaling::PerChannel if shift > 0 => {
            let odd = (product >> shift) & 1;
            (product + (1 << (shift - 1)) - 1 + odd) >> shift
        }
        Scaling::PerChannel | Scaling::PowerOfTwo => product >> shift,
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn hidden_activations_are_neither_all_zero_nor_all_saturated() {
        for case in crate::all() {
            let crate::cases::Body::Network(network) = &case.body else { continue };
            let mut rows = network.rows.clone();
            for layer in &network.layers[..network.layers.len() - 1] {
                rows = rows.iter().map(|row| layer.run(row, network.scaling, network.element)).collect();
                let all = (rows.len() * layer.outputs) as f64;
                let share = |of: &dyn Fn(i32) -> bool| rows.iter().flatten().filter(|&&x| of(x)).count() as f64 / all;
                let (zero, top) = (share(&|x| x == 0), share(&|x| x == network.top()));
                assert!(zero < 0.75 && top < 0.1, "{}: {zero:.2} are zero, {top:.2} saturated", case.name);
            }
        }
    }
}

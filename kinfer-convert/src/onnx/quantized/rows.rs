//! Dense layers and convolutions as the engine's records.

use kinfer::format::Rounding;

use super::super::GraphError;
use super::super::node::Site;
use super::builder::{Builder, image_dims};
use super::factor;
use super::kind::Params;
use super::layout::Order;
use super::value::{Body, Integers, Rows};
use crate::kinf::{ConvSpec, DenseSpec, OperatorSpec, RowsSpec, WeightsSpec, WindowSpec};

/// A bias that is so many output units off is left as it is.
const BIAS_ERROR: f64 = 1.0 / (1 << 20) as f64;
/// Weights are made finer by at most so many bits, for a bias that is no whole number of the sum's units.
const MOST_FINER: u32 = 12;

/// What sums become.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    /// A quantised tensor, with the smallest and largest of its numbers.
    Grid { params: Params, lo: i32, hi: i32 },
    /// Int32 scores.
    Scores { scale: f64, lo: i32, hi: i32 },
}

impl Builder {
    /// The operator of `rows`; `factors` are output units a unit of the sum, one an output.
    pub(super) fn rows(
        &mut self,
        rows: &Rows,
        factors: &[f64],
        output: &Output,
        site: &Site,
    ) -> Result<Integers, GraphError> {
        match &rows.body {
            Body::Dense(dims) => {
                // Outputs that are an image lie as one.
                let order = Order::channel_last(dims);
                let encoded = encode(rows, factors, output, dense_weights(rows), site)?;
                let encoded = ordered(encoded, &order, rows.input.elements());
                let input = rows.input.tensor as u16;
                Ok(self.emit_to(output, dims, order, |output| {
                    OperatorSpec::Dense(DenseSpec { input, output, rows: encoded, skip_zeros: false })
                }))
            }
            Body::Each => {
                if !rows.input.order.is_identity() {
                    return Err(GraphError::unsupported(site, "its input lies in an order that it does not read"));
                }
                let mut dims = rows.input.dims.clone();
                let inputs = dims.pop().unwrap_or(1);
                let places: usize = dims.iter().product();
                dims.push(rows.scales.len());
                let encoded = encode(rows, factors, output, rows.weights.clone(), site)?;
                let input = self.shaped(&rows.input, &[1, places, inputs]);
                let shape = [1, places, rows.scales.len()];
                let made = self.emit_flat(output, &shape, |output| {
                    let window = WindowSpec::valid([1, 1]);
                    OperatorSpec::Conv(ConvSpec { input, output, rows: encoded, window, groups: 1 })
                });
                let order = Order::identity(dims.iter().product());
                Ok(Integers { dims, order, ..made })
            }
            Body::Conv { window, groups } => {
                let (input, [height, width, channels]) = self.image(&rows.input, site)?;
                let [y, x] = window.positions(height as u32, width as u32).map(|size| size as usize);
                if y == 0 || x == 0 {
                    return Err(GraphError::node(
                        site,
                        format!("its window {:?} is larger than the padded image {height} × {width}", window.kernel),
                        "the graph is not valid: export it again",
                    ));
                }
                let weights = conv_weights(rows, *window, channels / groups);
                let encoded = encode(rows, factors, output, weights, site)?;
                let dims = image_dims(rows.input.dims.len(), rows.scales.len(), y, x);
                let (window, groups) = (*window, *groups as u32);
                Ok(self.emit_to(output, &dims, Order::channel_last(&dims), |output| {
                    OperatorSpec::Conv(ConvSpec { input, output, rows: encoded, window, groups })
                }))
            }
        }
    }

    fn emit_to(
        &mut self,
        output: &Output,
        dims: &[usize],
        order: Order,
        make: impl FnOnce(u16) -> OperatorSpec,
    ) -> Integers {
        match output {
            Output::Grid { params, .. } => self.emit(params, dims, order, make),
            Output::Scores { scale, .. } => self.emit_scores(*scale, dims, order, make),
        }
    }

    /// An image of the engine `[height, width, channels]` as it lies.
    fn emit_flat(&mut self, output: &Output, shape: &[usize; 3], make: impl FnOnce(u16) -> OperatorSpec) -> Integers {
        let [height, width, channels] = *shape;
        let dims = [channels, height, width];
        self.emit_to(output, &dims, Order::channel_last(&dims), make)
    }
}

/// Columns in the order in which the input lies.
fn dense_weights(rows: &Rows) -> Vec<i32> {
    let order = rows.input.order.numbers();
    let row = |row: &[i32]| order.iter().filter_map(|&number| row.get(number).copied()).collect::<Vec<_>>();
    rows.weights.chunks(order.len().max(1)).flat_map(row).collect()
}

/// Rows in the order in which the outputs lie.
fn ordered(rows: RowsSpec, order: &Order, columns: usize) -> RowsSpec {
    fn of<T: Copy>(values: &[T], order: &Order, columns: usize) -> Vec<T> {
        let rows: Vec<&[T]> = values.chunks(columns.max(1)).collect();
        order.numbers().iter().filter_map(|&number| rows.get(number)).flat_map(|row| row.iter().copied()).collect()
    }
    if order.is_identity() {
        return rows;
    }
    RowsSpec {
        weights: match &rows.weights {
            WeightsSpec::I8(weights) => WeightsSpec::I8(of(weights, order, columns)),
            WeightsSpec::I16(weights) => WeightsSpec::I16(of(weights, order, columns)),
        },
        biases: of(&rows.biases, order, 1),
        multipliers: of(&rows.multipliers, order, 1),
        shifts: of(&rows.shifts, order, 1),
        ..rows
    }
}

/// `[output][channel][tap]` to `[output][tap][channel]`.
fn conv_weights(rows: &Rows, window: WindowSpec, channels: usize) -> Vec<i32> {
    let taps = usize::from(window.kernel[0]) * usize::from(window.kernel[1]);
    let of_output = |row: &[i32]| {
        let at = |tap: usize| (0..channels).filter_map(move |channel| row.get(channel * taps + tap).copied());
        (0..taps).flat_map(at).collect::<Vec<_>>()
    };
    rows.weights.chunks((taps * channels).max(1)).flat_map(of_output).collect()
}

/// Weights in the engine's order, with biases and factors. Where a bias is between two units of the sum, weights and sums
/// are made finer by a power of two.
fn encode(
    rows: &Rows,
    factors: &[f64],
    output: &Output,
    weights: Vec<i32>,
    site: &Site,
) -> Result<RowsSpec, GraphError> {
    let refuse = |what: String, advice: &str| Err(GraphError::node(site, what, advice));
    let biases: Vec<f64> =
        rows.biases.iter().zip(&rows.scales).map(|(bias, &scale)| bias.real / f64::from(scale)).collect();
    let off = |(bias, factor): (&f64, &f64)| (bias - bias.round_ties_even()).abs() * factor;
    let error = biases.iter().zip(factors).map(off).fold(0.0, f64::max);
    let (smallest, largest) =
        weights.iter().fold((0, 0), |(smallest, largest), &weight| (weight.min(smallest), weight.max(largest)));
    let fits = |finer: u32| smallest << finer >= -32_768 && largest << finer <= 32_767;
    if i16::try_from(smallest).is_err() || i16::try_from(largest).is_err() {
        return refuse(
            format!("its weights less their zero point are {smallest} to {largest}, which 16 bits do not hold"),
            "quantise weights symmetrically, with zero point 0",
        );
    }
    let finer = if error > BIAS_ERROR { (0..=MOST_FINER).rev().find(|&finer| fits(finer)).unwrap_or(0) } else { 0 };
    let unit = f64::from(finer).exp2();

    let (mut sums, mut multipliers, mut shifts) = (vec![], vec![], vec![]);
    for (channel, ((units, bias), factor)) in rows.biases.iter().zip(&biases).zip(factors).enumerate() {
        let sum = units.units.checked_mul(1 << finer).map(|units| units as f64 + (bias * unit).round_ties_even());
        let Some(sum) = sum.filter(|sum| sum.abs() < 62f64.exp2()) else {
            return refuse(
                format!("the bias of output {channel} is {bias} units of its sum"),
                "its scale and the weights' are too far apart: quantise the model again",
            );
        };
        let Some((multiplier, shift)) = factor::of_accumulator(factor / unit) else {
            return refuse(
                format!("output {channel} has {factor} units for one of its sum"),
                "its scales are too far apart: quantise the model again",
            );
        };
        // Sums of 53 bits and less are exact as they are.
        sums.push(if *bias == 0.0 { units.units << finer } else { sum as i64 });
        multipliers.push(multiplier);
        shifts.push(shift);
    }
    let narrow: Option<Vec<i8>> =
        if finer == 0 { weights.iter().map(|&weight| i8::try_from(weight).ok()).collect() } else { None };
    let weights = match narrow {
        Some(weights) => WeightsSpec::I8(weights),
        None => WeightsSpec::I16(weights.iter().map(|&weight| (weight << finer) as i16).collect()),
    };
    let (lo, hi) = match *output {
        Output::Grid { lo, hi, .. } | Output::Scores { lo, hi, .. } => (lo, hi),
    };
    Ok(RowsSpec { weights, biases: sums, multipliers, shifts, rounding: Rounding::HalfEven, lo, hi })
}

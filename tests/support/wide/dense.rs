//! Rows of weights.

use kinfer_convert::kinf::{DenseSpec, RowsSpec};
use num_bigint::BigInt;

use super::round::scale;
use super::{Wide, clamp};

pub(super) fn run(dense: &DenseSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let weights = dense.rows.weights.values();
    let channels = weights.chunks(io.input.len()).enumerate();
    channels.map(|(channel, weights)| row(&dense.rows, channel, weights, &io.input, io)).unzip()
}

/// One channel: accumulator and output. `input` is what its weights meet, in their order.
pub(super) fn row(
    rows: &RowsSpec,
    channel: usize,
    weights: &[i64],
    input: &[BigInt],
    io: &Wide<'_>,
) -> (BigInt, BigInt) {
    let zero_in = io.input_tensor().zero_point;
    let products = weights.iter().zip(input).map(|(&weight, q)| (q - zero_in) * weight);
    let acc = products.fold(BigInt::from(rows.biases[channel]), |sum, product| sum + product);
    let scaled = scale(&acc, rows.multipliers[channel], rows.shifts[channel], rows.rounding);
    let out = clamp(scaled + io.output_tensor().zero_point, rows.lo, rows.hi);
    (acc, out)
}

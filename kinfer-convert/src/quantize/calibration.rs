//! What the float network does on the calibration data.

use crate::data::Data;
use crate::network::{Matrix, Network};

/// Rows that weights are rounded on; ranges come from all rows.
const SAMPLE: usize = 8192;

/// Ranges of all rows, and the values of a sample of them.
pub(super) struct Calibration {
    /// Range of every element of each layer's input: normalised features, then outputs of the layer before.
    pub(super) ranges: Vec<Vec<(f64, f64)>>,
    /// Normalised features of the sample.
    pub(super) inputs: Matrix,
    /// `weights · x + bias` of each layer on the sample.
    pub(super) targets: Vec<Matrix>,
}

impl Calibration {
    pub(super) fn new(network: &Network, data: &Data) -> Self {
        let features = network.normalize.iter().enumerate().map(|(feature, affine)| {
            let (lo, hi) = data.range(feature);
            let (a, b) = (affine.at(lo as f64), affine.at(hi as f64));
            (a.min(b), a.max(b))
        });
        let unseen = |width| vec![(f64::INFINITY, f64::NEG_INFINITY); width];
        let mut ranges = vec![features.collect::<Vec<_>>()];
        ranges.extend(network.layers.iter().map(|layer| unseen(layer.bias.len())));

        let stride = data.len().div_ceil(SAMPLE);
        let sampled = data.len().div_ceil(stride);
        let mut inputs = Matrix::zeros(sampled, data.width);
        let mut targets: Vec<_> = network.layers.iter().map(|layer| Matrix::zeros(sampled, layer.bias.len())).collect();
        for (number, raw) in data.rows().enumerate() {
            let mut x = network.normalized(raw);
            let sample = number.is_multiple_of(stride).then_some(number / stride);
            if let Some(row) = sample {
                inputs.row_mut(row).copy_from_slice(&x);
            }
            for (index, layer) in network.layers.iter().enumerate() {
                let linear = layer.linear(&x);
                if let Some(row) = sample {
                    targets[index].row_mut(row).copy_from_slice(&linear);
                }
                x = linear.into_iter().map(|y| y.clamp(layer.lo, layer.hi)).collect();
                for (range, &y) in ranges[index + 1].iter_mut().zip(&x) {
                    *range = (range.0.min(y), range.1.max(y));
                }
            }
        }
        Self { ranges, inputs, targets }
    }
}

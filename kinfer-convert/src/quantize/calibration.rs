//! What the float network does on the calibration data.

use crate::data::Data;
use crate::network::{Matrix, Network};
use crate::onnx::Rule;

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
    /// How much an error in a row of the sample matters; their sum is 1.
    pub(super) row_weights: Vec<f64>,
}

impl Calibration {
    pub(super) fn new(network: &Network, rule: Rule, data: &Data) -> Self {
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
        let mut margins = Vec::with_capacity(sampled);
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
            if sample.is_some() {
                margins.push(margin(rule, &x));
            }
        }
        Self { ranges, inputs, targets, row_weights: row_weights(&margins) }
    }
}

/// Distance of a row's scores from another decision.
fn margin(rule: Rule, scores: &[f64]) -> f64 {
    match rule {
        Rule::Threshold { threshold, .. } => scores.first().map_or(0.0, |score| (score - threshold).abs()),
        Rule::ArgMax => {
            let (best, second) =
                scores.iter().fold((f64::NEG_INFINITY, f64::NEG_INFINITY), |(best, second), &score| {
                    if score > best { (score, best) } else { (best, second.max(score)) }
                });
            best - second
        }
    }
}

/// Rows close to another decision weigh most: an error there flips it, elsewhere it does not. No row is without weight,
/// and the median margin halves it.
fn row_weights(margins: &[f64]) -> Vec<f64> {
    let mut sorted = margins.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().filter(|&median| median > 0.0).unwrap_or(1.0);
    let weights: Vec<_> = margins.iter().map(|margin| match std::env::var("X_W").as_deref() { Ok("none") => 1.0, Ok("exp") => (-margin.abs()).exp() + 0.01, Ok("p4") => 1.0 / (1.0 + (margin / median).powi(4)), Ok("q") => 1.0 / (1.0 + (4.0*margin / median).powi(2)), _ => 1.0 / (1.0 + (margin / median).powi(2)) }).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

//! Float network → integers.
//!
//! Layer by layer, in the order they run. Every element of a layer's input gets a scale of its own, which the columns of
//! the layer's weights take up, so that counters and activations of any magnitude use their integers well (`grid`).
//! Weights are int8, symmetric per output channel, rounded so that errors of correlated inputs cancel (`round`); biases
//! then take up what is left of the mean error, measured on what the integer layers before really give (`stage`).
//!
//! * per-channel weights, affine activations: Jacob et al. 2018 (arXiv:1712.05877)
//! * moving range between activations and weights: Nagel et al. 2019 (arXiv:1906.04721), Xiao et al. 2022
//!   (arXiv:2211.10438)

mod calibration;
mod encode;
mod factor;
pub mod graph;
mod grid;
mod round;
mod stage;

use kinfer::format::ElementType;

use self::calibration::Calibration;
use self::stage::Stage;
use crate::data::Data;
use crate::error::Result;
use crate::kinf::{OperatorSpec, StepSpec, TensorSpec};
use crate::network::{Layer, Network};

/// The integer network.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// Raw counters → tensor 0.
    pub program: Vec<StepSpec>,
    /// Tensor 0, then one for each layer's output; the last one holds the scores.
    pub tensors: Vec<TensorSpec>,
    /// One dense operator a layer.
    pub operators: Vec<OperatorSpec>,
    /// Features that cannot reach the decision: all weights, or all quantised values that calibration saw, are the same.
    pub silent: Vec<usize>,
}

/// Makes `network` integer, with activations of type `element` (int8 or int16).
///
/// # Errors
///
/// Numbers that integers cannot stand for: which feature or layer.
pub fn quantize(network: &Network, data: &Data, element: ElementType) -> Result<Quantized> {
    let calibration = Calibration::new(network, data);
    let mut inputs = calibration.inputs.clone();
    let mut stages: Vec<Stage> = Vec::new();
    for (index, layer) in network.layers.iter().enumerate() {
        let stage = Stage::new(
            &stage::Job {
                layer,
                before: index.checked_sub(1).map(|before| &network.layers[before]),
                ranges: &calibration.ranges[index],
                inputs: &inputs,
                targets: &calibration.targets[index],
                importance: &network.layers.get(index + 1).map_or(vec![1.0; layer.bias.len()], column_energy),
            },
            element,
        );
        inputs = stage.run(&inputs, layer);
        stages.push(stage);
    }
    encode::encode(network, &stages, data)
}

/// How much a layer makes of an error in each of its inputs.
fn column_energy(layer: &Layer) -> Vec<f64> {
    let mut energy = vec![0.0; layer.weights.columns];
    for row in layer.weights.iter_rows() {
        energy.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight * weight);
    }
    energy
}

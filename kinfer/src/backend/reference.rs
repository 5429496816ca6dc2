//! The plain backend: [`crate::ops`] on weights laid out channel by channel.
//!
//! Packed memory of a dense layer is one block a channel: bias (`i64`), multiplier (`i32`), shift (`u32`), the row of
//! weights, zero bytes to a multiple of 8.

use super::{Backend, Layer};
use crate::format::{Model, Parameters};
use crate::ops::clip::clip;
use crate::ops::dense::channel;
use crate::ops::requantize::Factor;

const CHANNEL_HEADER: usize = 16;

/// The plain backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Reference {
    fn block_bytes(layer: &Layer) -> usize {
        CHANNEL_HEADER.saturating_add(layer.inputs.div_ceil(8).saturating_mul(8))
    }
}

impl Backend for Reference {
    fn packed_bytes(&self, layer: &Layer) -> usize {
        match layer.operator.parameters {
            Parameters::Dense(_) => Self::block_bytes(layer).saturating_mul(layer.outputs),
            Parameters::Clip(_) => 0,
        }
    }

    fn pack(&self, model: &Model<'_>, layer: &Layer, memory: &mut [u8]) {
        let Parameters::Dense(dense) = layer.operator.parameters else { return };
        let channels = dense.channels(model.data(), layer.inputs, layer.outputs);
        for (block, channel) in memory.chunks_exact_mut(Self::block_bytes(layer)).zip(channels) {
            let header = channel
                .bias
                .to_le_bytes()
                .into_iter()
                .chain(channel.factor.multiplier.to_le_bytes())
                .chain(u32::from(channel.factor.shift).to_le_bytes());
            let row = channel.weights.iter().copied().chain(core::iter::repeat(0));
            for (to, from) in block.iter_mut().zip(header.chain(row)) {
                *to = from;
            }
        }
    }

    #[inline]
    fn run(&self, layer: &Layer, memory: &[u8], input: &[i64], output: &mut [i64]) {
        match layer.operator.parameters {
            Parameters::Clip(parameters) => clip(parameters, input, output),
            Parameters::Dense(_) => {
                for (out, block) in output.iter_mut().zip(memory.chunks_exact(Self::block_bytes(layer))) {
                    let Some((header, row)) = block.split_first_chunk::<CHANNEL_HEADER>() else { continue };
                    let [b0, b1, b2, b3, b4, b5, b6, b7, m0, m1, m2, m3, shift, ..] = *header;
                    let bias = i64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
                    let factor = Factor { multiplier: i32::from_le_bytes([m0, m1, m2, m3]), shift };
                    let weights = row.iter().map(|&byte| i64::from(byte as i8));
                    *out = i64::from(channel(weights, bias, layer.zero_point, input, factor, layer.output));
                }
            }
        }
    }
}

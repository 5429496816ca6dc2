//! The plain backend: [`crate::ops`] on weights laid out channel by channel.
//!
//! Packed memory of a dense layer is one block a channel: bias (`i64`), multiplier (`i32`), shift (`u32`), the row of
//! weights, zero bytes to a multiple of 8.

use super::{Backend, Layer};
use crate::format::{Model, Operator, OperatorKind, Parameters};
use crate::iter::{chunks, chunks_mut};
use crate::ops::clip::clip;
use crate::ops::dense::channel;
use crate::ops::requantize::Factor;

const CHANNEL_HEADER: usize = 16;

/// The plain backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Reference {
    fn block_bytes(layer: &Layer) -> u32 {
        let row = layer.input.len.saturating_add(7) & !7;
        row.saturating_add(CHANNEL_HEADER as u32)
    }
}

impl Backend for Reference {
    fn packed_bytes(&self, layer: &Layer) -> u32 {
        match layer.kind {
            OperatorKind::Dense => Self::block_bytes(layer).saturating_mul(layer.written.len),
            OperatorKind::Clip => 0,
        }
    }

    fn pack(&self, model: &Model<'_>, operator: &Operator, layer: &Layer, memory: &mut [u8]) {
        let Parameters::Dense(dense) = operator.parameters else { return };
        let channels = dense.channels(model.data(), layer.input.len as usize, layer.written.len as usize);
        for (block, channel) in chunks_mut(memory, Self::block_bytes(layer) as usize).zip(channels) {
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
        match layer.kind {
            OperatorKind::Clip => clip(layer.output.lo, layer.output.hi, input, output),
            OperatorKind::Dense => {
                for (out, block) in output.iter_mut().zip(chunks(memory, Self::block_bytes(layer) as usize)) {
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

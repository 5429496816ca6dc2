//! How operators run. Every backend gives the same bits as [`crate::ops`].

mod reference;

pub use reference::Reference;

pub use crate::engine::layout::{Layer, Span};
use crate::format::{Model, Operator};

/// A way to run operators: lays an operator's weights out in packed memory once, runs it often.
///
/// A backend is called with layers of a verified model only, so nothing in it can fail; memory or activations that are
/// shorter than they should be make it compute less, never read or write out of bounds.
pub trait Backend {
    /// Bytes of packed memory for `layer`, a multiple of 8.
    fn packed_bytes(&self, layer: &Layer) -> u32;

    /// Fills the layer's packed memory from the model's operator.
    fn pack(&self, model: &Model<'_>, operator: &Operator, layer: &Layer, memory: &mut [u8]);

    /// Runs the layer: `input` and `output` hold one quantised value a word.
    fn run(&self, layer: &Layer, memory: &[u8], input: &[i64], output: &mut [i64]);
}

//! Several products in one 64-bit multiply.
//!
//! The weights of `k` output channels lie in one word, `W = Σ wⱼ · 2^(L·j)`, a signed sum in lanes of `L` bits, so that
//! `x · W` adds `k` products at once. Only the final sum of a lane must fit `L` bits: what a lane borrows from or carries
//! into the next on the way is undone by the time the sum is complete, and the verifier has proved what the sum can be.
//! The ceiling is 64 / L products a multiply, and one multiply a cycle.
//!
//! * `block`: which rows share words, from the proof of each row;
//! * `rows`: segments of blocks in packed memory, and the way through them;
//! * `sums`: the sums of a block;
//! * `finish`: sums → activations, in the lanes or one by one;
//! * `dense`: what is left to do for a dense layer, and the list of inputs that are not zero;
//! * `conv`: a window at a time made the input of a dense layer;
//! * `chain`: small layers in a row as one;
//! * `trees`: decision trees, which multiply nothing: several go down together.

mod block;
pub(crate) mod chain;
pub(crate) mod conv;
pub(crate) mod dense;
mod finish;
mod rows;
mod sums;
pub(crate) mod trees;

use super::{Backend, Io, Need};
use crate::format::{OperatorKind, Parameters};
use crate::verify::Node;

/// The packed backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct PackedWords;

impl Backend for PackedWords {
    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn need(&self, node: &Node<'_>) -> Option<Need> {
        match &node.operator.parameters {
            Parameters::Dense(dense) => dense::need(node, dense),
            Parameters::Conv(conv) => conv::need(node, conv),
            Parameters::Trees(trees) => trees::need(node, trees),
            _ => None,
        }
    }

    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn pack(&self, node: &Node<'_>, memory: &mut [i64]) {
        match &node.operator.parameters {
            Parameters::Dense(dense) => dense::pack(node, dense, memory),
            Parameters::Conv(conv) => conv::pack(node, conv, memory),
            Parameters::Trees(trees) => trees::pack(node, trees, memory),
            _ => {}
        }
    }

    #[inline] // not in the kernel's object, which goes through `engine::dispatch`
    fn run(&self, kind: OperatorKind, memory: &[i64], io: Io<'_>) {
        match kind {
            OperatorKind::Dense => dense::run_all(memory, io),
            OperatorKind::Conv => conv::run_all(memory, io),
            OperatorKind::Trees => trees::run(memory, io.input, io.output, io.workspace),
            _ => {}
        }
    }
}

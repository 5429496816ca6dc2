//! How operators run. Every backend gives the same bits as [`crate::ops`].
//!
//! A backend lays an operator's weights out in packed memory once, and runs it often. The verifier asks each backend what an
//! operator would cost it, in cycles of a model that never depends on the machine, and takes the cheapest;
//! [`OperatorReport::backend`](crate::verify::OperatorReport::backend) says which. `docs/backends.md` is about both.

pub mod packed;
pub mod reference;

pub use packed::PackedWords;
pub use reference::Reference;

use crate::engine::layout::{Layer, Path};
use crate::format::{OperatorKind, Parameters};
use crate::verify::Node;

/// A way to run operators.
///
/// A backend is called with operators of a verified model only, so nothing in it can fail; memory or activations that are
/// shorter than they should be make it compute less, never read or write out of bounds.
pub trait Backend {
    /// What running `node` needs, `None` when this backend does not run such an operator.
    fn need(&self, node: &Node<'_>) -> Option<Need>;

    /// Fills the operator's packed memory, of the words that [`Backend::need`] told.
    fn pack(&self, node: &Node<'_>, memory: &mut [i64]);

    /// Runs the operator, all its parts.
    fn run(&self, kind: OperatorKind, memory: &[i64], io: Io<'_>);
}

/// What an operator needs of a backend to run there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Cycles of a decision by the backend's cost model, on a machine with one 64-bit multiply a cycle.
    pub cycles: u32,
    /// Words of packed memory.
    pub words: u32,
    /// Words of scratch beside its tensors, while it runs.
    pub workspace: u32,
    /// Products that share a multiply in most of its rows; 1 where none do, 0 for an operator without weights.
    pub lanes: u8,
    /// Records in the plan: an operator may run as several parts.
    pub records: u16,
    /// Whether it runs as a layer of a chain, of which the first has the record.
    pub chained: bool,
}

impl Default for Need {
    fn default() -> Self {
        Self { cycles: 0, words: 0, workspace: 0, lanes: 0, records: 1, chained: false }
    }
}

/// Which backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BackendKind {
    /// [`Reference`].
    Reference = 0,
    /// [`PackedWords`].
    Packed = 1,
}

impl BackendKind {
    /// The name in messages and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Packed => "packed",
        }
    }
}

/// What an operator reads and writes: quantised values, one an `i32`.
#[derive(Debug)]
pub struct Io<'a> {
    /// Its input.
    pub input: &'a [i32],
    /// Its second input; empty when it has none.
    pub second: &'a [i32],
    /// Its output.
    pub output: &'a mut [i32],
    /// Scratch of its own, at least the words that it needs. What is in it is of no meaning.
    pub workspace: &'a mut [i64],
    /// The caller's state.
    pub state: &'a mut [i64],
}

/// The cheapest backend for an operator.
pub(crate) fn choose(node: &Node<'_>) -> (BackendKind, Need) {
    let plain = Reference.need(node).unwrap_or_default();
    match PackedWords.need(node) {
        Some(packed) if packed.cycles < plain.cycles => (BackendKind::Packed, packed),
        _ => (BackendKind::Reference, plain),
    }
}

/// Lays an operator out for the backend that was chosen.
pub(crate) fn pack(backend: BackendKind, node: &Node<'_>, memory: &mut [i64]) {
    match backend {
        BackendKind::Reference => Reference.pack(node, memory),
        BackendKind::Packed => PackedWords.pack(node, memory),
    }
}

/// Calls `each` with the parts that an operator runs as, each a record of the plan: most are one, the whole `layer`, which is
/// packed in `memory`.
pub(crate) fn for_each_part(node: &Node<'_>, layer: Layer, memory: &[i64], each: &mut dyn FnMut(Layer)) {
    let packed = layer.path == Path::Packed;
    match &node.operator.parameters {
        Parameters::Dense(dense) if packed => packed::dense::parts(node, dense, layer, memory, each),
        Parameters::Conv(conv) if packed => packed::conv::parts(node, conv, layer, memory, each),
        Parameters::Reshape(_) => {} // its output is its input
        _ => each(layer),
    }
}

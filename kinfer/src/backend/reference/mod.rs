//! The plain backend: [`crate::ops`] on parameters laid out in packed memory, one file an operator for the layout.

pub(crate) mod additive;
pub(crate) mod conv;
pub(crate) mod dense;
pub(crate) mod distance;
pub(crate) mod elementwise;
pub(crate) mod pool;
pub(crate) mod shape;
pub(crate) mod softmax;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod trees;
mod write;

use super::{Backend, Io, Need};
use crate::format::{OperatorKind, Parameters};
use crate::verify::Node;

/// The plain backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Backend for Reference {
    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn need(&self, node: &Node<'_>) -> Option<Need> {
        Some(match &node.operator.parameters {
            Parameters::Dense(dense) => dense::need(node, dense),
            Parameters::Clip(_) => elementwise::clip_need(node),
            Parameters::Conv(conv) => conv::need(node, conv),
            Parameters::Pool(pool) => pool::need(node, pool),
            Parameters::Rescale(rescale) => elementwise::rescale_need(node, rescale),
            Parameters::Table(table) => table::need(node, table),
            Parameters::Softmax(softmax) => softmax::need(node, softmax),
            Parameters::Add(add) => elementwise::add_need(node, add),
            Parameters::Mul(mul) => elementwise::mul_need(node, mul),
            Parameters::Concat(concat) => shape::concat_need(node, concat),
            Parameters::Slice(slice) => shape::slice_need(node, slice),
            Parameters::Reshape(_) => Need { records: 0, ..Need::default() }, // an alias: see `engine::layout`
            Parameters::Trees(trees) => trees::need(node, trees),
            Parameters::Additive(additive) => additive::need(node, additive),
            Parameters::Distance(distance) => distance::centroids_need(node, distance),
            Parameters::SquaredError(error) => distance::squared_error_need(node, error),
            Parameters::Recall(recall) => state::recall_need(node, recall),
            Parameters::Remember(remember) => state::remember_need(node, remember),
        })
    }

    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn pack(&self, node: &Node<'_>, memory: &mut [i64]) {
        match &node.operator.parameters {
            Parameters::Dense(dense) => dense::pack(node, dense, memory),
            Parameters::Clip(clip) => elementwise::clip_pack(clip, memory),
            Parameters::Conv(conv) => conv::pack(node, conv, memory),
            Parameters::Pool(pool) => pool::pack(node, pool, memory),
            Parameters::Rescale(rescale) => elementwise::rescale_pack(node, rescale, memory),
            Parameters::Table(table) => table::pack(node, table, memory),
            Parameters::Softmax(softmax) => softmax::pack(node, softmax, memory),
            Parameters::Add(add) => elementwise::add_pack(node, add, memory),
            Parameters::Mul(mul) => elementwise::mul_pack(node, mul, memory),
            Parameters::Concat(concat) => shape::concat_pack(node, concat, memory),
            Parameters::Slice(slice) => shape::slice_pack(node, slice, memory),
            Parameters::Reshape(_) => {}
            Parameters::Trees(trees) => trees::pack(node, trees, memory),
            Parameters::Additive(additive) => additive::pack(node, additive, memory),
            Parameters::Distance(distance) => distance::centroids_pack(node, distance, memory),
            Parameters::SquaredError(error) => distance::squared_error_pack(node, error, memory),
            Parameters::Recall(recall) => state::recall_pack(node, recall, memory),
            Parameters::Remember(remember) => state::remember_pack(node, remember, memory),
        }
    }

    #[inline] // not in the kernel's object, which goes through `engine::dispatch`
    fn run(&self, kind: OperatorKind, memory: &[i64], io: Io<'_>) {
        match kind {
            OperatorKind::Dense => dense::run(memory, io),
            OperatorKind::Clip => elementwise::clip_run(memory, io),
            OperatorKind::Conv => conv::run(memory, io),
            OperatorKind::Pool => pool::run(memory, io),
            OperatorKind::Rescale => elementwise::rescale_run(memory, io),
            OperatorKind::Table => table::run(memory, io),
            OperatorKind::Softmax => softmax::run(memory, io),
            OperatorKind::Add => elementwise::add_run(memory, io),
            OperatorKind::Mul => elementwise::mul_run(memory, io),
            OperatorKind::Concat => shape::concat_run(memory, io),
            OperatorKind::Slice => shape::slice_run(memory, io),
            OperatorKind::Reshape => {}
            OperatorKind::Trees => trees::run(memory, io),
            OperatorKind::Additive => additive::run(memory, io),
            OperatorKind::Distance => distance::centroids_run(memory, io),
            OperatorKind::SquaredError => distance::squared_error_run(memory, io),
            OperatorKind::Recall => state::recall_run(memory, io),
            OperatorKind::Remember => state::remember_run(memory, io),
        }
    }
}

//! Proof of a dense layer.

use super::{weights, Node, OperatorReport};
use crate::error::Problem;
use crate::format::Dense;

#[inline(never)]
pub(super) fn check(node: &Node<'_>, dense: &Dense) -> Result<OperatorReport, Problem> {
    let (inputs, outputs) = (node.inputs(), node.outputs());
    let proved = weights::check(node, &dense.weights, inputs, outputs, node.centred()?)?;
    Ok(OperatorReport {
        accumulator: proved.accumulator,
        operations: (inputs as u64).saturating_mul(outputs as u64),
        ..OperatorReport::of(node, proved.output)
    })
}

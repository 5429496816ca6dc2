//! Proof of a dense layer.

use super::{weights, Node, OperatorReport};
use crate::error::Problem;
use crate::format::Dense;

#[inline(never)]
pub(super) fn check(node: &Node<'_>, dense: &Dense, report: &mut OperatorReport) -> Result<(), Problem> {
    let (inputs, outputs) = (node.inputs(), node.outputs());
    let proved = weights::check(node, &dense.weights, inputs, outputs, node.centred()?)?;
    report.reach(proved.accumulator, proved.output);
    report.operations = report.operations.saturating_mul(inputs as u64);
    Ok(())
}

//! Proof of operators on the caller's state. What is in it is never believed: a value is clamped when it is read.

use super::shape::same_grid;
use super::{Interval, Node, OperatorReport};
use crate::error::Problem;
use crate::format::{Recall, Remember};

#[inline(never)]
pub(super) fn recall(node: &Node<'_>, recall: &Recall, report: &mut OperatorReport) -> Result<(), Problem> {
    if node.operator.input != 0 {
        return Err(Problem::Reserved { offset: 4 });
    }
    node.check_clamp(recall.lo, recall.hi)?;
    let output = Interval { lo: i64::from(recall.lo), hi: i64::from(recall.hi) };
    report.reach(output, output);
    report.state_end = end(recall.slot, node.outputs());
    Ok(())
}

#[inline(never)]
pub(super) fn remember(node: &Node<'_>, remember: &Remember, report: &mut OperatorReport) -> Result<(), Problem> {
    same_grid(&node.input, &node.output)?;
    if node.input != node.output {
        return Err(Problem::Shapes { input: node.input.elements(), output: node.output.elements() });
    }
    report.state_end = end(remember.slot, node.outputs());
    Ok(())
}

fn end(slot: u32, elements: usize) -> usize {
    (slot as usize).saturating_add(elements)
}

//! Proof of a convolution.

use super::{weights, window, Interval, Node, OperatorReport};
use crate::error::Problem;
use crate::format::Conv;

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(node: &Node<'_>, conv: &Conv, report: &mut OperatorReport) -> Result<(), Problem> {
    window::check(node, &conv.window)?;
    let (inputs, outputs) = (node.input.channels(), node.output.channels());
    let divides = |channels: u32| channels.checked_rem(conv.groups) == Some(0);
    if !divides(inputs) || !divides(outputs) {
        return Err(Problem::Groups { groups: conv.groups, inputs, outputs });
    }
    let row = conv.row(&node.input);
    let proved = weights::check(node, &conv.weights, row, outputs as usize, reach(node, conv)?)?;
    report.reach(proved.accumulator, proved.output);
    report.operations = report.operations.saturating_mul(row as u64);
    Ok(())
}

/// The values that meet a weight, less the zero point: in the padding none does, which is as good as zero.
pub(crate) fn reach(node: &Node<'_>, conv: &Conv) -> Result<Interval, Problem> {
    let centred = node.centred()?;
    Ok(if conv.window.is_padded() { centred.union(Interval::point(0)) } else { centred })
}

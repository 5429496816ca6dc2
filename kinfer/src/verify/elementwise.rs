//! Proof of operators from element to element.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::{Add, Clip, Mul, Rescale};

pub(super) fn clip(node: &Node<'_>, clip: &Clip) -> Result<OperatorReport, Problem> {
    if node.input != node.output {
        return Err(Problem::Shapes { input: node.input.elements(), output: node.output.elements() });
    }
    node.check_clamp(clip.lo, clip.hi)?;
    Ok(OperatorReport::of(node, node.range.clamp(i64::from(clip.lo), i64::from(clip.hi))))
}

pub(super) fn rescale(node: &Node<'_>, _parameters: &Rescale) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

pub(super) fn add(node: &Node<'_>, _parameters: &Add) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

pub(super) fn mul(node: &Node<'_>, _parameters: &Mul) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

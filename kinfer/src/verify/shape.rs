//! Not proved yet.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::{Concat, Reshape, Slice};

pub(super) fn concat(node: &Node<'_>, _parameters: &Concat) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

pub(super) fn slice(node: &Node<'_>, _parameters: &Slice) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

pub(super) fn reshape(node: &Node<'_>, _parameters: &Reshape) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

//! Not proved yet.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::Softmax;

pub(super) fn check(node: &Node<'_>, _parameters: &Softmax) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

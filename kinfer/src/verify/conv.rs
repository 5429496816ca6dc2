//! Not proved yet.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::Conv;

pub(super) fn check(node: &Node<'_>, _parameters: &Conv) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

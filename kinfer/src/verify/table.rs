//! Not proved yet.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::Table;

pub(super) fn check(node: &Node<'_>, _parameters: &Table) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

//! Not proved yet.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::{Distance, SquaredError};

pub(super) fn centroids(node: &Node<'_>, _parameters: &Distance) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

pub(super) fn squared_error(node: &Node<'_>, _parameters: &SquaredError) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

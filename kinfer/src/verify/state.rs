//! Not proved yet.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::{Recall, Remember};

pub(super) fn recall(node: &Node<'_>, _parameters: &Recall) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

pub(super) fn remember(node: &Node<'_>, _parameters: &Remember) -> Result<OperatorReport, Problem> {
    Err(Problem::UnknownKind { kind: node.kind() as u16 })
}

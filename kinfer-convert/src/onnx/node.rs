//! A node's place and attributes.

use std::fmt;

use tract_onnx::pb::{AttributeProto, NodeProto};

/// Which node: for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Name of the node or, where it has none, of its first output.
    pub name: String,
    /// Operator, with its domain unless that is `ai.onnx`.
    pub operator: String,
}

impl Site {
    pub(super) fn of(node: &NodeProto) -> Self {
        let first_output = node.output.first().cloned().unwrap_or_default();
        Self { name: if node.name.is_empty() { first_output } else { node.name.clone() }, operator: operator(node) }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node `{}` ({})", self.name, self.operator)
    }
}

/// Operator type, with its domain unless that is `ai.onnx`.
pub(super) fn operator(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

pub(super) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

pub(super) fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    attribute(node, name).map_or(default, |attribute| attribute.i)
}

pub(super) fn float(node: &NodeProto, name: &str, default: f32) -> f32 {
    attribute(node, name).map_or(default, |attribute| attribute.f)
}

pub(super) fn floats<'a>(node: &'a NodeProto, name: &str) -> &'a [f32] {
    attribute(node, name).map_or(&[], |attribute| &attribute.floats)
}

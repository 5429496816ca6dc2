//! What in a graph cannot be converted.

use miette::Diagnostic;
use thiserror::Error;

use super::OLDEST_OPSET;
use super::node::Site;

/// Why a graph is refused. Cloned along the values that depend on the refused node.
#[derive(Clone, Debug, Diagnostic, Error, PartialEq)]
pub enum GraphError {
    /// Not an ONNX file.
    #[error("this is not an ONNX model: {detail}")]
    #[diagnostic(help("export the model again; `onnx.checker.check_model` tells whether a file is valid"))]
    NotOnnx {
        /// The decoder's words.
        detail: String,
    },
    /// An opset that is too old, or none.
    #[error("the model imports opset {version} of ai.onnx")]
    #[diagnostic(help(
        "opset {OLDEST_OPSET} and newer are read: export with a newer `target_opset` or `opset_version`"
    ))]
    Opset {
        /// Version found; 0 where there is none.
        version: i64,
    },
    /// An operator outside the set, or one that is inside it but not in this place.
    #[error("{site}: {what}")]
    #[diagnostic(help("supported: {}", super::reader::operators::names()))]
    Unsupported {
        /// The node.
        site: Site,
        /// In what way.
        what: String,
    },
    /// A node that contradicts itself or its inputs.
    #[error("{site}: {what}")]
    #[diagnostic(help("{advice}"))]
    Node {
        /// The node.
        site: Site,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// The graph's inputs or outputs.
    #[error("{what}")]
    #[diagnostic(help("{advice}"))]
    Interface {
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// An initializer or constant that cannot be read.
    #[error("constant `{name}`: {what}")]
    #[diagnostic(help("{advice}"))]
    Constant {
        /// Name of the tensor.
        name: String,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// `kinfer.*` entries of `metadata_props`.
    #[error("metadata_props `{key}`: {what}")]
    #[diagnostic(help(
        "kinfer.features is JSON like [{{\"name\": \"depth\", \"unit\": \"count\"}}], kinfer.outcomes like [\"fast\", \"slow\"]; \
         names are printable ASCII, at most 48 characters, units at most 16"
    ))]
    Metadata {
        /// The key.
        key: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl GraphError {
    pub(super) fn unsupported(site: &Site, what: impl Into<String>) -> Self {
        Self::Unsupported { site: site.clone(), what: what.into() }
    }

    pub(super) fn node(site: &Site, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Node { site: site.clone(), what: what.into(), advice: advice.into() }
    }
}

//! ONNX → [`Network`](crate::network::Network): reads the protobuf graph itself.
//!
//! [`Source`] is a decoded file. [`lower()`] walks its nodes once, in order, and gives each value a meaning
//! (`Value`): numbers on the way from the features to the scores, then probabilities, classes and labels. What the
//! outputs mean together is the decision head. [`cut()`] prunes the graph to the scores, for the float reference.

mod arithmetic;
mod constant;
mod cut;
mod error;
mod head;
mod layers;
mod lower;
mod metadata;
mod node;
pub mod quantized;
mod value;

use std::path::Path;

use sha2::{Digest, Sha256};
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::Framework;

pub use self::cut::cut;
pub use self::error::GraphError;
pub(crate) use self::head::logit;
pub use self::head::{Head, Rule};
pub use self::lower::{Lowered, lower};
pub(crate) use self::metadata::fits_field;
pub use self::metadata::{FeatureInfo, Metadata};
pub use self::node::Site;
use crate::error::{Error, Result};

/// Operators that [`lower()`] knows, for messages and documentation.
pub const SUPPORTED: &str = "Add, ArgMax, ArrayFeatureExtractor, Cast, Clip, Concat (of a probability and its complement), \
Constant, Div, Dropout, Flatten, Gather (of class labels), Gemm, Greater, Identity, MatMul, Mul, Relu, Reshape, Scaler, \
Sigmoid and Softmax (before the decision), Squeeze (of labels), Sub, Unsqueeze (of labels)";

/// Oldest opset of `ai.onnx` that is read.
pub const OLDEST_OPSET: i64 = 9;

/// An ONNX file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The decoded file.
    pub model: ModelProto,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

impl Source {
    /// Reads and decodes a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not ONNX.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
        Ok(Self::decode(&bytes)?)
    }

    /// Decodes a file's bytes.
    ///
    /// # Errors
    ///
    /// They are not ONNX: not protobuf, or without a graph.
    pub fn decode(bytes: &[u8]) -> std::result::Result<Self, GraphError> {
        let model = tract_onnx::onnx()
            .proto_model_for_read(&mut &*bytes)
            .map_err(|error| GraphError::NotOnnx { detail: error.root_cause().to_string() })?;
        let source = Self { model, sha256: hex(&Sha256::digest(bytes)) };
        source.graph()?;
        Ok(source)
    }

    pub(crate) fn graph(&self) -> std::result::Result<&GraphProto, GraphError> {
        let none = || GraphError::NotOnnx { detail: "there is no graph in it".into() };
        self.model.graph.as_ref().ok_or_else(none)
    }
}

/// Lower-case hex of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

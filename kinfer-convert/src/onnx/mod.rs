//! ONNX files: the protobuf graph itself is read.
//!
//! [`Source`] is a decoded file. [`reader`] makes a [`Graph`](crate::graph::Graph) of a model in float and finds its
//! decision head; [`quantized`] takes over the integers of one that is quantised already. [`cut()`] prunes the graph to the
//! scores, for the float reference.

mod constant;
mod cut;
mod error;
mod external;
mod metadata;
mod node;
pub mod quantized;
pub mod reader;

use std::path::Path;

use sha2::{Digest, Sha256};
use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::Framework;

pub use self::cut::cut;
pub use self::error::GraphError;
pub(crate) use self::metadata::fits_field;
pub use self::metadata::{FeatureInfo, Metadata};
pub use self::node::Site;
pub(crate) use self::reader::logit;
use crate::error::{Error, Result};

/// Operators that [`reader::read`] knows, for messages and documentation.
pub const SUPPORTED: &str = "Add, ArgMax, ArrayFeatureExtractor, Cast, Clip, Concat (of a probability and its complement), \
Constant, Div, Dropout, Flatten, Gather (of class labels), Gemm, Greater, Identity, MatMul, Mul, Relu, Reshape, Scaler, \
Sigmoid and Softmax (before the decision), Squeeze (of labels), Sub, Unsqueeze (of labels)";

/// Oldest opset of `ai.onnx` that is read: the first with numpy's broadcasting. LightGBM's exporter still writes 8.
pub const OLDEST_OPSET: i64 = 7;

/// An ONNX file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The decoded file.
    pub model: ModelProto,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

impl Source {
    /// Reads and decodes a file, and its external data from its folder.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not ONNX; or the files with its external data are not beside it.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
        let mut source = Self::decode(&bytes)?;
        external::load(&mut source.model, path)?;
        Ok(source)
    }

    /// Decodes a file's bytes.
    ///
    /// # Errors
    ///
    /// They are not ONNX: not protobuf, or without a graph.
    pub fn decode(bytes: &[u8]) -> std::result::Result<Self, GraphError> {
        if bytes.starts_with(&kinfer::format::LABEL) {
            return Err(GraphError::NotOnnx { detail: "it is a .kinf file, which is converted already".into() });
        }
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

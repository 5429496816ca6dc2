//! Why a TensorFlow Lite file is not converted: what, where, and what to do about it.

use miette::Diagnostic;
use thiserror::Error as ThisError;

/// Result of the reader.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file is not converted.
#[derive(Clone, Debug, Diagnostic, PartialEq, ThisError)]
pub enum Error {
    /// Another format, or none.
    #[error("this is not a TensorFlow Lite file: of its {bytes} bytes those at 4 are not `TFL3`")]
    #[diagnostic(help("give the `.tflite` file that the converter of TensorFlow or LiteRT wrote"))]
    Identifier {
        /// Length of the file.
        bytes: usize,
    },
    /// The FlatBuffers structure contradicts itself.
    #[error("byte {at}: {what}")]
    #[diagnostic(help("the file is cut off or damaged: copy or convert it again"))]
    Damaged {
        /// In what way.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// An operator that is not read, or not in this form.
    #[error("op {index} ({name}): {what}")]
    #[diagnostic(help("{advice}"))]
    Operator {
        /// Its number in the subgraph.
        index: usize,
        /// TensorFlow Lite's name of it.
        name: String,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A tensor that cannot be used as it is.
    #[error("tensor {index} (`{name}`): {what}")]
    #[diagnostic(help("{advice}"))]
    Tensor {
        /// Its number in the subgraph.
        index: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// Subgraphs, inputs, outputs, options.
    #[error("{what}")]
    #[diagnostic(help("{advice}"))]
    Model {
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// The core refuses the model: the sentence that the kernel gives.
    #[error("{0}")]
    Refused(kinfer::Error),
}

impl Error {
    pub(super) fn model(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Model { what: what.into(), advice: advice.into() }
    }
}

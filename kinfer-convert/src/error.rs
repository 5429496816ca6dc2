//! Why a conversion stops: what, where, and what to do about it.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use crate::data::DataError;
use crate::onnx::GraphError;

/// Result of the converter.
pub type Result<T> = std::result::Result<T, Error>;

/// Anything that stops the converter.
#[derive(Debug, Diagnostic, Error)]
pub enum Error {
    /// A file that cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that cannot be written; the old one, if any, is untouched.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The ONNX graph cannot be converted.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Graph(#[from] GraphError),
    /// The TensorFlow Lite file cannot be converted.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Tflite(crate::tflite::Error),
    /// The data cannot be used.
    #[error("{}: {problem}", path.display())]
    #[diagnostic(help("{}", problem.advice()))]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: DataError,
    },
    /// An option that does not fit the model.
    #[error("{what}")]
    #[diagnostic(help("{advice}"))]
    Option {
        /// What does not fit.
        what: String,
        /// What to do.
        advice: String,
    },
    /// The float reference does not run the graph.
    #[error("the float reference (tract) cannot run the graph up to `{tensor}`: {detail}")]
    #[diagnostic(help("is the file valid? `onnx.checker.check_model` tells"))]
    Reference {
        /// Tensor of the scores.
        tensor: String,
        /// tract's own words.
        detail: String,
    },
    /// The graph as read here and the graph as tract runs it give different scores.
    #[error(
        "row {row} of the calibration data: the graph's score {index} is {graph}, the network read from it gives {network}"
    )]
    #[diagnostic(help("this is a mistake in kinfer, or the graph leaves the range of f32; nothing was written"))]
    Disagreement {
        /// Row of the data, from 1.
        row: usize,
        /// Which score.
        index: usize,
        /// As tract computes it.
        graph: f64,
        /// As the network does.
        network: f64,
    },
    /// Numbers that integers cannot stand for.
    #[error("{place}: {what}")]
    #[diagnostic(help("{advice}"))]
    Range {
        /// Feature or layer.
        place: String,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// No choice of integers decides as often as float does as was asked.
    #[error("{reached:.4} of {rows} evaluation rows decide as in float, {asked} was asked for (tried: {tried}){blame}")]
    #[diagnostic(help(
        "ask for less (--agree), give calibration rows that are like the evaluation's, or look at that node: nothing was written"
    ))]
    Agreement {
        /// Share that was asked for.
        asked: f64,
        /// Share that was reached.
        reached: f64,
        /// Evaluation rows.
        rows: usize,
        /// What was tried.
        tried: String,
        /// The layer to blame, as a part of the sentence.
        blame: String,
    },
    /// The file that would be written decides otherwise than the one that was measured.
    #[error("row {row} of the evaluation data is decided otherwise by the file than by what was measured")]
    #[diagnostic(help("this is a mistake in kinfer; nothing was written"))]
    Rewritten {
        /// Row of the data, from 1.
        row: usize,
    },
    /// The core refuses the model: the very sentence the kernel would give.
    #[error("{0}")]
    Refused(kinfer::Error),
}

impl From<crate::tflite::Error> for Error {
    fn from(error: crate::tflite::Error) -> Self {
        match error {
            crate::tflite::Error::Refused(error) => Self::Refused(error),
            other => Self::Tflite(other),
        }
    }
}

impl Error {
    /// Exit status where the model or the data is at fault.
    pub const REFUSED: u8 = 1;

    /// Exit status of the command: 2 for usage and I/O, 1 for everything that is about the model or the data.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Option { .. } => 2,
            _ => Self::REFUSED,
        }
    }
}

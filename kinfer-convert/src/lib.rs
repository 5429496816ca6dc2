//! From a trained model to integers a kernel can run, and the truth about what that cost.
//!
//! 1. [`onnx`] reads a graph: features → network → scores → decision.
//! 2. [`quantize`] makes the network integer, on calibration [`data`].
//! 3. [`kinf`] writes the file: plain structs in, bytes out. It needs nothing but the core, and is all there is without
//!    the feature `onnx`.
//! 4. [`engine`] runs the file through the core, exactly as the kernel would; [`mod@reference`] runs the graph in float;
//!    [`quality`] compares both with the truth.
//!
//! [`convert()`] is the whole way; the command `kinfer` is its command line.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(feature = "onnx"), allow(rustdoc::broken_intra_doc_links))] // the tour names what is left out

#[cfg(feature = "onnx")]
pub mod convert;
#[cfg(feature = "onnx")]
pub mod data;
#[cfg(feature = "onnx")]
pub mod engine;
#[cfg(feature = "onnx")]
mod error;
#[cfg(feature = "onnx")]
pub mod graph;
pub mod kinf;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "onnx")]
pub mod progress;
#[cfg(feature = "onnx")]
pub mod quality;
#[cfg(feature = "onnx")]
pub mod quantize;
#[cfg(feature = "onnx")]
pub mod reference;
#[cfg(feature = "onnx")]
pub mod report;

#[cfg(feature = "onnx")]
pub use convert::{Conversion, convert};
#[cfg(feature = "onnx")]
pub use error::{Error, Result};

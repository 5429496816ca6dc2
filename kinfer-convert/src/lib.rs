//! From a trained model to integers a kernel can run, and the truth about what that cost.
//!
//! 1. [`onnx`] reads a file: features → [`graph`] → scores → decision.
//! 2. [`quantize`] makes the graph integer, on calibration [`data`].
//! 3. [`kinf`] writes the file: plain structs in, bytes out.
//! 4. [`engine`] runs the file through the core, exactly as the kernel would; [`mod@reference`] runs the graph in float;
//!    [`quality`] compares both with the truth.
//!
//! A quantised ONNX or TensorFlow Lite file has its integers already: [`onnx::quantized`] and [`tflite`] take them over as
//! they are.
//!
//! [`emit`] writes a verified model as source, C or Rust. It and [`kinf`] need nothing but the core, and are all there is
//! without the feature `onnx`.
//!
//! [`convert()`] is the whole way; the command `kinfer` is its command line.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(feature = "onnx"), allow(rustdoc::broken_intra_doc_links))] // the tour names what is left out

#[cfg(feature = "onnx")]
pub mod convert;
#[cfg(feature = "onnx")]
pub mod data;
pub mod emit;
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
pub mod tflite;

#[cfg(feature = "onnx")]
pub use convert::{Conversion, convert};
#[cfg(feature = "onnx")]
pub use error::{Error, Result};

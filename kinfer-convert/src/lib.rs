//! From a trained model to integers a kernel can run.
//!
//! * [`kinf`] writes the file format: plain structs in, bytes out. It needs nothing but the core and is all there is
//!   without the feature `onnx`.
//!
//! Everything else is behind the feature `onnx` (on by default).

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod kinf;

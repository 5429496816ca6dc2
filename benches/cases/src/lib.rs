//! The models and rows that the benchmarks measure, made from seeds: `cargo bench` measures them as the host compiles the
//! core, `cargo xtask bench` as the kernel does, against peers.

pub mod cases;
pub mod forest;
pub mod network;
pub mod onnx;
mod rng;
mod spec;

pub use cases::{Case, Work, all};

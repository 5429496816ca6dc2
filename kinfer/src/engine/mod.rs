//! Plan, scratch, run.

pub mod layout;
mod packed;

pub use packed::Packed;

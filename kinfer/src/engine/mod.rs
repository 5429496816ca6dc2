//! Plan, scratch, run.

pub mod layout;
mod packed;
pub mod span;

pub use packed::Packed;

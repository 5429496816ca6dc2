//! Plan, scratch, run.

mod dispatch;
pub mod layout;
mod packed;
pub mod span;

pub use packed::Packed;

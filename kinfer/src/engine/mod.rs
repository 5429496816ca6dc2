//! Plan, scratch, run.
//!
//! [`Packed`] is a verified model laid out in memory of the caller: a plan of records, the feature program, the operators'
//! parameters. [`layout`] says where things lie, [`span`] is how a record names them. A decision is the feature program, a
//! loop over the records, and the head.

mod dispatch;
pub mod layout;
mod packed;
pub mod span;

pub use packed::Packed;

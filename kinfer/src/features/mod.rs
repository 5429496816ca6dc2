//! Raw counters → quantised inputs.

pub mod affine;
pub(crate) mod program;

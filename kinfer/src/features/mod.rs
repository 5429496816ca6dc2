//! Raw counters → quantised inputs.

pub mod affine;

//! What each operator means, in plain integers: the reference that every backend equals bit for bit.

pub mod clip;
pub mod dense;
pub mod requantize;
pub mod round;
pub mod trees;

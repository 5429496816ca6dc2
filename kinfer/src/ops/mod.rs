//! What each operator means, in plain integers: the reference that every backend equals bit for bit.

pub mod additive;
pub mod clip;
pub mod conv;
pub mod dense;
pub mod distance;
pub mod pool;
pub mod requantize;
pub mod round;
pub mod squared_error;
pub mod window;

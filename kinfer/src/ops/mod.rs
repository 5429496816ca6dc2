//! What each operator means, in plain integers: the reference that every backend equals bit for bit.

pub mod add;
pub mod additive;
pub mod clip;
pub mod concat;
pub mod conv;
pub mod dense;
pub mod distance;
pub mod divide;
pub mod mul;
pub mod pool;
pub mod requantize;
pub mod rescale;
pub mod round;
pub mod slice;
pub mod softmax;
pub mod squared_error;
pub mod state;
pub mod table;
pub mod trees;
pub mod window;

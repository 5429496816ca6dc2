//! What each operator means, in plain integers: the reference that every backend equals bit for bit.
//!
//! * rows of weights: [`dense`], [`conv`] over a [`window`], and [`requantize`] with its roundings in [`mod@round`];
//! * element by element: [`clip`], [`rescale`], [`table`], [`add`], [`mul`], with divisions in 64 bits in [`divide`];
//! * over a row or a window: [`softmax`], [`pool`];
//! * elements moved: [`concat`](mod@concat), [`slice`](mod@slice); a reshape moves none;
//! * other models: [`trees`], [`additive`], [`distance`], [`squared_error`];
//! * [`state`]: what a model remembers, in the caller's memory.

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

//! Raw counters → quantised inputs.
//!
//! A model file holds a small program in a straight line. Its steps read raw counters, and values that earlier steps made of
//! them; what they make is another value, or the next elements of tensor 0. The meaning of each is a file here:
//!
//! * elements: [`affine`] normalisation, rank among thresholds and one-hot in [`buckets`], decimal [`digits`];
//! * values: [`log2`], [`quotient`], and what is kept from decision to decision in [`memory`]. Clamp and difference are
//!   `clamp` and `saturating_sub` of 64 bits.
//!
//! None branches on a counter; only a ratio has divisions. `docs/features.md` is the specification.

pub mod affine;
pub mod buckets;
pub mod digits;
mod instruction;
pub mod log2;
pub mod memory;
mod narrow;
pub(crate) mod program;
pub mod quotient;
mod saturate;

pub(crate) use saturate::saturate;

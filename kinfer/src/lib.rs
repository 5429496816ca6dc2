//! Integer inference for decisions taken inside a kernel.
//!
//! A model file goes through four steps, each a layer of this crate, and each layer says what it must not know:
//!
//! 1. [`format`] turns bytes into a [`Model`], a view that borrows the file. It checks structure and nothing else:
//!    it knows no arithmetic.
//! 2. [`verify()`] proves what may run: shapes, order, the range of every accumulator, cost, memory. It does not know
//!    how anything is computed fast. Its [`Report`] is data.
//! 3. [`Packed::new`] lays the verified model out in memory of the caller.
//! 4. [`Packed::decide`] takes raw counters and gives a [`Decision`]. It cannot fail, allocate, block or overflow:
//!    every error is a load error.
//!
//! What an operator *means* is in [`ops`], in plain integers, one operator a file; how it runs is in [`backend`];
//! how raw counters become quantised inputs is in [`features`].
//!
//! ```
//! # fn load(bytes: &[u8], raw: &[i64]) -> Result<(), kinfer::Error> {
//! let model = kinfer::Model::parse(bytes)?;
//! let report = kinfer::verify(&model, &kinfer::Limits::KERNEL)?;
//! let packed = kinfer::Packed::new(&model, &report, vec![0i64; report.packed_words])?;
//! packed.check_inputs(raw.len())?;
//! let mut scratch = vec![0i64; report.scratch_words];
//! let decision = packed.decide(&mut scratch, raw);
//! println!("class {} with margin {}", decision.class, decision.margin);
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//!
//! There is no float, no allocation, no `unsafe` and no panic path in this crate. The lints below keep the source so, and
//! `cargo xtask test` looks at the object that goes into the kernel module. The arithmetic is normative and written out
//! in `docs/arithmetic.md`; the file format in `docs/kinf-format.md`.

#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used,
    )
)]

#[cfg(test)]
extern crate std;

pub mod backend;
mod cast;
pub mod decision;
pub mod engine;
pub mod error;
pub mod features;
pub mod format;
pub mod heads;
mod iter;
pub mod ops;
pub mod uapi;
pub mod verify;

pub use decision::{Decision, Flags};
pub use engine::Packed;
pub use error::{Error, Kind, Place, Problem};
pub use format::Model;
pub use heads::Ranked;
pub use verify::{verify, verify_into, Limits, Report};

//! Integer inference for decisions taken inside a kernel.
//!
//! A model file goes through four steps, and each layer says what it must not know:
//!
//! 1. [`format`](mod@format) turns bytes into a [`Model`], a view that borrows the file. It checks structure and nothing
//!    else: it knows no arithmetic.
//! 2. [`verify()`] proves what may run: shapes, order, the range of every accumulator, cost, memory. It does not know
//!    how anything is computed fast. Its [`Report`] is data, and it refuses what is over the caller's [`Limits`].
//! 3. [`Packed::new`] lays the verified model out in memory of the caller.
//! 4. [`Packed::decide`] takes raw counters and gives a [`Decision`]. It cannot fail, allocate, block or overflow:
//!    every error is a load error. [`Packed::decide_with`] is for models that remember something from one decision to
//!    the next, in state that the caller keeps.
//!
//! # A decision, layer by layer
//!
//! * [`features`]: raw counters → the quantised elements of tensor 0, by a program in a straight line. Knows no operator.
//! * [`ops`]: what each operator *means*, in plain integers, one a file; with them rounding and requantisation. Knows
//!   neither files nor memory layout.
//! * [`backend`]: how operators run. [`backend::reference`] is [`ops`] on packed memory, [`backend::packed`] has the same
//!   bits from several products a multiply. Which of them runs an operator is decided once, from the proof.
//! * [`engine`]: where things lie in scratch and in packed memory, and the loop over the plan's records. Knows neither ONNX
//!   nor the kernel.
//! * [`heads`]: scores → a [`Decision`]. Does not know how the scores came about.
//!
//! At the edges: [`error`](mod@error) has every sentence of a refusal, the same in a tool and in the kernel's log; [`uapi`]
//! is what crosses `/dev/kinfer`, as bytes.
//!
//! # Use
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
//! # Features
//!
//! Each family of operators is a feature, all of them on by default: `convolution`, `elementwise`, `recurrent`, `trees`,
//! `additive`, `distance`. Dense layers, clip and reshape are always there. Without a family the core is smaller, and a file
//! with one of its operators is refused: see [`format::family`].
//!
//! # Invariants
//!
//! There is no float, no allocation, no `unsafe` and no panic path in this crate. The lints below keep the source so, and
//! `cargo xtask test` looks at the object that goes into the kernel module.
//!
//! In the repository's `docs/`: `arithmetic.md` and `kinf-format.md` with the pages of `operators/` and `features.md` are
//! normative; `verification.md` says what is proved and how, `backends.md` how it runs.

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

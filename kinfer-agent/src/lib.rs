//! User space's side of kinfer.
//!
//! * [`device`] is `/dev/kinfer` as a safe type: load, unload, decide, measure, ask. It knows nothing of model files'
//!   insides: what may be loaded is the kernel's word.
//! * [`rows`] reads raw counters from CSV, the rows that a model decides on.
//!
//! `kinferctl` is these two on a command line.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod device;
#[allow(unsafe_code)] // the system calls, nothing else
mod ioctl;
pub mod rows;

pub use device::{Device, DeviceError, Timing};
pub use rows::{Columns, RowError, Rows};

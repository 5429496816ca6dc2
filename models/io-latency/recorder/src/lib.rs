//! Turns a trace of block I/Os into the io-latency data set, in four steps that know only the one before:
//!
//! 1. [`trace`] reads what the virtual machine left: the recorded devices and their events. It knows nothing of features.
//! 2. [`features`] replays the events of each device and takes down, at every submission, what was known by then.
//! 3. [`dataset`] orders the I/Os by time, splits them, and labels them by a rule fitted on the training part alone.
//! 4. [`table`] writes the parts as Parquet, with units and roles in the schema.

pub mod dataset;
pub mod features;
pub mod table;
pub mod trace;

//! What the cross-crate tests and benchmarks share: models made by hand or at random, files that must be refused, and an
//! independent reference in arbitrary-precision integers.

pub mod hostile;
pub mod models;
pub mod random;
pub mod wide;
pub mod zoo;

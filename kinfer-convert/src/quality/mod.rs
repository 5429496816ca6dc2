//! How good decisions are, and how far integers are from float.
//!
//! Accuracy alone means nothing where one class is rare, so recall, precision, balanced accuracy, AUC and the base rate
//! stand beside it. Regressions have their errors; rows that integers decide otherwise are listed by how sure float was.

mod auc;
mod classes;
mod flips;
mod regression;
mod scores;

pub use self::auc::{auc, auc_one_against_rest};
pub use self::classes::{BaseRate, Quality};
pub use self::flips::{Flip, flips};
pub use self::regression::Regression;
pub use self::scores::{ScoreErrors, signal_to_noise};

/// Share of equal decisions.
pub fn agreement(a: &[u32], b: &[u32]) -> f64 {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    equal as f64 / a.len().max(1) as f64
}

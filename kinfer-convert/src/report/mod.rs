//! What a conversion or a comparison came to, as a page.
//!
//! [`Summary`] is all that is shown, as plain data; [`page`] makes one HTML file of it that needs no network and no script.

mod chart;
mod html;
mod page;
mod quality;
mod summary;
mod work;

pub use self::page::page;
pub use self::summary::{Classes, Data, Goal, Layer, Operator, Regressions, Step, Summary, Use, Verdict, Verifier};

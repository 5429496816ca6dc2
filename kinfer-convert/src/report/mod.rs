//! A conversion as a page that one would show a colleague.
//!
//! [`page`] makes one HTML file of a [`Report`](crate::convert::Report): styles and pictures are in it, it needs neither
//! network nor script, and it follows the reader's light or dark.

mod chart;
mod html;
mod page;
mod quality;
mod work;

pub use self::page::page;

//! How far long work has come, for whoever watches.

/// Told about rows that are done.
pub trait Progress {
    /// A new piece of work of `rows` rows begins.
    fn begin(&self, what: &str, rows: usize);

    /// So many more rows are done.
    fn advance(&self, rows: usize);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: usize) {}

    fn advance(&self, _: usize) {}
}

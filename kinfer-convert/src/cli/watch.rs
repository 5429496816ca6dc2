//! Progress on a terminal.

use std::cell::RefCell;

use indicatif::{ProgressBar, ProgressStyle};
use kinfer_convert::progress::Progress;

/// Shorter work shows no bar.
const WORTH_SHOWING: usize = 50_000;

/// A bar on standard error, where that is a terminal.
#[derive(Debug, Default)]
pub(crate) struct Bar(RefCell<Option<ProgressBar>>);

impl Progress for Bar {
    fn begin(&self, what: &str, rows: usize) {
        let bar = (rows >= WORTH_SHOWING).then(|| {
            let style = ProgressStyle::with_template("{msg:20} {wide_bar} {human_pos}/{human_len} rows  {eta}");
            ProgressBar::new(rows as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(what.to_owned())
        });
        if let Some(before) = self.0.replace(bar) {
            before.finish_and_clear();
        }
    }

    fn advance(&self, rows: usize) {
        if let Some(bar) = &*self.0.borrow() {
            bar.inc(rows as u64);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

//! Progress on a terminal.

use std::cell::RefCell;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use kinfer_convert::progress::Progress;

use super::Console;

/// Shorter work shows no bar.
const WORTH_SHOWING: usize = 50_000;

/// A bar on standard error, where that is a terminal; with `--verbose` a line for each piece of work.
#[derive(Debug)]
pub(crate) struct Bar {
    console: Console,
    began: Instant,
    bar: RefCell<Option<ProgressBar>>,
}

impl Bar {
    pub(crate) fn new(console: Console) -> Self {
        Self { console, began: Instant::now(), bar: RefCell::new(None) }
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, rows: usize) {
        let shown = rows >= WORTH_SHOWING && !self.console.quiet;
        let bar = shown.then(|| {
            let style = ProgressStyle::with_template("{msg:20} {wide_bar} {human_pos}/{human_len} rows  {eta}");
            ProgressBar::new(rows as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(what.to_owned())
        });
        if let Some(before) = self.bar.replace(bar) {
            before.finish_and_clear();
        }
        self.console.tell(&format!("{:7.2} s  {what}, {rows} rows", self.began.elapsed().as_secs_f64()));
    }

    fn advance(&self, rows: usize) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.inc(rows as u64);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

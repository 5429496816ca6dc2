//! Instructions a decision, counted by whoever can.
//!
//! Two counts of different numbers of decisions are taken and subtracted, so that loading the model and starting the
//! program do not show.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use kinfer_convert::engine::Caller;
use perf_event::Builder;
use perf_event::events::Hardware;
use serde::Serialize;

use super::rows::decide;

/// Time that the counted decisions take without callgrind, which makes them about fifty times slower.
const NATIVE_NS: f64 = 2e7;

#[derive(Serialize)]
pub(super) struct Instructions {
    pub(super) a_decision: Option<f64>,
    /// Who counted.
    pub(super) by: Option<&'static str>,
    /// Why nobody could.
    pub(super) unavailable: Option<String>,
}

impl Instructions {
    pub(super) fn count(caller: &mut Caller<'_>, rows: &[Vec<i64>], model: &Path, ns: f64) -> Self {
        // Whole passes over the rows, so that both counts have the same mixture.
        let passes = (NATIVE_NS / ns / rows.len() as f64).ceil().clamp(1.0, 64.0) as usize;
        let (few, many) = (rows.len(), rows.len() * (1 + passes));
        let a_decision =
            |few_counted: u64, many_counted: u64| many_counted.saturating_sub(few_counted) as f64 / (many - few) as f64;
        let counter = by_the_processor(caller, rows, few)
            .and_then(|first| by_the_processor(caller, rows, many).map(|second| (first, second)));
        let no_counter = match counter {
            Ok((first, second)) if second > first => return Self::found(a_decision(first, second), "perf_event_open"),
            Ok(_) => "the processor's counter stands still".to_owned(),
            Err(error) => error.to_string(),
        };
        match by_callgrind(model, few).and_then(|first| Ok((first, by_callgrind(model, many)?))) {
            Ok((first, second)) => Self::found(a_decision(first, second), "valgrind --tool=callgrind"),
            Err(no_callgrind) => Self {
                a_decision: None,
                by: None,
                unavailable: Some(format!("perf_event_open: {no_counter}; callgrind: {no_callgrind}")),
            },
        }
    }

    fn found(a_decision: f64, by: &'static str) -> Self {
        Self { a_decision: Some(a_decision), by: Some(by), unavailable: None }
    }
}

/// Instructions of this thread in user space.
fn by_the_processor(caller: &mut Caller<'_>, rows: &[Vec<i64>], count: usize) -> io::Result<u64> {
    let mut counter = Builder::new(Hardware::INSTRUCTIONS).build()?;
    counter.enable()?;
    decide(caller, rows, count);
    counter.disable()?;
    counter.read()
}

/// Instructions of this program under callgrind, deciding `count` rows.
fn by_callgrind(model: &Path, count: usize) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg("bench")
        .arg(model)
        .args(["--only-decide", &count.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "valgrind is not installed".to_owned(),
            _ => format!("valgrind: {error}"),
        })?;
    let text = String::from_utf8_lossy(&output.stderr);
    let counted = text.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match counted {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("valgrind ended with {}", output.status)),
    }
}

//! The time of a decision in the kernel; under `-icount` a nanosecond is an instruction.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use kinfer_agent::Device;
use serde::Serialize;

use crate::decide::open_rows;
use crate::report;

#[derive(Serialize)]
struct Summary {
    rows: usize,
    rounds: u32,
    /// One decision without the cost of measuring, over the rows.
    min_ns: u64,
    median_ns: u64,
    max_ns: u64,
    /// The cost of measuring: the shortest seen.
    empty_ns: u64,
}

pub(crate) fn run(model: &Path, rows: &Path, sample: u32, rounds: u32, out: &Path) -> Result<bool> {
    let bytes = fs::read(model).with_context(|| model.display().to_string())?;
    let device = Device::open()?;
    device.load(&bytes).with_context(|| model.display().to_string())?;

    let all: Vec<_> = open_rows(&bytes, rows)?.collect::<Result<_, _>>()?;
    ensure!(!all.is_empty(), "{}: no rows", rows.display());
    let step = (all.len() / sample as usize).max(1);
    let timings = all
        .iter()
        .step_by(step)
        .take(sample as usize)
        .map(|row| device.measure(row, rounds))
        .collect::<Result<Vec<_>, _>>()?;

    let mut times: Vec<u64> = timings.iter().map(|timing| timing.decision_ns()).collect();
    times.sort_unstable();
    let summary = Summary {
        rows: times.len(),
        rounds,
        min_ns: times[0],
        median_ns: times[times.len() / 2],
        max_ns: times[times.len() - 1],
        empty_ns: timings.iter().map(|timing| timing.empty_ns).min().unwrap_or(0),
    };
    report::write(out, "measure.json", &summary)?;
    println!(
        "a decision takes {} ns (median of {} rows; {} to {})",
        summary.median_ns, summary.rows, summary.min_ns, summary.max_ns
    );
    // A decision of no time at all was not measured.
    let measured = summary.min_ns > 0;
    println!("{} passed, {} failed", usize::from(measured), usize::from(!measured));
    Ok(measured)
}

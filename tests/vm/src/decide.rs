//! Every row, three ways: this process, ioctl, kfunc. One differing bit is a failure.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use kinfer::Model;
use kinfer::uapi::{DecisionRecord, Info};
use kinfer_agent::{Columns, Device, Rows};
use serde::Serialize;

use crate::engine::Engine;
use crate::kfunc::{Answer, Kfunc};
use crate::report;

#[derive(Default, Serialize)]
struct Summary {
    rows: u64,
    differing_by_ioctl: u64,
    differing_by_kfunc: u64,
    /// Decisions of each class.
    classes: BTreeMap<u32, u64>,
    out_of_range: u64,
    low_margin: u64,
    model_bytes: u64,
    packed_bytes: u64,
    scratch_bytes: u64,
    operations: u64,
    model_crc: String,
    passed: usize,
    failed: usize,
}

pub(crate) fn run(model: &Path, rows: &Path, bpf: &Path, out: &Path) -> Result<bool> {
    let bytes = fs::read(model).with_context(|| model.display().to_string())?;
    let mut engine = Engine::new(&bytes).map_err(|error| anyhow!("{}: {error}", model.display()))?;
    let device = Device::open()?;
    device.load(&bytes).with_context(|| model.display().to_string())?;
    let mut kfunc = Kfunc::load(bpf)?;

    let mut summary = Summary::default();
    let path = out.join("decisions.csv");
    let mut decisions = BufWriter::new(File::create(&path).with_context(|| path.display().to_string())?);
    writeln!(decisions, "outcome,flags,value_bits,margin_bits")?;
    for row in open_rows(&bytes, rows)? {
        let row = row.with_context(|| rows.display().to_string())?;
        let here = engine.decide(&row);
        let by_ioctl = device.decide(&row)?;
        let by_kfunc = kfunc.decide(&row)?;
        let number = summary.rows + 1;
        if by_ioctl != here {
            summary.differing_by_ioctl += 1;
            eprintln!("row {number}: {by_ioctl:?} by ioctl, {here:?} in user space");
        }
        if by_kfunc != Answer::decided(here) {
            summary.differing_by_kfunc += 1;
            eprintln!("row {number}: {by_kfunc:?} by kfunc, {here:?} in user space");
        }
        summary.count(&by_ioctl);
        let DecisionRecord { outcome, flags, value, margin } = by_ioctl;
        writeln!(decisions, "{outcome},{flags},{value},{margin}")?;
    }
    decisions.flush()?;

    summary.close(&device.info()?);
    report::write(out, "decide.json", &summary)?;
    println!(
        "{} rows decided in the kernel; differing from user space: {} by ioctl, {} by kfunc",
        summary.rows, summary.differing_by_ioctl, summary.differing_by_kfunc
    );
    println!("{} passed, {} failed", summary.passed, summary.failed);
    Ok(summary.failed == 0)
}

/// The rows of `path` in the order of the schema of `model`, whatever other columns there are.
pub(crate) fn open_rows(model: &[u8], path: &Path) -> Result<Rows> {
    let model = Model::parse(model).map_err(|error| anyhow!("{error}"))?;
    let names = model.features().iter().map(|feature| feature.name.to_string()).collect();
    Rows::open(path, &Columns::Named(names)).with_context(|| path.display().to_string())
}

impl Summary {
    fn count(&mut self, decision: &DecisionRecord) {
        let flags = kinfer::Flags::from_bits(decision.flags);
        self.rows += 1;
        *self.classes.entry(decision.outcome).or_default() += 1;
        self.out_of_range += u64::from(flags.contains(kinfer::Flags::OUT_OF_RANGE));
        self.low_margin += u64::from(flags.contains(kinfer::Flags::LOW_MARGIN));
    }

    fn close(&mut self, info: &Info) {
        self.model_bytes = info.model_bytes;
        self.packed_bytes = info.packed_bytes;
        self.scratch_bytes = info.scratch_bytes;
        self.operations = info.ops;
        self.model_crc = format!("{:08x}", info.model_crc);
        // Two facts; without a row neither is shown.
        let hold = [self.differing_by_ioctl, self.differing_by_kfunc].map(|differing| self.rows > 0 && differing == 0);
        self.passed = hold.into_iter().filter(|&holds| holds).count();
        self.failed = hold.len() - self.passed;
    }
}

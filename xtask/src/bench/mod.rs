//! `cargo xtask bench`: the core's object as the kernel has it, against peers, and its instruction counts.

mod counts;
mod files;
mod harness;
mod peers;
mod report;
mod targets;

use std::fs;

use anyhow::{Result, ensure};
use clap::Args;
use kinfer_bench_cases::{Case, all};

use crate::kernel::Kernel;
use crate::module::bench::{self as module, Objects};
use crate::setup;
use crate::steps::Steps;
use counts::Counts;
use files::Folder;
use harness::Harness;
use report::Report;

/// What `cargo xtask bench` takes.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct BenchArgs {
    /// Print the results as JSON on standard output, not as Markdown
    #[arg(long)]
    json: bool,
    /// Only these cases; RESULTS.md stays as it is
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Count instructions and nothing else; fail where a case needs over 3 % more than benches/instructions.json says
    #[arg(long, conflicts_with_all = ["json", "bless"])]
    check: bool,
    /// Count instructions and nothing else; write them to benches/instructions.json
    #[arg(long, conflicts_with_all = ["json", "cases"])]
    bless: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask bench                          everything; writes benches/RESULTS.md
  cargo xtask bench --json --case mllb       one case, as JSON
  cargo xtask bench --check                  instruction counts against the committed table, in seconds

Peers that cannot be built here are left out, and the results say why. Close other programs: times are medians
of rounds in which all take turns, but a busy machine still blurs them.

Exit status:
  0    measured; with --check: no case has grown
  1    a step failed, a peer computed something else, or (--check) a case has grown
  2    the command line was wrong
  3    Debian packages must be installed and neither root nor sudo is at hand";

/// The core's object, harness, cases, instructions.
pub(crate) const CHECK_STEPS: usize = 4;

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let wanted = |case: &Case| args.cases.is_empty() || args.cases.iter().any(|name| name == case.name);
    let cases: Vec<Case> = all().into_iter().filter(wanted).collect();
    ensure!(!cases.is_empty(), "there is no such case");
    let timing = if args.check || args.bless { 0 } else { peers::STEPS + cases.len() };
    let steps = Steps::new("bench", setup::STEPS + CHECK_STEPS + timing)?;
    let kernel = setup::kernel(&steps, false)?;
    let prepared = Prepared::new(&steps, &kernel, &cases)?;
    if args.bless {
        return prepared.counts.write();
    }
    if args.check {
        let counts = &prepared.counts;
        return counts.compare().map(|passed| println!("{passed} passed, 0 failed"));
    }

    let peers = peers::build(&steps, &prepared.folders)?;
    let mut measured = Vec::new();
    for folder in &prepared.folders {
        let lines = steps.step(folder.case.name, |step| prepared.harness.time(step, folder, &peers))?;
        measured.push((folder.case.name, lines));
    }
    let report = Report::new(measured, &prepared.counts, &prepared.objects)?;
    if args.cases.is_empty() {
        fs::write(report::path(), report.markdown())?;
        eprintln!("written: {}", report::path().display());
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        println!("{}", report.markdown());
    }
    Ok(())
}

/// Counts the instructions of every case against the committed table, as a part of another command of [`CHECK_STEPS`]
/// more steps; how many cases passed.
///
/// # Errors
///
/// A case has grown.
pub(crate) fn check(steps: &Steps, kernel: &Kernel) -> Result<u64> {
    Prepared::new(steps, kernel, &all())?.counts.compare()
}

/// What can be had without peers, in seconds.
struct Prepared<'a> {
    objects: Objects,
    harness: Harness,
    folders: Vec<Folder<'a>>,
    counts: Counts,
}

impl<'a> Prepared<'a> {
    fn new(steps: &Steps, kernel: &Kernel, cases: &'a [Case]) -> Result<Self> {
        let dir = steps.dir();
        let objects = steps.step("the core's object", |step| module::build(kernel, step, dir))?;
        let harness = steps.step("harness", |step| Harness::build(step, &objects, dir))?;
        let folders = steps.step("cases", |_| {
            let folder = |case| Folder::write(case, &dir.join("cases"));
            cases.iter().map(folder).collect::<Result<Vec<_>>>()
        })?;
        let counts = steps.step("instructions", |step| Counts::measure(step, &harness, &folders, dir))?;
        Ok(Self { objects, harness, folders, counts })
    }
}

//! The table of cases: each a fact about the running kernel, named by it. A file holds the facts of one subject.

mod access;
mod decide;
mod lifetime;
mod load;
mod refuse;
mod swap;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::lab::Lab;
use crate::report::{self, Outcome, Outcomes};

/// A fact, and what shows it.
pub(crate) type Case = (&'static str, fn(&Lab) -> Result<()>);

/// Every case; those that unload the module come last.
const TABLE: &[&[Case]] = &[load::CASES, refuse::CASES, decide::CASES, access::CASES, swap::CASES, lifetime::CASES];

pub(crate) fn run(folder: &Path, only: Option<&str>, bpf: &Path, out: &Path) -> Result<bool> {
    let lab = Lab::new(folder, bpf)?;
    println!("{} valid and {} hostile models in {}", lab.valid.len(), lab.hostile.len(), folder.display());

    let chosen = TABLE.iter().copied().flatten().filter(|(name, _)| only.is_none_or(|part| name.contains(part)));
    let outcomes = Outcomes::from(chosen.map(|case| run_one(&lab, case)).collect::<Vec<_>>());
    ensure!(!outcomes.cases.is_empty(), "no case has such a name");

    report::write(out, "suite.json", &outcomes)?;
    println!("{} passed, {} failed", outcomes.passed, outcomes.failed);
    Ok(outcomes.failed == 0)
}

fn run_one(lab: &Lab, (name, case): &Case) -> Outcome {
    let start = Instant::now();
    let result = case(lab);
    let seconds = start.elapsed().as_secs_f64();
    let detail = result.err().map(|error| format!("{error:#}"));
    match &detail {
        None => println!("ok    {name} ({seconds:.2} s)"),
        Some(detail) => println!("FAIL  {name} ({seconds:.2} s): {detail}"),
    }
    Outcome { name: (*name).to_owned(), passed: detail.is_none(), seconds, detail }
}

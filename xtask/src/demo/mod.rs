//! `cargo xtask demo`: an ONNX file becomes decisions inside a real kernel, and a report says how good they are.

mod report;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::convert::{self, Converted};
use crate::kernel::Kernel;
use crate::module::{self, Built};
use crate::programs::Programs;
use crate::setup;
use crate::steps::{Step, Steps};
use crate::vm::{Machine, Outcome, Shape};
use crate::workspace;
use report::{Report, read_json};

/// Module, programs, convert, decide in the kernel.
const STEPS: usize = setup::STEPS + 4;

/// What the guest does, as an operator would.
const GUEST: &str = "\
set -e
modprobe kinfer
kinferctl load /in/io-latency.kinf
kinferctl status
kinfer-vm-tests decide /in/io-latency.kinf /in/rows.csv
kinfer-vm-tests measure /in/io-latency.kinf /in/rows.csv --sample 64 --rounds 20
kinferctl unload
rmmod kinfer
";

/// Runs the demo. Writes `target/demo/report.json`, prints it as a table, and fails when anything in it is not as it
/// must be.
pub(crate) fn run() -> Result<()> {
    let steps = Steps::new("demo", STEPS)?;
    let dir = workspace::target().join("demo");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let report_path = dir.join("report.json");
    if report_path.exists() {
        fs::remove_file(&report_path)?; // of an earlier run: a failed one leaves none
    }

    let kernel = setup::kernel(&steps, false)?;
    let built = steps.step("kinfer.ko", |step| module::build(&kernel, step))?;
    let programs = steps.step("programs", Programs::build)?;
    let converted = steps.step("convert io-latency", |step| convert::io_latency(step, &programs, &dir))?;
    let outcome =
        steps.step("decide in the kernel", |step| guest(step, &kernel, &built, &programs, &converted, &dir))?;

    let report = Report {
        kernel: kernel.release.to_string(),
        model: convert::FOLDER.to_owned(),
        conversion: converted.report,
        decisions: read_json(&outcome.out.join("decide.json"))?,
        instructions: read_json(&outcome.out.join("measure.json"))?,
        stack_bytes: built.checks.decision.bytes,
        steps: steps.times(),
        guest_status: outcome.status,
        findings: outcome.findings.iter().map(|finding| finding.text.clone()).collect(),
    };
    report.write(&report_path)?;
    print!("{}", report.table());
    println!("\nreport: {}", report_path.display());
    report.check()
}

fn guest(
    step: &Step<'_>,
    kernel: &Kernel,
    built: &Built,
    programs: &Programs,
    converted: &Converted,
    dir: &Path,
) -> Result<Outcome> {
    let outcome = Machine::new(kernel)
        .shape(Shape::Icount)
        .timeout(Duration::from_secs(600))
        .built_module(&built.ko)
        .host_program(&programs.kinferctl)
        .host_program(&programs.vm_tests)
        .file(&built.bpf_object, "/in/decide.bpf.o")
        .file(&converted.model, "/in/io-latency.kinf")
        .file(&converted.rows, "/in/rows.csv")
        .script(GUEST)
        .run(step, &dir.join("vm"))?;
    // A failure later than this is told, and failed on, by the report; without the results there is none.
    ensure!(
        outcome.out.join("measure.json").exists(),
        "the guest ended with status {} before it had decided and measured; its console: {}",
        outcome.status,
        outcome.console.display()
    );
    Ok(outcome)
}

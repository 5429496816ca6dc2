//! `cargo xtask test`: every test, in user space and inside the kernel.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use kinfer_suite::{hostile, models, zoo};
use serde::Deserialize;

use crate::bench;
use crate::convert::{self, Converted};
use crate::kernel::Kernel;
use crate::module::{self, Built};
use crate::outside;
use crate::programs::{Programs, cargo};
use crate::setup;
use crate::steps::{Step, Steps};
use crate::vm::{Machine, Outcome, Shape};

/// Tests in user space, what others compute, module, its checks' self-test, instruction counts, programs, converted model,
/// tests in the kernel.
const STEPS: usize = setup::STEPS + 6 + outside::STEPS + bench::CHECK_STEPS;

/// What the guest does. `suite` removes the module and puts it back; `decide` then shows all held-out rows.
const GUEST: &str = "\
modprobe kinfer || exit 1
kinfer-vm-tests suite /in/models; suite=$?
kinfer-vm-tests decide /in/models/io-latency.kinf /in/rows.csv && exit $suite
";

/// Runs everything; the last line on standard output is `N passed, N failed`.
pub(crate) fn run() -> Result<()> {
    let steps = Steps::new("test", STEPS)?;
    let kernel = setup::kernel(&steps, false)?;
    let mut passed = steps.step("tests in user space", |step| {
        let counts = user_space(step)?;
        step.note(format!("{counts} passed"));
        Ok(counts)
    })?;
    passed += outside::check(&steps)?;
    let built = steps.step("kinfer.ko and its checks", |step| module::build(&kernel, step))?;
    passed += steps.step("the checks refuse what they must", |step| module::selftest(&kernel, step))?;
    passed += bench::check(&steps, &kernel)?;
    let programs = steps.step("programs", Programs::build)?;
    let converted = steps.step("convert io-latency", |step| convert::io_latency(step, &programs, steps.dir()))?;

    let mut failed = 0;
    steps.step("tests in the kernel", |step| {
        let outcome = guest(step, &kernel, &built, &programs, &converted, steps.dir())?;
        let mut here = 0;
        for file in ["suite.json", "decide.json"] {
            let counts = Counts::read(&outcome.out.join(file))?;
            here += counts.passed;
            failed += counts.failed;
        }
        step.note(format!("{here} passed"));
        passed += here;
        outcome.check()
    })?;
    println!("{passed} passed, {failed} failed");
    ensure!(failed == 0, "{failed} tests failed");
    Ok(())
}

/// Counts that the guest's programs write.
#[derive(Deserialize)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))
    }
}

/// Number of tests that passed; one that fails is an error, with its output at the end of the step's log.
fn user_space(step: &Step<'_>) -> Result<u64> {
    let output = step.output(cargo().args(["test", "--locked", "--no-fail-fast"]))?;
    let mut passed = 0;
    for line in output.lines().filter_map(|line| line.strip_prefix("test result: ok. ")) {
        let count = line.split_whitespace().next().unwrap_or_default();
        passed += count.parse::<u64>().with_context(|| format!("in `{line}`"))?;
    }
    if passed == 0 {
        bail!("cargo test ran no test");
    }
    Ok(passed)
}

fn guest(
    step: &Step<'_>,
    kernel: &Kernel,
    built: &Built,
    programs: &Programs,
    converted: &Converted,
    dir: &Path,
) -> Result<Outcome> {
    let models = dir.join("models");
    fs::create_dir_all(&models).with_context(|| format!("making {}", models.display()))?;
    fs::copy(&converted.model, models.join("io-latency.kinf"))?;
    fs::write(models.join("two-counters.kinf"), models::two_counters().to_bytes())?;
    for (name, spec) in zoo::all() {
        fs::write(models.join(name).with_extension("kinf"), spec.to_bytes())?;
    }
    for file in hostile::all() {
        fs::write(models.join(file.name).with_extension("kinf"), file.bytes)?;
    }
    Machine::new(kernel)
        .shape(Shape::Smp)
        .timeout(Duration::from_secs(1200))
        .built_module(&built.ko)
        .host_program(&programs.vm_tests)
        .file(&built.bpf_object, "/in/decide.bpf.o")
        .file(&models, "/in/models")
        .file(&converted.rows, "/in/rows.csv")
        .script(GUEST)
        .run(step, &dir.join("vm"))
}

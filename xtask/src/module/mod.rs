//! The kernel module: the core crate compiled as the kernel is, the module linked with it, and the checks on the
//! objects.
//!
//! ```text
//! kinfer/ ──stage, vendor, edit──▶ core_crate ──kcore.o, rlib──▶ kmod ──▶ kinfer.ko ──▶ objcheck
//!                        flags (asked from Kbuild) ──┘
//! kinfer-kmod/bpf/ ──────────────────────────────────────────────▶ bpf ──▶ decide.bpf.o
//! ```
//!
//! Everything is made in `build/kinfer/<release>/` of the Debian root, from copies of the repository's files.

pub(crate) mod bench;
mod bpf;
mod build;
mod core_crate;
mod emitted;
mod flags;
mod kmod;
mod objcheck;
mod patch;
mod stage;
mod vendor;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::kernel::Kernel;
use crate::setup;
use crate::steps::{Step, Steps};
use build::Build;
use objcheck::selftest;

/// The module's sources in the repository.
const SOURCES: &str = "kinfer-kmod";

/// What was built.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// The module.
    pub(crate) ko: PathBuf,
    /// The BPF program that calls the module's kfunc.
    pub(crate) bpf_object: PathBuf,
    /// What the checks on the objects found.
    pub(crate) checks: objcheck::Report,
}

/// `cargo xtask module`: builds the module and checks its objects.
pub(crate) fn run() -> Result<()> {
    let steps = Steps::new("module", setup::STEPS + 1)?;
    let kernel = setup::kernel(&steps, false)?;
    let built = steps.step("kinfer.ko and its checks", |step| build(&kernel, step))?;
    println!("{}", serde_json::to_string_pretty(&built.checks)?);
    Ok(())
}

/// Builds the module for `kernel`, and checks its objects.
pub(crate) fn build(kernel: &Kernel, step: &Step<'_>) -> Result<Built> {
    let _lock = kernel.lock(step)?;
    let build = Build::new(kernel, step);
    let repository = crate::workspace::root();
    let flags = flags::probe(&build).context("the kernel's compiler flags")?;
    let core = core_crate::build(&build, &flags, repository).context("the core, for the kernel")?;
    let ko = kmod::build(&build, &core, repository).context("the module")?;
    emitted::build(&build)?;
    let bpf_object = bpf::build(&build, repository).context("the BPF program")?;
    let checks = objcheck::check(&core.object, &ko, &kernel.tree).context("checks on the objects")?;
    build.log(&format!("{checks:#?}"))?;
    Ok(Built { ko, bpf_object, checks })
}

/// Shows that every check on the objects refuses what it must; how many faults it refused.
pub(crate) fn selftest(kernel: &Kernel, step: &Step<'_>) -> Result<u64> {
    let _lock = kernel.lock(step)?;
    let build = Build::new(kernel, step);
    let repository = crate::workspace::root();
    let flags = flags::probe(&build).context("the kernel's compiler flags")?;
    // Its dependencies are those of the core.
    core_crate::build(&build, &flags, repository).context("the core, for the kernel")?;
    let object = core_crate::build_planted(&build, &flags, repository, selftest::PLANTED)?;
    let refused = selftest::run(&object, &kernel.tree)?;
    step.note(format!("{refused} planted faults, all refused"));
    Ok(refused as u64)
}

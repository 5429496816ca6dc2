//! The workspace's own programs, built by cargo for the host. Those of the guest run there with the Debian root's
//! libraries.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::steps::Step;
use crate::workspace;

/// Programs that were built.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The converter.
    pub(crate) kinfer: PathBuf,
    /// The operator's tool.
    pub(crate) kinferctl: PathBuf,
    /// The tests that run in the guest.
    pub(crate) vm_tests: PathBuf,
}

impl Programs {
    /// Builds them all.
    pub(crate) fn build(step: &Step<'_>) -> Result<Self> {
        step.run(cargo().args(["build", "--locked"]).args([
            "--package=kinfer-convert",
            "--package=kinfer-agent",
            "--package=kinfer-vm-tests",
        ]))?;
        let program = |name| workspace::target().join("debug").join(name);
        Ok(Self { kinfer: program("kinfer"), kinferctl: program("kinferctl"), vm_tests: program("kinfer-vm-tests") })
    }
}

/// The cargo that runs this program, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root());
    cargo
}

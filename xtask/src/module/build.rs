//! Where the module is built: a folder of the Debian root for each kernel release, and commands that run in that
//! root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::kernel::Kernel;
use crate::steps::Step;

/// The build folder of one kernel release, and the step that builds in it.
pub(super) struct Build<'a> {
    kernel: &'a Kernel,
    step: &'a Step<'a>,
    base: PathBuf,
}

impl<'a> Build<'a> {
    pub(super) fn new(kernel: &'a Kernel, step: &'a Step<'a>) -> Self {
        let base = kernel.root.build_dir().join("kinfer").join(&kernel.release);
        Self { kernel, step, base }
    }

    /// A folder in the build folder.
    pub(super) fn dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.base.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        Ok(dir)
    }

    /// A path of this machine as the Debian root sees it.
    pub(super) fn inside(&self, path: &Path) -> Result<PathBuf> {
        self.kernel.root.inside(path)
    }

    /// A command in the Debian root.
    pub(super) fn command(&self, program: &str) -> Result<Command> {
        self.kernel.root.command(program)
    }

    /// Kbuild for the external module in `dir`; add its target.
    pub(super) fn make(&self, dir: &Path) -> Result<Command> {
        let jobs = std::thread::available_parallelism().map_or(1, |count| count.get());
        let mut make = self.command("make")?;
        make.arg("-C")
            .arg(self.inside(&self.kernel.tree)?)
            .arg(format!("M={}", self.inside(dir)?.display()))
            .arg(format!("KERNELRELEASE={}", self.kernel.release))
            .arg(format!("-j{jobs}"));
        Ok(make)
    }

    /// Runs a command with its output in the step's log.
    pub(super) fn run(&self, command: &mut Command) -> Result<()> {
        self.step.run(command)
    }

    /// Writes a line to the step's log.
    pub(super) fn log(&self, line: &str) -> Result<()> {
        self.step.log(line)
    }
}

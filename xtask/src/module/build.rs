//! Where the module is built: a folder of the Debian root, and commands that run there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::kernel::Kernel;
use crate::steps::Step;

/// The build folder of one kernel release, and the step that builds in it.
pub(crate) struct Build<'a> {
    kernel: &'a Kernel,
    step: &'a Step<'a>,
    base: PathBuf,
}

impl<'a> Build<'a> {
    pub(crate) fn new(kernel: &'a Kernel, step: &'a Step<'a>) -> Result<Self> {
        let base = kernel.root.join("build/kinfer").join(&kernel.release);
        fs::create_dir_all(&base)?;
        Ok(Self { kernel, step, base })
    }

    /// A folder in the build folder.
    pub(crate) fn dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.base.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        Ok(dir)
    }

    /// A path of this machine as the Debian root sees it.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.kernel.root) {
            Ok(rest) => Path::new("/").join(rest),
            Err(_) => path.to_owned(),
        }
    }

    /// A command in the Debian root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", "root=$1; shift; mount -t proc proc \"$root/proc\" && exec chroot \"$root\" \"$@\"", "sh"])
            .arg(&self.kernel.root)
            .arg(program);
        command
    }

    /// Kbuild for the external module in `dir`.
    pub(crate) fn make(&self, dir: &Path) -> Command {
        let mut make = self.command("make");
        make.arg("-C")
            .arg(self.inside(&self.kernel.tree))
            .arg(format!("M={}", self.inside(dir).display()))
            .arg(format!("KERNELRELEASE={}", self.kernel.release))
            .arg("-j2");
        make
    }

    /// Runs a command with its output in the step's log.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        self.step.run(command)
    }
}

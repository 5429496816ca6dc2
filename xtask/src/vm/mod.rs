//! The virtual machine: Debian's kernel under QEMU, with a file system in memory.
//!
//! QEMU emulates the processor (TCG): results do not depend on the host, and times measured inside
//! mean nothing, except under [`Shape::Icount`], where a nanosecond is an instruction.

mod dmesg;
mod files;
mod initramfs;
mod libraries;
mod modules;
mod qemu;
mod script;
pub(crate) mod shell;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::kernel::Kernel;
use crate::steps::{Step, shell_quote};
pub(crate) use dmesg::Finding;
use files::Files;

/// How the machine's processors run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// Two processors at once: for tests.
    #[default]
    Smp,
    /// One processor whose time advances by 1 ns an instruction: for measurements that repeat.
    Icount,
}

/// A machine that is being put together. Its kernel boots, runs the guest script as root and
/// powers off; what the script leaves in `/out` comes back.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    kernel: &'a Kernel,
    shape: Shape,
    memory_mib: u32,
    timeout: Duration,
    files: Files,
    environment: Vec<(String, String)>,
    script: String,
}

/// What a machine left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit status of the guest script.
    pub(crate) status: u8,
    /// The guest's `/out`, on the host.
    pub(crate) out: PathBuf,
    /// All that the guest wrote to its console.
    pub(crate) console: PathBuf,
    /// Lines of the kernel's log that must not be there.
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(kernel: &'a Kernel) -> Self {
        Self {
            kernel,
            shape: Shape::default(),
            memory_mib: 1024,
            timeout: Duration::from_secs(300),
            files: Files::default(),
            environment: Vec::new(),
            script: "exit 0\n".to_owned(),
        }
    }

    pub(crate) fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The guest's memory, which holds its files too.
    pub(crate) fn memory_mib(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// The longest time, on the host's clock, that the machine may run.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A module of the stock kernel, for `modprobe`, with all that it depends on.
    pub(crate) fn module(mut self, name: &str) -> Self {
        self.files.modules.push(name.to_owned());
        self
    }

    /// A module that was built here, such as `kinfer.ko`, for `modprobe`.
    pub(crate) fn built_module(mut self, path: &Path) -> Self {
        self.files.built_modules.push(path.to_owned());
        self
    }

    /// A program of the Debian root, by name, with its libraries.
    pub(crate) fn program(mut self, name: &str) -> Self {
        self.files.programs.push(name.to_owned());
        self
    }

    /// A program that was built on the host, into `/usr/local/bin`. It runs with the libraries of
    /// the Debian root.
    pub(crate) fn host_program(mut self, path: &Path) -> Self {
        self.files.host_programs.push(path.to_owned());
        self
    }

    /// A file or folder of the host, at this absolute path in the guest.
    pub(crate) fn file(mut self, host: &Path, guest: &str) -> Self {
        self.files.inputs.push((host.to_owned(), guest.into()));
        self
    }

    /// An environment variable of the guest script.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The guest script, for `sh`.
    pub(crate) fn script(mut self, text: &str) -> Self {
        self.script = text.to_owned();
        self
    }

    /// Boots, waits for the end, and collects the results in `dir`, which is emptied first.
    ///
    /// A machine that does not end in time, or ends without its results or its kernel log, is an
    /// error; the guest script's own failure and findings in the log are not: see
    /// [`Outcome::check`].
    pub(crate) fn run(&self, step: &Step<'_>, dir: &Path) -> Result<Outcome> {
        let run = self.prepare(step, dir)?;
        let outcome =
            run.boot(qemu::Console::File, |console_line| step.waits_for(console_line)).and_then(|()| run.collect());
        // A failed step shows the end of its log.
        let console = fs::read(run.dir.join(qemu::CONSOLE)).unwrap_or_default();
        step.log(&String::from_utf8_lossy(&console))?;
        outcome
    }

    fn prepare(&self, step: &Step<'_>, dir: &Path) -> Result<Run> {
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("emptying {}", dir.display()))?;
        }
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        step.waits_for("the machine's files");
        let mut tree = self.files.tree(self.kernel, step)?;
        tree.text("/etc/kinfer-vm.env", environment_script(&self.environment));
        tree.script("/run", with_interpreter(&self.script));
        tree.write(&dir.join(qemu::INITRAMFS))?;
        Ok(Run {
            dir: dir.to_owned(),
            vmlinuz: self.kernel.vmlinuz.clone(),
            shape: self.shape,
            memory_mib: self.memory_mib,
            timeout: self.timeout,
        })
    }
}

impl Outcome {
    /// Fails if the guest script failed or the kernel's log has findings.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_dmesg()?;
        ensure!(
            self.status == 0,
            "the guest script ended with status {}; its console: {}",
            self.status,
            self.console.display()
        );
        Ok(())
    }

    /// Fails if the kernel's log has findings.
    pub(crate) fn check_dmesg(&self) -> Result<()> {
        let shown: Vec<_> = self
            .findings
            .iter()
            .take(10)
            .map(|finding| format!("\n  line {}: {}", finding.line, finding.text))
            .collect();
        ensure!(
            self.findings.is_empty(),
            "the kernel's log {} has {} findings:{}",
            self.out.join("dmesg").display(),
            self.findings.len(),
            shown.concat()
        );
        Ok(())
    }
}

/// A machine whose files are written.
#[derive(Debug)]
struct Run {
    dir: PathBuf,
    vmlinuz: PathBuf,
    shape: Shape,
    memory_mib: u32,
    timeout: Duration,
}

impl Run {
    fn boot(&self, console: qemu::Console, progress: impl FnMut(&str)) -> Result<()> {
        let mut qemu = qemu::command(&self.dir, &self.vmlinuz, self.shape, self.memory_mib, console);
        qemu::wait(&mut qemu, &self.dir, self.timeout, progress)
    }

    fn collect(&self) -> Result<Outcome> {
        let console = self.dir.join(qemu::CONSOLE);
        let archive = self.dir.join(qemu::RESULTS);
        let out = self.dir.join("out");
        let lost = || format!("the machine ended without handing over its results; its console: {}", console.display());
        let file = fs::File::open(&archive).with_context(lost)?;
        let mut files = tar::Archive::new(file);
        files.set_preserve_ownerships(false);
        files.unpack(&out).with_context(lost)?;
        let status = fs::read_to_string(out.join("status")).with_context(lost)?;
        let status = status.trim().parse().with_context(|| format!("status `{status}`"))?;
        let findings = dmesg::scan_file(&out.join("dmesg"))?;
        fs::remove_file(archive)?;
        Ok(Outcome { status, out, console, findings })
    }
}

fn environment_script(variables: &[(String, String)]) -> String {
    variables.iter().map(|(name, value)| format!("export {name}={}\n", shell_quote(value))).collect()
}

fn with_interpreter(script: &str) -> String {
    if script.starts_with("#!") { script.to_owned() } else { format!("#!/bin/sh\n{script}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reaches_the_guest_as_it_is() {
        let variables = [("A".to_owned(), "two words $x".to_owned())];
        assert_eq!(environment_script(&variables), "export A='two words $x'\n");
    }

    #[test]
    fn a_script_keeps_its_own_interpreter() {
        assert_eq!(with_interpreter("exit 3\n"), "#!/bin/sh\nexit 3\n");
        assert_eq!(with_interpreter("#!/bin/busybox sh\n"), "#!/bin/busybox sh\n");
    }
}

//! The harness: built, linked with the core's object, run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::files::Folder;
use super::peers::{Peer, Peers};
use crate::module::bench::Objects;
use crate::steps::Step;
use crate::workspace;

const SOURCES: [&str; 4] = ["main.c", "runners.c", "time.c", "kernel.S"];

/// The memory functions, which are the kernel's: see kernel.S.
const WRAPPED: [&str; 5] = ["memcpy", "memset", "memmove", "memcmp", "bcmp"];

/// The program.
pub(super) struct Harness {
    program: PathBuf,
}

/// A line of its output.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    /// `kinfer`, `network` (its network alone) or a peer.
    pub(super) name: String,
    /// Median of a call, everything in the caches.
    pub(super) ns: Option<f64>,
    /// Median of a call, parameters in no cache.
    pub(super) cold_ns: Option<f64>,
    /// Why a peer is not there.
    pub(super) absent: Option<String>,
    #[serde(default)]
    exact: bool,
    error: Option<f64>,
    same_class: Option<f64>,
    #[serde(default)]
    only_class: bool,
}

impl Harness {
    /// Builds it into `dir`. The kernel's code model wants it below 2 GiB, hence not position independent.
    pub(super) fn build(step: &Step<'_>, objects: &Objects, dir: &Path) -> Result<Self> {
        let program = dir.join("harness");
        let sources = workspace::root().join("benches/harness");
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-pie", "-no-pie", "-o"]).arg(&program);
        gcc.args(SOURCES.map(|name| sources.join(name))).args(&objects.link);
        gcc.args(WRAPPED.map(|name| format!("-Wl,--wrap={name}"))).args(["-Wl,-z,noexecstack", "-ldl", "-lm"]);
        step.run(&mut gcc)?;
        Ok(Self { program })
    }

    /// Times a case.
    ///
    /// # Errors
    ///
    /// Someone computes something else than the case.
    pub(super) fn time(&self, step: &Step<'_>, folder: &Folder<'_>, peers: &Peers) -> Result<Vec<Line>> {
        let mut command = Command::new(&self.program);
        command.envs(peers.environment()).arg("time").arg(&folder.dir);
        let mut lines = Vec::new();
        for Peer { name, object } in peers.of(folder.case) {
            match object {
                Ok(object) => _ = command.arg(format!("{name}={}", object.display())),
                Err(why) => lines.push(Line::absent(name, &why)),
            }
        }
        let output = step.output(&mut command)?;
        for line in output.lines() {
            lines.push(serde_json::from_str(line).with_context(|| format!("in `{line}`"))?);
        }
        for line in &lines {
            line.agrees()?;
        }
        let ns = |name| lines.iter().find_map(|line| line.ns.filter(|_| line.name == name));
        let (kinfer, scalar) = (ns("kinfer").unwrap_or(f64::NAN), ns("gcc_scalar"));
        step.note(match scalar {
            Some(scalar) => format!("{kinfer:.0} ns, {:.2} times faster than gcc's loop", scalar / kinfer),
            None => format!("{kinfer:.0} ns"),
        });
        Ok(lines)
    }

    /// A command that counts `folders` under callgrind, for [`super::counts`].
    pub(super) fn count<'a>(&self, folders: impl Iterator<Item = &'a Path>) -> Command {
        let mut valgrind = Command::new("valgrind");
        valgrind.args([
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=measured",
            "--dump-after=measured",
        ]);
        valgrind.arg("--callgrind-out-file=callgrind.out").arg(&self.program).arg("count").args(folders);
        valgrind
    }
}

impl Line {
    fn absent(name: &str, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            ns: None,
            cold_ns: None,
            absent: Some(why.to_owned()),
            exact: false,
            error: None,
            same_class: None,
            only_class: false,
        }
    }

    /// Integer implementations give the same scores; float ones, which do not round, nearly; those that only vote
    /// nearly the same classes.
    fn agrees(&self) -> Result<()> {
        let (Some(error), Some(same_class)) = (self.error, self.same_class) else { return Ok(()) };
        let name = &self.name;
        let integer = ["kinfer", "network", "gcc_scalar"].contains(&name.as_str());
        let exact = if self.only_class { same_class == 1.0 } else { self.exact };
        ensure!(exact || !integer, "{name} gives other scores: off by {error} of their spread");
        ensure!(
            error < 0.15 || self.only_class,
            "{name} computes another network: off by {error} of the scores' spread"
        );
        ensure!(same_class > 0.9, "{name} computes another network: {same_class} of its classes are the same");
        Ok(())
    }
}

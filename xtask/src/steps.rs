//! The step runner: what a user sees while something long is made.
//!
//! Every step has a line (number, name, elapsed time, what it waits for), a log file that holds the
//! output of all its commands, and, when it fails, a message with the end of that log, its path and
//! what to do. Lines go to standard error; standard output is for results.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::exit::Exit;

/// Lines of a failed step's log that are shown.
const TAIL_LINES: usize = 20;

/// How long one step took, for reports.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StepTime {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    /// The step was finished by an earlier run, so that there was nothing to do.
    pub(crate) reused: bool,
}

/// The steps of one command.
#[derive(Debug)]
pub(crate) struct Steps {
    dir: PathBuf,
    _lock: File,
    total: usize,
    begun: Cell<usize>,
    times: RefCell<Vec<StepTime>>,
    terminal: bool,
}

impl Steps {
    /// `command` names the folder below `target/xtask/` that holds the logs and may hold other
    /// files of the run; it is emptied. A second run at the same time gets a folder of its own.
    /// `total` is the number of steps that will be begun.
    pub(crate) fn new(command: &str, total: usize) -> Result<Self> {
        let base = crate::workspace::target().join("xtask");
        fs::create_dir_all(&base).with_context(|| format!("making {}", base.display()))?;
        let (dir, lock) = free_dir(&base, command)?;
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("emptying {}", dir.display()))?;
        }
        fs::create_dir(&dir).with_context(|| format!("making {}", dir.display()))?;
        Ok(Self {
            dir,
            _lock: lock,
            total,
            begun: Cell::new(0),
            times: RefCell::default(),
            terminal: io::stderr().is_terminal(),
        })
    }

    /// Runs one step. An error that `work` returns is shown here, in full, and comes back as
    /// [`Exit`], which the command passes on.
    pub(crate) fn step<T>(&self, name: &str, work: impl FnOnce(&Step<'_>) -> Result<T>) -> Result<T> {
        let step = Step::begin(self, name)?;
        match work(&step) {
            Ok(value) => {
                step.end();
                Ok(value)
            }
            Err(error) => Err(step.fail(&error)),
        }
    }

    /// The finished steps so far, in order.
    pub(crate) fn times(&self) -> Vec<StepTime> {
        self.times.borrow().clone()
    }

    /// The folder of this run.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A step that is under way.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    steps: &'a Steps,
    name: String,
    label: String,
    log: PathBuf,
    started: Instant,
    bar: Option<ProgressBar>,
    reused: Cell<bool>,
    note: RefCell<String>,
}

impl<'a> Step<'a> {
    fn begin(steps: &'a Steps, name: &str) -> Result<Self> {
        let index = steps.begun.get() + 1;
        steps.begun.set(index);
        let total = steps.total.max(index);
        let width = total.to_string().len();
        let label = format!("[{index:>width$}/{total}] {name}");
        let log = steps.dir.join(format!("{index:02}-{}.log", slug(name)));
        File::create(&log).with_context(|| format!("making {}", log.display()))?;

        let bar = steps.terminal.then(|| {
            let style =
                ProgressStyle::with_template("{prefix} … {elapsed} {wide_msg}").expect("the template is well formed");
            let bar = ProgressBar::new_spinner().with_style(style).with_prefix(label.clone());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        if bar.is_none() {
            eprintln!("{label} …");
        }
        Ok(Self {
            steps,
            name: name.to_owned(),
            label,
            log,
            started: Instant::now(),
            bar,
            reused: Cell::new(false),
            note: RefCell::default(),
        })
    }

    /// Shows what the step waits for, on the live line of a terminal.
    pub(crate) fn waits_for(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// Adds a result to the step's last line, after its name.
    pub(crate) fn note(&self, text: impl Into<String>) {
        *self.note.borrow_mut() = text.into();
    }

    /// Says that an earlier run had finished the step.
    pub(crate) fn reused(&self) {
        self.reused.set(true);
    }

    /// Writes a line to the step's log.
    pub(crate) fn log(&self, line: &str) -> Result<()> {
        let mut log = self.open_log()?;
        writeln!(log, "{line}").with_context(|| format!("writing {}", self.log.display()))
    }

    /// Runs a command with its output in the log; an exit status other than 0 is an error.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let shown = show(command);
        self.waits_for(&essence(command));
        self.log(&format!("$ {shown}"))?;
        let log = self.open_log()?;
        let status = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
            .with_context(|| format!("starting `{shown}`"))?;
        if !status.success() {
            bail!("`{shown}` failed ({status})");
        }
        Ok(())
    }

    /// Runs a command and returns its standard output, which goes to the log too.
    pub(crate) fn output(&self, command: &mut Command) -> Result<String> {
        let shown = show(command);
        self.waits_for(&essence(command));
        self.log(&format!("$ {shown}"))?;
        let output = command
            .stdin(Stdio::null())
            .stderr(self.open_log()?)
            .output()
            .with_context(|| format!("starting `{shown}`"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        self.log(text.trim_end())?;
        if !output.status.success() {
            bail!("`{shown}` failed ({})", output.status);
        }
        Ok(text)
    }

    fn open_log(&self) -> Result<File> {
        File::options().append(true).open(&self.log).with_context(|| format!("opening {}", self.log.display()))
    }

    fn end(self) {
        let seconds = self.started.elapsed().as_secs_f64();
        let reused = self.reused.get();
        let mut line = self.label.clone();
        let note = self.note.borrow();
        if !note.is_empty() {
            let _ = write!(line, ": {note}");
        }
        let _ = if reused { write!(line, " … ready") } else { write!(line, " … {seconds:.1} s") };
        self.last_line(&line);
        self.steps.times.borrow_mut().push(StepTime { name: self.name.clone(), seconds, reused });
    }

    fn fail(self, error: &anyhow::Error) -> anyhow::Error {
        let seconds = self.started.elapsed().as_secs_f64();
        self.last_line(&format!("{} … failed after {seconds:.1} s", self.label));
        if let Some(exit) = error.downcast_ref::<Exit>() {
            return exit.clone().into();
        }
        let _ = self.log(&format!("error: {error:#}"));
        eprintln!("\nerror: {error:#}\n");
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        for line in tail(&log, TAIL_LINES) {
            eprintln!("  | {line}");
        }
        eprintln!("\nThe whole log: {}", self.log.display());
        eprintln!("Steps that had finished are kept: put this right and run the same command again.");
        Exit::FAILURE.into()
    }

    fn last_line(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{line}");
    }
}

/// The folder `name`, or `name-2` and so on, that no run at this moment uses.
fn free_dir(base: &Path, name: &str) -> Result<(PathBuf, File)> {
    for number in 1.. {
        let dir = if number == 1 { base.join(name) } else { base.join(format!("{name}-{number}")) };
        let path = dir.with_extension("lock");
        let lock = File::create(&path).with_context(|| format!("making {}", path.display()))?;
        if lock.try_lock().is_ok() {
            return Ok((dir, lock));
        }
    }
    unreachable!("there is always a next number")
}

/// A command as one would type it, without the environment.
fn show(command: &Command) -> String {
    let mut line = String::new();
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&shell_quote(word));
    }
    line
}

/// What a command line is about: without a prefix that ends in `env` and variables.
fn essence(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    let is_prefix = |word: &str| word.starts_with('-') || word.contains('=');
    let start = words
        .iter()
        .position(|word| word.ends_with("env"))
        .map_or(0, |env| env + 1 + words[env + 1..].iter().take_while(|word| is_prefix(word)).count());
    words[start..].join(" ")
}

/// Quotes a word for a POSIX shell where it needs it.
pub(crate) fn shell_quote(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%~".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The last `count` lines that are not empty.
pub(crate) fn tail(text: &str, count: usize) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(count).collect();
    lines.reverse();
    lines
}

fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || ".+".contains(c) {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_is_named_after_its_step() {
        assert_eq!(slug("Kernel tree 7.3.4+deb13: (prepare)"), "kernel-tree-7.3.4+deb13-prepare");
    }

    #[test]
    fn two_runs_at_once_have_a_folder_each() {
        let base = tempfile::tempdir().unwrap();
        let (first, lock) = free_dir(base.path(), "vm").unwrap();
        let (second, _) = free_dir(base.path(), "vm").unwrap();
        assert_eq!([first, second], [base.path().join("vm"), base.path().join("vm-2")]);
        drop(lock);
        assert_eq!(free_dir(base.path(), "vm").unwrap().0, base.path().join("vm"));
    }

    #[test]
    fn the_tail_skips_empty_lines() {
        assert_eq!(tail("a\nb\n\nc\n  \n", 2), ["b", "c"]);
    }

    #[test]
    fn the_live_line_leaves_out_how_a_root_is_entered() {
        let mut command = Command::new("sudo");
        command.args(["--", "unshare", "--root", "/r", "--", "/usr/bin/env", "-i", "A=b", "make", "-j2", "V=1"]);
        assert_eq!(essence(&command), "make -j2 V=1");
        assert_eq!(essence(&Command::new("mmdebstrap")), "mmdebstrap");
    }

    #[test]
    fn words_are_quoted_only_where_a_shell_would_split_them() {
        assert_eq!(shell_quote("KERNELRELEASE=7.3.4+deb13"), "KERNELRELEASE=7.3.4+deb13");
        assert_eq!(shell_quote("it's"), r"'it'\''s'");
        assert_eq!(shell_quote(""), "''");
    }
}

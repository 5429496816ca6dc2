//! `cargo xtask vm`: a shell, or one command, in the booted kernel.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::{Machine, Shape, qemu};
use crate::exit::Exit;
use crate::programs::cargo;
use crate::setup;
use crate::steps::{Steps, shell_quote};
use crate::{module, workspace};

/// What `cargo xtask vm` takes.
#[derive(Debug, Args)]
pub(crate) struct VmArgs {
    /// How the processors run
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,
    /// Boot the stock kernel alone: kinfer.ko and kinferctl are not built
    #[arg(long, conflicts_with = "built_modules")]
    stock: bool,
    /// Put a module of the stock kernel in the machine, with its dependencies, for modprobe
    #[arg(long = "module", value_name = "NAME")]
    modules: Vec<String>,
    /// Load a module that was built here, instead of kinfer.ko
    #[arg(long = "ko", value_name = "FILE")]
    built_modules: Vec<PathBuf>,
    /// Put a program of the Debian 13 root in the machine
    #[arg(long = "program", value_name = "NAME")]
    programs: Vec<String>,
    /// Put a program built on this host in the machine, in /usr/local/bin
    #[arg(long = "host-program", value_name = "FILE")]
    host_programs: Vec<PathBuf>,
    /// Put a file or folder of this host in the machine
    #[arg(long = "file", value_name = "HOST:GUEST", value_parser = parse_file)]
    files: Vec<(PathBuf, String)>,
    /// Set an environment variable in the machine
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    variables: Vec<(String, String)>,
    /// The machine's memory
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// The longest time that a COMMAND may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Keep the console, the kernel's log and the guest's /out here [default: target/xtask/vm/machine]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run this and power off; without it, a shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Boots the machine. A command's exit status is ours.
pub(crate) fn run(args: &VmArgs) -> Result<()> {
    let builds_kinfer = !args.stock && args.built_modules.is_empty();
    let steps = Steps::new("vm", setup::STEPS + if builds_kinfer { 3 } else { 1 })?;
    let kernel = setup::kernel(&steps, false)?;
    let dir = args.out.clone().unwrap_or_else(|| steps.dir().join("machine"));

    let mut machine = Machine::new(&kernel).shape(args.shape).memory_mib(args.memory);
    if builds_kinfer {
        let built = steps.step("kinfer.ko", |step| module::build(&kernel, step))?;
        steps.step("kinferctl", |step| step.run(cargo().args(["build", "--locked", "--package=kinfer-agent"])))?;
        machine = machine.built_module(&built.ko).host_program(&workspace::target().join("debug/kinferctl"));
    }
    for path in &args.built_modules {
        machine = machine.built_module(path);
    }
    for name in &args.modules {
        machine = machine.module(name);
    }
    for name in &args.programs {
        machine = machine.program(name);
    }
    for path in &args.host_programs {
        machine = machine.host_program(path);
    }
    for (host, guest) in &args.files {
        machine = machine.file(host, guest);
    }
    for (name, value) in &args.variables {
        machine = machine.env(name, value);
    }

    if args.command.is_empty() {
        let term = std::env::var("TERM").unwrap_or_else(|_| "vt100".to_owned());
        if let Ok(size) = rustix::termios::tcgetwinsize(io::stdin()) {
            machine = machine.env("ROWS", &size.ws_row.to_string()).env("COLS", &size.ws_col.to_string());
        }
        machine = machine.env("TERM", &term).timeout(Duration::MAX).script(include_str!("interactive.sh"));
        let run = steps.step("virtual machine", |step| machine.prepare(step, &dir))?;
        eprintln!("The kernel boots; its prompt comes in about ten seconds.");
        run.boot(qemu::Console::Terminal, |_| {})?;
        return run.collect()?.check_dmesg();
    }

    let words: Vec<_> = args.command.iter().map(shell_quote).collect();
    machine = machine.timeout(Duration::from_secs(args.timeout)).script(&format!(
        "{}\n{}\n",
        include_str!("command.sh"),
        words.join(" ")
    ));
    let run = steps.step("virtual machine", |step| machine.prepare(step, &dir))?;
    let outcome = run
        .boot(qemu::Console::FileAndOutput, |_| {})
        .and_then(|()| run.collect())
        .and_then(|outcome| outcome.check_dmesg().map(|()| outcome));
    match outcome {
        Ok(outcome) if outcome.status == 0 => Ok(()),
        Ok(outcome) => Err(Exit::of_guest(outcome.status).into()),
        Err(error) => {
            eprintln!("error: {error:#}");
            Err(Exit::MACHINE.into())
        }
    }
}

fn parse_file(text: &str) -> Result<(PathBuf, String)> {
    let (host, guest) = text.split_once(':').context("it must be HOST:GUEST")?;
    ensure!(guest.starts_with('/'), "the guest's path must begin with `/`");
    Ok((host.into(), guest.to_owned()))
}

fn parse_variable(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').context("it must be NAME=VALUE")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    ensure!(!name.is_empty() && name.chars().all(plain), "`{name}` is not the name of a variable");
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_both_its_paths() {
        assert_eq!(parse_file("a.kinf:/in/a.kinf").unwrap(), ("a.kinf".into(), "/in/a.kinf".to_owned()));
        assert!(parse_file("a.kinf").is_err());
        assert!(parse_file("a.kinf:in").is_err());
    }

    #[test]
    fn a_variable_may_have_any_value_but_not_any_name() {
        assert_eq!(parse_variable("A_1=b=c d").unwrap(), ("A_1".to_owned(), "b=c d".to_owned()));
        assert!(parse_variable("a b=c").is_err());
        assert!(parse_variable("a").is_err());
    }
}

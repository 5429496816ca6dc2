//! `cargo xtask vm`: a shell, or one command, in the booted kernel.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use super::{Machine, Shape, qemu};
use crate::exit::Exit;
use crate::setup;
use crate::steps::{Steps, shell_quote};

/// What `cargo xtask vm` takes.
#[derive(Debug, Args)]
pub(crate) struct VmArgs {
    /// How the processors run
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,
    /// Put a module of the stock kernel in the machine, with its dependencies, for modprobe
    #[arg(long = "module", value_name = "NAME")]
    modules: Vec<String>,
    /// Put a module built here in the machine, for modprobe [default: kinfer.ko, if it was built]
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
    let steps = Steps::new("vm", setup::STEPS + 1)?;
    let kernel = setup::kernel(&steps, false)?;
    let dir = args.out.clone().unwrap_or_else(|| steps.dir().join("machine"));

    let mut machine = Machine::new(&kernel).shape(args.shape).memory_mib(args.memory);
    for name in &args.modules {
        machine = machine.module(name);
    }
    for path in &args.built_modules {
        machine = machine.built_module(path);
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
        machine = machine.env("TERM", &term).timeout(Duration::MAX).script(include_str!("interactive.sh"));
        let run = steps.step("virtual machine", |step| machine.prepare(step, &dir))?;
        run.boot(qemu::Console::Terminal, |_| {})?;
        return Ok(());
    }

    let words: Vec<_> = args.command.iter().map(shell_quote).collect();
    machine = machine
        .timeout(Duration::from_secs(args.timeout))
        .script(&format!("exec > /dev/vport0p2 2>&1\n{}\n", words.join(" ")));
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
    anyhow::ensure!(guest.starts_with('/'), "the guest's path must begin with `/`");
    Ok((host.into(), guest.to_owned()))
}

fn parse_variable(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').context("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

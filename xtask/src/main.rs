//! `cargo xtask`: everything in this repository that is more than `cargo build`.

mod bench;
mod cache;
mod convert;
mod demo;
mod exit;
mod host;
mod kernel;
mod mirror;
mod module;
mod outside;
mod privilege;
mod programs;
mod record;
mod root;
mod setup;
mod steps;
mod test;
mod train;
mod vm;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use exit::Exit;

/// Sets up, builds, boots and checks kinfer
///
/// Every command first sets up what it needs: Debian packages of this machine, a Debian 13 root
/// with the kernel's own compilers, and a prepared kernel tree. These are kept in $KINFER_CACHE
/// (else $XDG_CACHE_HOME/kinfer, else ~/.cache/kinfer). An interrupted command goes on where it
/// stopped when it is run again.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_long_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask demo                          the main job, from set-up to report
  cargo xtask bench                         the core against other engines; writes benches/RESULTS.md
  cargo xtask record io-latency             a new recording of the data set
  cargo xtask train io-latency              the model trained on it
  cargo xtask vm                            a shell in the booted kernel, kinfer loaded
  cargo xtask vm -- uname -r                one command there; its exit status is ours
  cargo xtask vm --module null_blk --program fio --file job.fio:/in/job.fio -- fio /in/job.fio
  KINFER_KERNEL=7.2.12+deb13-cloud-amd64 cargo xtask kernel

Exit status:
  0    everything succeeded
  1    a step failed; its log is named
  2    the command line was wrong
  3    Debian packages must be installed and neither root nor sudo is at hand
  125  vm -- COMMAND: the machine itself failed, or its kernel's log has findings
  else vm -- COMMAND: the exit status of COMMAND";

#[derive(Debug, Subcommand)]
enum Command {
    /// An ONNX file becomes decisions in a booted kernel; prints a report and writes it to target/demo/report.json
    Demo,
    /// Every test, in user space and in the kernel
    Test,
    /// Measure the core as the kernel has it, against other engines
    Bench(bench::BenchArgs),
    /// Prepare the kernel and everything below it, and stop there
    Kernel {
        /// Move to the newest kernel that Debian's backports have
        #[arg(long)]
        update: bool,
    },
    /// Build the module and check its objects, and stop there; prints what the checks found
    Module,
    /// Record a model's data set anew, in the booted kernel
    Record(record::RecordArgs),
    /// Train a model again, in a virtual environment of its own
    Train(train::TrainArgs),
    /// Boot the kernel: a shell, or one COMMAND
    Vm(vm::shell::VmArgs),
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<Exit>() {
            Ok(exit) => exit.into(),
            Err(error) => {
                eprintln!("error: {error:#}");
                Exit::FAILURE.into()
            }
        },
    }
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Demo => demo::run(),
        Command::Test => test::run(),
        Command::Bench(args) => bench::run(args),
        Command::Kernel { update } => {
            let steps = steps::Steps::new("kernel", setup::STEPS)?;
            let kernel = setup::kernel(&steps, *update)?;
            println!("{}", kernel.tree.display());
            Ok(())
        }
        Command::Module => module::run(),
        Command::Record(args) => record::run(args),
        Command::Train(args) => train::run(args),
        Command::Vm(args) => vm::shell::run(args),
    }
}

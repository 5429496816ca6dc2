//! The command line.

mod check;
mod convert;
mod file;
mod inspect;
mod run;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kinfer_convert::Error;

/// Makes models that a kernel can run: ONNX in, integers out, and the truth about what that cost.
#[derive(Debug, Parser)]
#[command(name = "kinfer", version, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(convert::Convert),
    Inspect(inspect::Inspect),
    Check(check::Check),
    Run(run::Run),
}

/// Ends every `--help`.
const EXIT_STATUS: &str = "\
Exit status: 0 done or accepted; 1 the model or the data cannot be used, or the model is refused; 2 wrong usage, or a file \
that cannot be read or written.";

pub(crate) fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Convert(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Check(command) => return command.run(),
        Command::Run(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

/// Prints what, where and what to do; the exit status says which kind of failure it was.
fn fail(error: Error) -> ExitCode {
    let status = error.exit_status();
    eprintln!("{:?}", miette::Report::new(error));
    ExitCode::from(status)
}

//! The command line.

mod bench;
mod budget;
mod check;
mod compare;
mod completions;
mod console;
mod convert;
mod emit;
mod file;
mod inspect;
mod man;
mod new;
mod run;
mod tflite;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::console::{Console, fail};

/// Makes models that a kernel can run: ONNX in, integers out, and the truth about what that cost.
#[derive(Debug, Parser)]
#[command(name = "kinfer", version, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    console: Console,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(Box<convert::Convert>),
    Inspect(inspect::Inspect),
    Check(check::Check),
    Run(run::Run),
    Compare(compare::Compare),
    Bench(bench::Bench),
    Emit(emit::Emit),
    New(new::New),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Ends every `--help`.
const EXIT_STATUS: &str = "\
Exit status: 0 done or accepted; 1 the model or the data cannot be used, or the model is refused; 2 wrong usage, or a file \
that cannot be read or written.";

pub(crate) fn main() -> ExitCode {
    let Arguments { command, console } = Arguments::parse();
    let done = match command {
        Command::Convert(command) => command.run(console),
        Command::Inspect(command) => command.run(console),
        Command::Check(command) => return command.run(console).unwrap_or_else(fail),
        Command::Run(command) => command.run(console),
        Command::Compare(command) => command.run(console),
        Command::Bench(command) => command.run(console),
        Command::Emit(command) => command.run(console),
        Command::New(command) => command.run(console),
        Command::Completions(command) => command.run(console, Arguments::command()),
        Command::Man(command) => command.run(console, Arguments::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

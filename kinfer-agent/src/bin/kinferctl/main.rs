//! `kinferctl`: loads models into the running kernel and asks it for decisions.

mod commands;
mod print;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kinfer_agent::DeviceError;

const STATUSES: &str = "\
Exit status:
  0  done
  1  the kernel refused what was asked; its own words are on standard error
  2  the command line is not understood
  3  /dev/kinfer cannot be used: no module, no permission, another interface version
  4  a file cannot be read, written or used";

/// Load models into the running kernel and ask it for decisions
#[derive(Parser)]
#[command(version, after_help = STATUSES, disable_help_subcommand = true)]
struct Cli {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Load a model: the kernel verifies it, and refuses it with a reason or puts it in place
    ///
    /// The file is handed to the kernel as it is; nothing is checked here. A refused file leaves the model in place as
    /// it was. Needs CAP_SYS_ADMIN.
    #[command(after_help = "Examples:\n  kinferctl load io-latency.kinf")]
    Load {
        /// Model file, as written by `kinfer convert`
        file: PathBuf,
    },
    /// Withdraw the model in place: callers are back at their own default
    #[command(after_help = "Examples:\n  kinferctl unload")]
    Unload,
    /// Show what is loaded, what it costs, and how often it decided
    #[command(after_help = "Examples:\n  kinferctl status\n  kinferctl status --json")]
    Status,
    /// Have the kernel decide on one row of counters, or on every row of a file
    ///
    /// A row holds raw counters (whole numbers) in the order of the model's schema. A file is CSV and its first line
    /// names the columns: every one is a counter, unless --model picks those of its schema by name.
    #[command(after_help = "Examples:\n  kinferctl decide 4 131072 350000 12\n  \
        kinferctl decide --input rows.csv -o decisions.csv\n  \
        kinferctl decide --input test.csv --model io-latency.kinf --json")]
    Decide(Decide),
    /// Measure one decision in the kernel, interrupts off, and report the shortest of many
    ///
    /// Under an instruction-counting emulator a nanosecond is an instruction. Needs CAP_SYS_ADMIN.
    #[command(after_help = "Examples:\n  kinferctl measure 4 131072 350000 12 --rounds 1000")]
    Measure {
        /// Counters in the order of the model's schema
        #[arg(required = true, allow_negative_numbers = true)]
        values: Vec<i64>,
        /// How often to measure
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
}

#[derive(Args)]
struct Decide {
    /// Counters in the order of the model's schema
    #[arg(required_unless_present = "input", conflicts_with = "input", allow_negative_numbers = true)]
    values: Vec<i64>,
    /// CSV file of rows, `-` for standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Model file whose schema names the columns to read; it must be the model in place
    #[arg(long, value_name = "FILE", requires = "input")]
    model: Option<PathBuf>,
    /// Write the decisions here instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has had enough.
        Err(error)
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kinferctl: {error:#}");
            ExitCode::from(status(&error))
        }
    }
}

/// The exit status that `STATUSES` promises.
fn status(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<DeviceError>() {
        Some(DeviceError::Open(_) | DeviceError::Abi { .. }) => 3,
        Some(_) => 1,
        None => 4,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_an_example() {
        Cli::command().debug_assert();
        let cli = Cli::command();
        for command in cli.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{} has no example", command.get_name());
        }
    }

    #[test]
    fn negative_counters_are_values() {
        let cli = Cli::try_parse_from(["kinferctl", "decide", "-3", "4"]).unwrap();
        assert!(matches!(cli.command, Command::Decide(Decide { values, .. }) if values == [-3, 4]));
    }
}

//! What must hold inside the kernel. Runs in the virtual machine, as root, with the module loaded.
//!
//! `decide` and `measure` take a model and rows; `suite` runs the table of [`cases`]. Results are JSON under `/out`, where
//! the host finds them; the last line on standard output is `N passed, N failed`.

#![deny(unsafe_code)]

mod cases;
mod decide;
mod engine;
mod kfunc;
mod lab;
mod measure;
mod report;
mod specimen;
#[allow(unsafe_code)] // system calls that no safe wrapper makes
mod sys;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Tests of kinfer.ko, to be run inside the virtual machine
#[derive(Parser)]
#[command(after_help = "Exit status: 0 when everything passed, 1 when something failed, 2 on wrong usage")]
struct Cli {
    /// Folder for the results
    #[arg(long, global = true, default_value = "/out")]
    out: PathBuf,
    /// Object file of kinfer-kmod/bpf/decide.bpf.c
    #[arg(long, global = true, default_value = "/in/decide.bpf.o")]
    bpf: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Decide every row in this process, by ioctl and by kfunc, and compare bit for bit
    ///
    /// Writes decide.json, and decisions.csv with the kernel's answers.
    Decide {
        /// Model file
        model: PathBuf,
        /// CSV whose first line names the columns; those of the model's schema are read
        rows: PathBuf,
    },
    /// Time decisions in the kernel on rows spread over the file; writes measure.json
    Measure {
        /// Model file
        model: PathBuf,
        /// CSV whose first line names the columns; those of the model's schema are read
        rows: PathBuf,
        /// How many rows to time
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
        sample: u32,
        /// Rounds of each, of which the shortest counts
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Run the table of cases; writes suite.json
    Suite {
        /// Folder of *.kinf files: those that the core accepts must load, those that it refuses must be refused alike
        folder: PathBuf,
        /// Run only cases whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("kinfer-vm-tests: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<bool> {
    match &cli.command {
        Command::Decide { model, rows } => decide::run(model, rows, &cli.bpf, &cli.out),
        Command::Measure { model, rows, sample, rounds } => measure::run(model, rows, *sample, *rounds, &cli.out),
        Command::Suite { folder, only } => cases::run(folder, only.as_deref(), &cli.bpf, &cli.out),
    }
}

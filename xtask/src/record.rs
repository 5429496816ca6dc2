//! `cargo xtask record`: makes a model's data set anew, in the virtual machine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::programs::cargo;
use crate::setup;
use crate::steps::Steps;
use crate::vm::Machine;
use crate::workspace;

/// What `cargo xtask record` takes.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The data set
    #[arg(value_enum)]
    dataset: Dataset,
    /// Write the Parquet files here [default: the model's folder, where they replace the committed ones]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dataset {
    /// Block I/Os of a mixed workload, and which of them ended slow
    IoLatency,
}

pub(crate) fn run(args: &RecordArgs) -> Result<()> {
    let Dataset::IoLatency = args.dataset;
    let model = workspace::root().join("models/io-latency");
    let out = args.out.as_ref().unwrap_or(&model);

    let steps = Steps::new("record", setup::STEPS + 3)?;
    let kernel = setup::kernel(&steps, false)?;
    steps.step("recorder", |step| {
        step.run(cargo().args(["build", "--locked", "--release", "--package=io-latency-recorder"]))
    })?;
    let recorder = workspace::target().join("release/io-latency-recorder");
    let trace = steps.step("workload in the virtual machine", |step| {
        let machine = Machine::new(&kernel).script_file(&model.join("record.sh"))?;
        let outcome = machine.run(step, &steps.dir().join("machine"))?;
        outcome.check()?;
        Ok(outcome.out)
    })?;
    let summary = steps.step("data set", |step| step.output(Command::new(&recorder).arg(&trace).arg(out)))?;
    print!("{summary}");
    Ok(())
}

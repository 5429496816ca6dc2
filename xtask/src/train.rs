//! `cargo xtask train`: trains a model again, in a virtual environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::cache::{Cache, Stamp};
use crate::host;
use crate::privilege::Privilege;
use crate::steps::{Step, Steps};
use crate::workspace;

/// What `cargo xtask train` takes.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The model
    #[arg(value_enum)]
    model: Model,
    /// Write model and figures here [default: the model's folder, where they replace the committed ones]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Model {
    /// A small network that tells whether a block I/O will be slow
    IoLatency,
}

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let Model::IoLatency = args.model;
    let folder = workspace::root().join("models/io-latency");
    let steps = Steps::new("train", 3)?;
    let cache = Cache::open()?;
    steps.step("host packages", |step| {
        let _lock = cache.lock("setup", step)?;
        host::install_packages(step, Privilege::find())
    })?;
    let python = steps.step("virtual environment", |step| {
        let _lock = cache.lock("python", step)?;
        environment(step, &cache.dir().join("python/io-latency"), &folder.join("requirements.txt"))
    })?;
    let summary = steps.step("train io-latency", |step| {
        let mut train = Command::new(&python);
        train.arg(folder.join("train.py"));
        if let Some(out) = &args.out {
            fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
            train.arg("--out").arg(out);
        }
        step.output(&mut train)
    })?;
    print!("{summary}");
    Ok(())
}

/// The interpreter of the environment at `dir`, which has exactly what `requirements` pins.
pub(crate) fn environment(step: &Step<'_>, dir: &Path, requirements: &Path) -> Result<PathBuf> {
    let pins = fs::read_to_string(requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let python = dir.join("bin/python");
    let stamp = Stamp::new(dir.join("kinfer.stamp"), &pins);
    if stamp.is_current() {
        step.reused();
        return Ok(python);
    }
    step.run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir))?;
    step.run(Command::new(&python).args(["-m", "pip", "install", "--no-deps", "--requirement"]).arg(requirements))?;
    step.run(Command::new(&python).args(["-m", "pip", "check"]))?;
    stamp.write()?;
    Ok(python)
}

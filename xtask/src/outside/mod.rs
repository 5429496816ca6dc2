//! Tests against what other people's software says, one folder of `tests/outside/` each: a file of pinned requirements,
//! scripts that make models and ask the oracle, and a Rust test that is told by an environment variable where they are.
//! And the page for model authors, whose commands are typed.

mod guide;
mod models;
mod nets;
mod new;
mod onnx;
mod tflite;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::cache::Cache;
use crate::host;
use crate::privilege::Privilege;
use crate::steps::{Step, Steps};
use crate::workspace;

/// The steps that [`all`] takes.
pub(crate) const STEPS: usize = Suite::ALL.len();

/// What `cargo xtask outside` takes.
#[derive(Debug, Args)]
pub(crate) struct OutsideArgs {
    /// The suites [default: all of them]
    #[arg(value_enum)]
    suites: Vec<Suite>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Models trained by scikit-learn, LightGBM and XGBoost, converted and compared
    Models,
    /// Networks of PyTorch's exporters, and ONNX's node tests, against the graph that is read of them
    Nets,
    /// Quantised graphs run by ONNX Runtime, and ONNX's node tests of integer operators
    Onnx,
    /// TensorFlow Lite files, run by tflite-micro and LiteRT and compared
    Tflite,
    /// Folders of `kinfer new`, trained and converted
    New,
    /// `docs/guide-model-authors.md`, typed as it stands
    Guide,
}

impl Suite {
    const ALL: [Self; 6] = [Self::Models, Self::Nets, Self::Onnx, Self::Tflite, Self::New, Self::Guide];

    fn name(self) -> &'static str {
        match self {
            Self::Models => "trained models",
            Self::Nets => "networks and node tests",
            Self::Onnx => "quantised graphs and ONNX Runtime",
            Self::Tflite => "TensorFlow Lite interpreters",
            Self::New => "model folders",
            Self::Guide => "guide for model authors",
        }
    }

    fn run(self, step: &Step<'_>) -> Result<u64> {
        match self {
            Self::Models => models::run(step),
            Self::Nets => nets::run(step),
            Self::Onnx => onnx::run(step),
            Self::Tflite => tflite::run(step),
            Self::New => new::run(step),
            Self::Guide => guide::run(step),
        }
    }
}

/// Runs suites by themselves.
pub(crate) fn run(args: &OutsideArgs) -> Result<()> {
    let suites = if args.suites.is_empty() { &Suite::ALL[..] } else { &args.suites };
    let steps = Steps::new("outside", 1 + suites.len())?;
    steps.step("host packages", |step| {
        let _lock = Cache::open()?.lock("setup", step)?;
        host::install_packages(step, Privilege::find())
    })?;
    let passed = suites.iter().map(|suite| suite.step(&steps)).sum::<Result<u64>>()?;
    println!("{passed} passed, 0 failed");
    Ok(())
}

/// Runs all suites; how many tests passed.
pub(crate) fn all(steps: &Steps) -> Result<u64> {
    Suite::ALL.iter().map(|suite| suite.step(steps)).sum()
}

impl Suite {
    fn step(self, steps: &Steps) -> Result<u64> {
        steps.step(self.name(), |step| {
            let passed = self.run(step)?;
            step.note(format!("{passed} passed"));
            Ok(passed)
        })
    }
}

/// A suite's folder of the repository.
fn folder(name: &str) -> PathBuf {
    workspace::root().join("tests/outside").join(name)
}

/// Number of tests that passed, of what `cargo test` printed.
pub(crate) fn passed(output: &str) -> Result<u64> {
    let mut passed = 0;
    for line in output.lines().filter_map(|line| line.strip_prefix("test result: ok. ")) {
        let count = line.split_whitespace().next().unwrap_or_default();
        passed += count.parse::<u64>().with_context(|| format!("in `{line}`"))?;
    }
    if passed == 0 {
        bail!("cargo test ran no test");
    }
    Ok(passed)
}

//! The model folder `models/io-latency`, converted and decided in user space.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::programs::Programs;
use crate::steps::Step;
use crate::workspace;

/// The folder in the repository.
pub(crate) const FOLDER: &str = "models/io-latency";

/// What came of it.
#[derive(Debug)]
pub(crate) struct Converted {
    /// The model file.
    pub(crate) model: PathBuf,
    /// The held-out rows with the user-space engine's decisions, as CSV.
    pub(crate) rows: PathBuf,
    /// What the conversion cost.
    pub(crate) report: Conversion,
}

/// Float against integer on the held-out part, as `kinfer convert --json` tells it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Conversion {
    /// Types of weights and activations that the converter chose.
    pub(crate) precision: String,
    /// The held-out part.
    pub(crate) evaluation: Evaluation,
    /// Share of its rows that integers decide as float does.
    pub(crate) agreement: f64,
    /// Figures against the truth.
    pub(crate) quality: Quality,
}

/// A data file.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Evaluation {
    pub(crate) file: String,
    pub(crate) rows: u64,
}

/// Figures of both models, and of always giving the commonest answer.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Quality {
    pub(crate) base_rate: f64,
    pub(crate) commonest: String,
    pub(crate) float: Figures,
    pub(crate) integer: Figures,
}

/// Figures of one model.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    pub(crate) accuracy: f64,
    /// By class: fast, slow.
    pub(crate) recall: [f64; 2],
    pub(crate) balanced_accuracy: f64,
    pub(crate) auc: f64,
}

/// Calibrates on the training part, evaluates and decides on the held-out test part.
pub(crate) fn io_latency(step: &Step<'_>, programs: &Programs, dir: &Path) -> Result<Converted> {
    let folder = workspace::root().join(FOLDER);
    let (model, rows) = (dir.join("io-latency.kinf"), dir.join("rows.csv"));
    let mut convert = Command::new(&programs.kinfer);
    convert.arg("convert").arg(folder.join("model.onnx"));
    convert.arg("--calibrate").arg(folder.join("train.parquet"));
    convert.arg("--evaluate").arg(folder.join("test.parquet"));
    let text = step.output(convert.arg("--output").arg(&model).arg("--json"))?;
    let report: Conversion = serde_json::from_str(&text).context("what `kinfer convert --json` printed")?;

    let mut run = Command::new(&programs.kinfer);
    run.arg("run").arg(&model).arg("--input").arg(folder.join("test.parquet"));
    step.run(run.arg("--output").arg(&rows))?;
    step.note(format!("{}, {:.3} % agree", report.precision, report.agreement * 100.0));
    Ok(Converted { model, rows, report })
}

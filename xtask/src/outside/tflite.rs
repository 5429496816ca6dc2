//! `tests/outside/tflite`: TensorFlow Lite files are written at random and run by two interpreters, and by the engine.

use std::fs;

use anyhow::{Context as _, Result};

use super::{folder, passed};
use crate::programs::cargo;
use crate::python;
use crate::steps::Step;
use crate::workspace;

/// Writes the cases and runs `kinfer-convert`'s test `interpreters` on them.
pub(super) fn run(step: &Step<'_>) -> Result<u64> {
    let source = folder("tflite");
    let out = workspace::target().join("outside/tflite");
    let mut generate = python::interpreter(step, "outside-tflite", &source.join("requirements.txt"))?;
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("emptying {}", out.display()))?;
    }
    step.run(generate.arg(source.join("generate.py")).arg(&out))?;
    let mut test = cargo();
    test.args(["test", "--locked", "--package=kinfer-convert", "--test=interpreters", "--", "--include-ignored"]);
    passed(&step.output(test.env("KINFER_TFLITE_CASES", &out))?)
}

//! `tests/outside/models`: models of different kinds are trained, exported, converted and compared.

use std::fs;

use anyhow::{Context as _, Result};

use super::{folder, passed};
use crate::programs::cargo;
use crate::python;
use crate::steps::Step;

/// Trains the models and runs `kinfer-convert`'s test `trained` on them.
pub(super) fn run(step: &Step<'_>) -> Result<u64> {
    let source = folder("models");
    let out = crate::workspace::target().join("outside/models");
    let mut train = python::interpreter(step, "outside-models", &source.join("requirements.txt"))?;
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("emptying {}", out.display()))?;
    }
    step.run(train.arg(source.join("train.py")).arg(&out))?;
    let mut test = cargo();
    test.args(["test", "--locked", "--package=kinfer-convert", "--test=trained"]).env("KINFER_TRAINED", &out);
    passed(&step.output(&mut test)?)
}

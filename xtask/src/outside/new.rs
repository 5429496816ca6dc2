//! `tests/outside/new`: what `kinfer new` makes trains, exports and converts.

use anyhow::Result;

use super::{folder, passed};
use crate::programs::cargo;
use crate::python;
use crate::steps::Step;

/// Runs `kinfer-convert`'s test `new` with an interpreter that has what the folders' scripts import.
pub(super) fn run(step: &Step<'_>) -> Result<u64> {
    let environment = python::environment(step, "outside-new", &folder("new").join("requirements.txt"))?;
    let mut test = cargo();
    test.args(["test", "--locked", "--package=kinfer-convert", "--test=new"]);
    passed(&step.output(test.env("KINFER_NEW_PYTHON", environment.join("bin/python")))?)
}

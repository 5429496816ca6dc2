//! What others compute, against the integer engine: ONNX Runtime and ONNX's own tests, in a virtual environment of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::cache::Cache;
use crate::programs::cargo;
use crate::steps::{Step, Steps};
use crate::train::environment;
use crate::workspace;

/// Virtual environment, parity with ONNX Runtime, ONNX's node tests.
pub(crate) const STEPS: usize = 3;

/// Operators whose node tests are run.
const OPERATORS: [&str; 7] = [
    "QuantizeLinear",
    "DequantizeLinear",
    "QLinearMatMul",
    "QLinearConv",
    "MatMulInteger",
    "ConvInteger",
    "DynamicQuantizeLinear",
];

/// Runs everything; the number of graphs and node tests that passed. Results are `parity.json` and `backend.json` in the
/// run's folder.
pub(crate) fn check(steps: &Steps) -> Result<u64> {
    let scripts = workspace::root().join("tests/outside/onnx");
    let (python, program) = steps.step("ONNX Runtime", |step| {
        let cache = Cache::open()?;
        let _lock = cache.lock("python", step)?;
        let python = environment(step, &cache.dir().join("python/outside-onnx"), &scripts.join("requirements.txt"))?;
        step.run(cargo().args(["build", "--locked", "--package", "kinfer-outside-onnx"]))?;
        Ok((python, workspace::target().join("debug/kinfer-outside-onnx")))
    })?;
    let compare = |step: &Step<'_>, what: &str, operators: &[&str]| {
        let folder = steps.dir().join(what);
        let script = scripts.join(what).with_extension("py");
        step.run(Command::new(&python).args(["-W", "ignore"]).arg(script).arg(&folder).args(operators))?;
        summary(step, &program, what, &folder)
    };
    let graphs = steps.step("parity with ONNX Runtime", |step| {
        let summary = compare(step, "parity", &[])?;
        for (way, counts) in summary["held"].as_object().context("no counts")? {
            let (all, one) = (&counts["elements"], &counts["off_by_one"]);
            step.note(format!("optimisations {way}: {one} of {all} off by one"));
        }
        summary["graphs"].as_u64().context("no number of graphs")
    })?;
    let cases = steps.step("ONNX's node tests", |step| {
        let summary = compare(step, "backend", &OPERATORS)?;
        let passed = summary["passed"].as_u64().context("no number of tests")?;
        step.note(format!("{passed} passed"));
        Ok(passed)
    })?;
    Ok(graphs + cases)
}

/// What the program prints, which is kept beside `folder`; an exit status but 0 is an error, after that.
fn summary(step: &Step<'_>, program: &Path, what: &str, folder: &Path) -> Result<Value> {
    let text = step.output(Command::new(program).arg(what).arg(folder))?;
    let file: PathBuf = folder.with_extension("json");
    fs::write(&file, &text).with_context(|| format!("writing {}", file.display()))?;
    let summary: Value = serde_json::from_str(&text).with_context(|| format!("in {}", file.display()))?;
    ensure!(summary.is_object(), "{} holds no summary", file.display());
    Ok(summary)
}

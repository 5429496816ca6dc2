//! `tests/outside/onnx`: quantised graphs against ONNX Runtime, and ONNX's own tests of integer operators.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::folder;
use crate::programs::cargo;
use crate::python;
use crate::steps::Step;
use crate::workspace;

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

/// The number of graphs and node tests that passed. Results are `parity.json` and `backend.json` in `target/outside/onnx`.
pub(super) fn run(step: &Step<'_>) -> Result<u64> {
    let scripts = folder("onnx");
    let python = python::environment(step, "outside-onnx", &scripts.join("requirements.txt"))?.join("bin/python");
    step.run(cargo().args(["build", "--locked", "--package", "kinfer-outside-onnx"]))?;
    let program = workspace::target().join("debug/kinfer-outside-onnx");
    let out = workspace::target().join("outside/onnx");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("emptying {}", out.display()))?;
    }
    let compare = |what: &str, operators: &[&str]| {
        let folder = out.join(what);
        let script = scripts.join(what).with_extension("py");
        step.run(Command::new(&python).args(["-W", "ignore"]).arg(script).arg(&folder).args(operators))?;
        summary(step, &program, what, &folder)
    };
    let parity = compare("parity", &[])?;
    for (way, counts) in parity["held"].as_object().context("no counts")? {
        let (all, one) = (&counts["elements"], &counts["off_by_one"]);
        step.note(format!("optimisations {way}: {one} of {all} off by one"));
    }
    let graphs = parity["graphs"].as_u64().context("no number of graphs")?;
    let backend = compare("backend", &OPERATORS)?;
    documented(&backend)?;
    Ok(graphs + backend["passed"].as_u64().context("no number of tests")?)
}

const HEAD: &str = "\
# ONNX's node tests of integer operators

Written by a test (`cargo xtask outside onnx` with `KINFER_WRITE_DOCS=1`). Each is a model that is converted with its own integers and
decided by the engine. *passed*: the outputs are those of the test, exactly. The others are refused, for the reason that is given. Float operators
are in [onnx-support.md](onnx-support.md).

| operator | test | |
|---|---|---|
";

/// Refuses a page of the documentation that is not what the node tests gave.
fn documented(backend: &Value) -> Result<()> {
    let mut page = HEAD.to_owned();
    for row in backend["table"].as_array().context("no table of node tests")? {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let outcome = match row["passed"].as_bool() {
            Some(true) => "passed".to_owned(),
            _ if row["inexact"].is_string() => format!("inexact: {}", text("inexact")),
            _ => format!("not supported: {}", text("not-supported").replace('|', "\\|")),
        };
        page += &format!("| {} | {} | {outcome} |\n", text("operator"), text("case"));
    }
    let path = workspace::root().join("docs/onnx-support-integers.md");
    if std::env::var_os("KINFER_WRITE_DOCS").is_some() {
        return fs::write(&path, page).with_context(|| format!("writing {}", path.display()));
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    ensure!(committed == page, "{} is out of date: run this with KINFER_WRITE_DOCS=1", path.display());
    Ok(())
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

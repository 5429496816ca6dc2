//! Folders that `kinfer new` makes, trained by the interpreter that `KINFER_NEW_PYTHON` names and converted by the command
//! that their script prints: `cargo xtask test` runs this. `KINFER_NEW_LIBRARIES` names other libraries than those of that
//! environment.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Three counters, one of them a fraction, and a class of three that follows from them.
fn data(rows: usize) -> String {
    let mut text = String::from("depth,bytes,load,kind\n");
    let mut state = 99u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..rows {
        let (depth, bytes, tenths) = (next(101), next(2_000_001), next(101));
        let score = (depth as f64 - 50.0) / 25.0 + (bytes as f64 - 1e6) / 1e6 + (tenths as f64 - 50.0) / 50.0;
        let kind = if score > 0.5 {
            "slow"
        } else if score < -0.5 {
            "fast"
        } else {
            "medium"
        };
        text += &format!("{depth},{bytes},{}.{},{kind}\n", tenths / 10, tenths % 10);
    }
    text
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{told}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

fn train_and_convert(python: &OsString, library: &str, folder: &Path) {
    let kinfer = env!("CARGO_BIN_EXE_kinfer");
    let model = folder.join(library);
    succeed(Command::new(kinfer).arg("new").arg(&model).args(["--library", library]));
    std::fs::write(model.join("data.csv"), data(2000)).unwrap();
    let told = succeed(Command::new(python).current_dir(&model).args(["train.py", "--label", "kind"]));
    let command = told.lines().rfind(|line| line.starts_with("kinfer convert ")).expect("the command to convert");
    let arguments = command.split_whitespace().skip(1);
    let report = succeed(Command::new(kinfer).args(arguments).arg("--json"));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["agreement"].as_f64().unwrap() >= 0.99, "{library}: {}", report["agreement"]);
    assert!(report["quality"]["integer"]["accuracy"].as_f64().unwrap() > 0.85, "{library}: {}", report["quality"]);
    // The fraction is counted in tenths.
    let inspected = succeed(Command::new(kinfer).arg("inspect").arg(model.join("model.kinf")).arg("--json"));
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&inspected["features"][2]["resolution"], &inspected["features"][2]["hi"]), (&0.1.into(), &100.into()));
}

#[test]
fn a_new_folder_trains_exports_and_converts() {
    let Some(python) = std::env::var_os("KINFER_NEW_PYTHON") else {
        eprintln!("skipped: KINFER_NEW_PYTHON names no interpreter; `cargo xtask test` makes one");
        return;
    };
    let libraries = std::env::var("KINFER_NEW_LIBRARIES").unwrap_or("sklearn,lightgbm".into());
    let folder = tempfile::tempdir().unwrap();
    for library in libraries.split(',') {
        train_and_convert(&python, library, folder.path());
    }
}

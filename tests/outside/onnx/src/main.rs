//! What others compute with ONNX models, against the integer engine.
//!
//! ```text
//! kinfer-outside-onnx parity FOLDER     ONNX Runtime's outputs for networks that it quantised
//! kinfer-outside-onnx backend FOLDER    ONNX's own node tests
//! ```
//!
//! FOLDER is what `parity.py` or `backend.py` wrote. A summary goes to standard output as JSON; the exit status is 1 where
//! something that is asked does not hold.

mod backend;
mod cases;
mod model;
mod parity;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, folder] if what == "parity" => parity::run(Path::new(folder)),
        [what, folder] if what == "backend" => backend::run(Path::new(folder)),
        _ => bail!("usage: kinfer-outside-onnx parity|backend FOLDER"),
    }
}

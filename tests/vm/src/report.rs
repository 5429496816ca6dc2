//! Results for a person and for the host.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// What became of one case.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) passed: bool,
    pub(crate) seconds: f64,
    /// Why it failed.
    pub(crate) detail: Option<String>,
}

/// What became of all.
#[derive(Serialize)]
pub(crate) struct Outcomes {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) cases: Vec<Outcome>,
}

impl From<Vec<Outcome>> for Outcomes {
    fn from(cases: Vec<Outcome>) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        Self { passed, failed: cases.len() - passed, cases }
    }
}

/// Writes `value` to `folder/name` as JSON.
pub(crate) fn write(folder: &Path, name: &str, value: &impl Serialize) -> Result<()> {
    let path = folder.join(name);
    let text = serde_json::to_string_pretty(value)?;
    fs::write(&path, text + "\n").with_context(|| path.display().to_string())
}

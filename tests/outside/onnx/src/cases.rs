//! The folder that a maker of cases wrote: see `cases.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// A model with inputs and outputs.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    model: String,
    pub(crate) resolution: f64,
    #[serde(default)]
    width: usize,
    #[serde(default)]
    rows: usize,
    #[serde(default)]
    counters: Option<String>,
    outputs: BTreeMap<String, Output>,
    /// What the case is counted with.
    #[serde(default)]
    pub(crate) group: String,
    /// Why it is not even a model, where it is none.
    #[serde(default)]
    pub(crate) unsupported: Option<String>,
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Output {
    file: String,
    kind: String,
}

/// Outputs, row after row.
#[derive(Debug)]
pub(crate) enum Values {
    Integers(Vec<i32>),
    Floats(Vec<f32>),
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
        }
    }
}

/// All cases of a folder.
pub(crate) fn read(folder: &Path) -> Result<Vec<Case>> {
    let path = folder.join("cases.json");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut cases: Vec<Case> = serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    cases.iter_mut().for_each(|case| case.folder = folder.into());
    Ok(cases)
}

impl Case {
    /// The model's bytes.
    pub(crate) fn model(&self) -> Result<Vec<u8>> {
        self.bytes(&self.model)
    }

    /// Raw counters, a row a decision.
    pub(crate) fn counters(&self) -> Result<Vec<Vec<i64>>> {
        let file = self.counters.as_deref().context("the case has no inputs")?;
        let words: Vec<[u8; 8]> = self.words(file)?;
        ensure!(words.len() == self.rows * self.width && self.width > 0, "{file} does not have {} rows", self.rows);
        Ok(words.chunks(self.width).map(|row| row.iter().map(|&word| i64::from_le_bytes(word)).collect()).collect())
    }

    /// What each way of computing them gives.
    pub(crate) fn outputs(&self) -> Result<BTreeMap<&str, Values>> {
        let read = |(way, output): (&'_ String, &Output)| {
            let words = self.words(&output.file)?;
            let values = match output.kind.as_str() {
                "floats" => Values::Floats(words.into_iter().map(f32::from_le_bytes).collect()),
                _ => Values::Integers(words.into_iter().map(i32::from_le_bytes).collect()),
            };
            Ok((way.clone(), values))
        };
        let outputs = self.outputs.iter().map(read).collect::<Result<BTreeMap<String, Values>>>()?;
        Ok(self.outputs.keys().map(String::as_str).zip(outputs.into_values()).collect())
    }

    fn words<const N: usize>(&self, file: &str) -> Result<Vec<[u8; N]>> {
        let bytes = self.bytes(file)?;
        let (words, rest) = bytes.as_chunks::<N>();
        ensure!(rest.is_empty(), "{file} does not hold words of {N} bytes");
        Ok(words.to_vec())
    }

    fn bytes(&self, file: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(file);
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }
}

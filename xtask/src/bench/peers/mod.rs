//! The peers: other implementations of the same models, each a shared object with the interface of
//! `benches/harness/peer.h`.
//!
//! What cannot be built is absent, with the reason; that is a result, not an error.

mod python;
mod rust;
mod scalar;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Error, Result};
use kinfer_bench_cases::{Case, Work};

use super::files::Folder;
use crate::steps::{Step, Steps};
use crate::workspace;

/// Scalar C, the Python environment, what it generates, Rust crates.
pub(super) const STEPS: usize = 4;

/// A peer of one case.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// Its name in the results.
    pub(super) name: &'static str,
    /// The shared object, or why there is none.
    pub(super) object: Result<PathBuf, String>,
}

/// The peers of all cases.
pub(super) struct Peers {
    peers: Vec<(&'static str, Peer)>,
    /// ONNX Runtime's library.
    onnxruntime: Option<PathBuf>,
}

impl Peers {
    /// Variables that peers want in the harness's environment.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.onnxruntime.as_deref().map(|path| (rust::ONNXRUNTIME, path)).into_iter()
    }

    /// Those of `case`.
    pub(super) fn of(&self, case: &Case) -> Vec<Peer> {
        self.peers.iter().filter(|(name, _)| *name == case.name).map(|(_, peer)| peer.clone()).collect()
    }
}

/// Builds all. Only the cases that run a network or forest have peers.
pub(super) fn build(steps: &Steps, folders: &[Folder<'_>]) -> Result<Peers> {
    let folders: Vec<&Folder<'_>> = folders.iter().filter(|folder| folder.case.work == Work::Network).collect();
    let mut peers = Vec::new();
    peers.extend(steps.step("peer: gcc's scalar code", |step| Ok(scalar::build(step, &folders)))?);
    let python = steps.step("peers: Python environment", |step| Ok(python::environment(step).map_err(reason)))?;
    peers.extend(steps.step("peers: emlearn and tl2cgen", |step| Ok(python::trees(step, &python, &folders)))?);
    peers.extend(steps.step("peers: tract, ONNX Runtime, MicroFlow", |step| Ok(rust::build(step, &python, &folders)))?);
    let onnxruntime = python.ok().and_then(|python| rust::onnxruntime(&python).ok());
    Ok(Peers { peers, onnxruntime })
}

/// Compiles C code with `flags`, which say whether to an object (`-c`) or a shared object (`-shared`).
fn compile(step: &Step<'_>, source: &Path, flags: &[&str], include: &[&Path]) -> Result<PathBuf> {
    let object = source.with_extension(if flags.contains(&"-c") { "o" } else { "so" });
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu11", "-O3", "-fPIC", "-Wall", "-Werror"]);
    // Generated headers first: tl2cgen, too, has a main.c.
    let own = [workspace::root().join("benches/harness"), source_folder()];
    include.iter().copied().chain(own.iter().map(PathBuf::as_path)).for_each(|folder| _ = gcc.arg("-I").arg(folder));
    gcc.arg(source).args(flags).arg("-o").arg(&object).arg("-lm");
    step.run(&mut gcc)?;
    Ok(object)
}

/// The peers' own files.
fn source_folder() -> PathBuf {
    workspace::root().join("benches/peers")
}

/// The largest score of a case, in real units: what an output of int8 has to hold.
fn largest_score(case: &Case) -> f64 {
    let largest = case.expected().iter().flatten().map(|score| score.unsigned_abs()).max().unwrap_or(0);
    f64::from(largest) * case.scales().1
}

/// An error in one line, for the table of results.
fn reason(error: Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

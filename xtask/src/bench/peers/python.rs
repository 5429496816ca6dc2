//! Peers that Python packages generate, in a virtual environment of their own: emlearn and tl2cgen turn trees into C.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use kinfer_bench_cases::cases::Body;
use kinfer_bench_cases::forest::Node;
use serde_json::{Value, json};

use super::{Peer, compile, reason, source_folder};
use crate::bench::files::Folder;
use crate::python;
use crate::steps::Step;

/// The environment's folder.
pub(super) type Environment = Result<PathBuf, String>;

/// Makes the environment with exactly what `benches/peers/requirements.txt` pins.
pub(super) fn environment(step: &Step<'_>) -> Result<PathBuf> {
    python::environment(step, "bench", &source_folder().join("requirements.txt"))
}

/// A file of a package in the environment.
pub(super) fn package_file(environment: &Path, package: &str, prefix: &str) -> Result<PathBuf> {
    for version in fs::read_dir(environment.join("lib"))? {
        let dir = version?.path().join("site-packages").join(package);
        for entry in fs::read_dir(&dir).into_iter().flatten() {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)) {
                return Ok(path);
            }
        }
    }
    bail!("the package has no {package}/{prefix}*")
}

/// The C that each of the packages makes of the forests.
const GENERATED: [(&str, &str); 3] =
    [("emlearn_int16", "inline"), ("emlearn_int16_loadable", "loadable"), ("tl2cgen", "tl2cgen")];

pub(super) fn trees(step: &Step<'_>, python: &Environment, folders: &[&Folder<'_>]) -> Vec<(&'static str, Peer)> {
    let mut peers = Vec::new();
    for folder in folders.iter().filter(|folder| matches!(folder.case.body, Body::Forest(_))) {
        for (name, kind) in GENERATED {
            let object = python.clone().and_then(|python| generate(step, &python, folder, kind).map_err(reason));
            peers.push((folder.case.name, Peer { name, object }));
        }
    }
    peers
}

fn generate(step: &Step<'_>, environment: &Path, folder: &Folder<'_>, kind: &str) -> Result<PathBuf> {
    let Body::Forest(forest) = &folder.case.body else { bail!("{} is no forest", folder.case.name) };
    let dir = folder.dir.join(kind);
    fs::create_dir_all(&dir)?;
    let trees = dir.join("trees.json");
    let all: Vec<Value> = forest.trees.iter().map(tree).collect();
    fs::write(&trees, json!({ "features": forest.features, "trees": all }).to_string())?;
    let script = source_folder().join("trees.py");
    step.run(Command::new(environment.join("bin/python")).arg(script).arg(kind).arg(&trees).arg(&dir))?;
    let emlearn = package_file(environment, "emlearn", "eml_trees.h")?;
    let source = dir.join("peer.c");
    fs::write(&source, format!("#define {}\n#include \"trees.h\"\n", kind.to_uppercase()))?;
    compile(step, &source, &["-shared", "-Wno-unused"], &[&dir, emlearn.parent().context("no folder")?])
}

/// `[feature, threshold, left, right]`, or the share of class 1.
fn tree(node: &Node) -> Value {
    match node {
        Node::Leaf(value) => json!(value),
        Node::Split { feature, threshold, children } => {
            json!([feature, threshold, tree(&children[0]), tree(&children[1])])
        }
    }
}

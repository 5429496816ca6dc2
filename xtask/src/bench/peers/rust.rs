//! Peers in Rust, of the workspace `benches/peers/`: tract, ONNX Runtime (the library of its Python package), MicroFlow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use kinfer_bench_cases::cases::Body;
use kinfer_bench_cases::network::Activation;
use kinfer_bench_cases::onnx::float_parameters;
use serde_json::{Value, json};

use super::python::{Environment, package_file};
use super::{Peer, reason, source_folder};
use crate::bench::files::{Folder, int8_network};
use crate::steps::Step;
use crate::workspace;

/// The variable in which the ONNX Runtime peers find their library.
pub(in crate::bench) const ONNXRUNTIME: &str = "KINFER_ONNXRUNTIME";

pub(super) fn build(step: &Step<'_>, python: &Environment, folders: &[&Folder<'_>]) -> Vec<(&'static str, Peer)> {
    let tract = package(step, "tract", "", &[]).map_err(reason);
    let ort = |name, features: &[&str]| {
        python.clone()?;
        package(step, "ort", name, features).map_err(reason)
    };
    let (float, int8) = (ort("f32", &[]), ort("int8", &["--features=int8"]));
    let mut peers = Vec::new();
    for folder in folders {
        let mut add = |name, object: Result<PathBuf, String>| peers.push((folder.case.name, Peer { name, object }));
        add("tract_f32", tract.clone());
        add("ort_f32", float.clone());
        if int8_network(folder.case).is_some() {
            add("ort_int8", int8.clone());
        }
        if matches!(folder.case.body, Body::Network(_)) {
            add("microflow", python.clone().and_then(|python| microflow(step, &python, folder).map_err(reason)));
        }
    }
    peers
}

/// The library of ONNX Runtime in the environment.
pub(super) fn onnxruntime(environment: &Path) -> Result<PathBuf> {
    package_file(environment, "onnxruntime/capi", "libonnxruntime.so")
}

/// Builds the package `peer-NAME`; the object is kept under its name and `variant`.
fn package(step: &Step<'_>, name: &str, variant: &str, features: &[&str]) -> Result<PathBuf> {
    cargo(step, &source_folder(), &format!("peer-{name}"), features)?;
    let built = target().join(format!("release/libpeer_{name}.so"));
    let object = target().join(format!("release/{name}{variant}.so"));
    fs::copy(&built, &object).with_context(|| format!("copying {}", built.display()))?;
    Ok(object)
}

fn cargo(step: &Step<'_>, workspace: &Path, package: &str, features: &[&str]) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace).args(["build", "--release", "--locked", "--package", package]).args(features);
    // Of the xtask's own package.
    cargo.env("CARGO_TARGET_DIR", target()).env_remove("CARGO_MANIFEST_DIR");
    step.run(&mut cargo)
}

fn target() -> PathBuf {
    workspace::target().join("peers")
}

/// MicroFlow compiles a model into Rust when its crate is compiled: a crate for each case, from one source.
fn microflow(step: &Step<'_>, environment: &Path, folder: &Folder<'_>) -> Result<PathBuf> {
    let Some(network) = int8_network(folder.case) else { bail!("MicroFlow has no int16 activations") };
    if network.layers.iter().any(|layer| layer.activation == Activation::Sigmoid) {
        bail!("MicroFlow has no sigmoid");
    }
    let layer = |layer: &kinfer_bench_cases::network::Layer| {
        let (weights, biases) = float_parameters(layer);
        json!({
            "inputs": layer.inputs, "outputs": layer.outputs, "weights": weights, "biases": biases,
            "activation": format!("{:?}", layer.activation), "input_scale": layer.input_scale,
            "output_scale": layer.output_scale,
        })
    };
    let layers: Vec<Value> = network.layers.iter().map(layer).collect();
    let description = folder.dir.join("network.json");
    fs::write(&description, json!({ "layers": layers, "top": super::largest_score(folder.case) }).to_string())?;

    let made = folder.dir.join("model.tflite");
    let script = source_folder().join("network_tflite.py");
    step.run(Command::new(environment.join("bin/python")).arg(script).arg(&description).arg(&made))?;

    // Kept from run to run, so that cargo compiles it once; it does not know that the crate is made of the model, too.
    let dir = target().join("microflow").join(folder.case.name);
    fs::create_dir_all(dir.join("src"))?;
    let model = dir.join("model.tflite");
    let is_new = fs::read(&model).ok() != Some(fs::read(&made)?);
    fs::copy(&made, &model)?;
    let source = source_folder().join("microflow");
    let manifest = fs::read_to_string(source.join("Cargo.toml"))?;
    let abi = format!("path = \"{}\"", source_folder().join("abi").display());
    let package = format!("peer-microflow-{}", folder.case.name);
    let renamed = |text: &str| text.replace("\"peer-microflow\"", &format!("\"{package}\""));
    fs::write(dir.join("Cargo.toml"), renamed(&manifest).replace("path = \"../abi\"", &abi))?;
    fs::write(dir.join("Cargo.lock"), renamed(&fs::read_to_string(source.join("Cargo.lock"))?))?;
    let code = fs::read_to_string(source.join("src/lib.rs"))?;
    let (inputs, outputs) = (folder.case.rows()[0].len(), folder.case.outputs());
    let code = code.replace("model.tflite", &model.display().to_string());
    let code = code.replace("INPUTS: usize = 0", &format!("INPUTS: usize = {inputs}"));
    let code = code.replace("OUTPUTS: usize = 0", &format!("OUTPUTS: usize = {outputs}"));
    let root = dir.join("src/lib.rs");
    if is_new || fs::read_to_string(&root).ok().as_ref() != Some(&code) {
        fs::write(&root, code)?;
    }
    cargo(step, &dir, &package, &[])?;
    let object = folder.dir.join("microflow.so");
    let built = target().join(format!("release/lib{}.so", package.replace('-', "_")));
    fs::copy(&built, &object).with_context(|| format!("copying {}", built.display()))?;
    Ok(object)
}

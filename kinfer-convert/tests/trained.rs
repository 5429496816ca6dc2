//! Models trained by `tests/outside/models/train.py`, as it left them in the folder that `KINFER_TRAINED` names:
//! `cargo xtask test` trains them and runs this.

use std::path::{Path, PathBuf};

use kinfer_convert::convert::Options;
use kinfer_convert::graph::Graph;
use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::{Model, Rule, read};
use kinfer_convert::progress::Silent;
use kinfer_convert::{Conversion, convert};
use serde::Deserialize;

/// A model of `models.json`.
#[derive(Deserialize)]
struct Trained {
    name: String,
    kind: String,
    /// Trees on integer features.
    exact: bool,
}

fn trained() -> Option<(PathBuf, Vec<Trained>)> {
    let Some(folder) = std::env::var_os("KINFER_TRAINED").map(PathBuf::from) else {
        eprintln!("skipped: KINFER_TRAINED names no folder; `cargo xtask test` trains the models");
        return None;
    };
    let list = std::fs::read_to_string(folder.join("models.json")).unwrap();
    Some((folder, serde_json::from_str(&list).unwrap()))
}

/// Rows of features, without the label.
fn rows(path: &Path) -> Vec<Vec<f64>> {
    let mut csv = csv::Reader::from_path(path).unwrap();
    let row = |record: csv::StringRecord| {
        let mut row: Vec<f64> = record.iter().map(|cell| cell.parse().unwrap()).collect();
        row.pop();
        row
    };
    csv.records().map(|record| row(record.unwrap())).collect()
}

/// Names of the features.
fn columns(path: &Path) -> Vec<String> {
    let mut csv = csv::Reader::from_path(path).unwrap();
    csv.headers().unwrap().iter().filter(|name| *name != "label").map(String::from).collect()
}

fn oracle(path: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.parse().unwrap()).collect()
}

/// The label or value that a graph decides for a row.
fn decide(model: &Model, graph: &Graph, row: &[f64]) -> f64 {
    let scores = graph.scores(row, &mut graph.initial_state());
    let best = |better: fn(f64, f64) -> bool| {
        (0..scores.len()).fold(0, |best, at| if better(scores[at], scores[best]) { at } else { best })
    };
    let class = match model.head.rule {
        Rule::ArgMax => best(|a, b| a > b),
        Rule::ArgMin => best(|a, b| a < b),
        Rule::Threshold { threshold, .. } | Rule::Anomaly { threshold } => usize::from(scores[0] > threshold),
        Rule::Value => return scores[0],
    };
    match &model.head.labels {
        Some(labels) => labels[class].parse().unwrap(),
        None => class as f64,
    }
}

/// The graph as it is read decides as ONNX Runtime does, but for ties that f32 and f64 break differently.
#[test]
fn graphs_decide_as_onnx_runtime() {
    let Some((folder, models)) = trained() else { return };
    let mut failed = Vec::new();
    for model in &models {
        let folder = folder.join(&model.name);
        let read = match Source::open(&folder.join("model.onnx")).map(|source| read(&source)) {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                failed.push(format!("{}: {error}", model.name));
                continue;
            }
            Err(error) => panic!("{}: {error}", model.name),
        };
        let (rows, oracle) = (rows(&folder.join("evaluate.csv")), oracle(&folder.join("oracle.csv")));
        assert_eq!(rows.len(), oracle.len(), "{}", model.name);
        let decided: Vec<_> = rows.iter().map(|row| decide(&read, &read.graph, row)).collect();
        if model.kind == "regressor" {
            let largest = oracle.iter().fold(0f64, |largest, value| largest.max(value.abs()));
            let error = decided.iter().zip(&oracle).map(|(a, b)| (a - b).abs() / largest).fold(0f64, f64::max);
            if error > 1e-5 {
                failed.push(format!("{}: values off by {error:.2e} of the largest", model.name));
            }
        } else {
            let differ = decided.iter().zip(&oracle).filter(|(a, b)| a != b).count();
            if differ * 1000 > rows.len() || (model.exact && differ > 0) {
                failed.push(format!("{}: {differ} of {} decisions differ", model.name, rows.len()));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} models:\n{}", failed.len(), models.len(), failed.join("\n"));
}

/// The whole way: what is written decides as float does, in 99.5 % of the rows by default and 99.9 % where that is asked
/// for, and always where trees compare integers.
#[test]
fn conversions_decide_as_in_float() {
    let Some((folder, models)) = trained() else { return };
    let mut failed = Vec::new();
    for model in &models {
        let folder = folder.join(&model.name);
        let [onnx, calibrate, evaluate] = ["model.onnx", "calibrate.csv", "evaluate.csv"].map(|name| folder.join(name));
        for agree in [None, Some(0.999)] {
            // A cluster's number is no class of the data set, nor is an outlier.
            let is_labelled = matches!(model.kind.as_str(), "classifier" | "regressor");
            let features = columns(&calibrate);
            let options = Options {
                evaluate: Some(&evaluate),
                features: Some(&features),
                label: is_labelled.then_some("label"),
                agree,
                ..Options::new(&onnx, &calibrate)
            };
            let wanted = if model.exact { 1.0 } else { agree.unwrap_or(0.995) };
            match convert(&options, &Silent) {
                Ok(Conversion { report, .. }) if report.agreement >= wanted => {}
                Ok(Conversion { report, .. }) => {
                    failed.push(format!("{}, --agree {agree:?}: {}", model.name, report.agreement));
                }
                Err(error) => failed.push(format!("{}, --agree {agree:?}: {error}", model.name)),
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} conversions:\n{}", failed.len(), 2 * models.len(), failed.join("\n"));
}

//! What interpreters made of TensorFlow Lite files, against the engine: every element of every output.
//!
//! The cases are files that `tests/outside/tflite/generate.py` writes; `cargo xtask test` runs it, and this with
//! `KINFER_TFLITE_CASES` for the folder. Those in `tests/outside/tflite/recorded` are kept in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use kinfer::format::{HeadKind, MAX_OUTCOMES};
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::kinf::{FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, SliceSpec, StepSpec, TensorSpec};
use kinfer_convert::tflite::{Counters, Network, Rounding, read};
use serde_json::Value;

/// Wide enough for every model here: what is shown is exactness.
const LIMITS: Limits = Limits {
    file_bytes: 1 << 24,
    packed_bytes: 1 << 26,
    scratch_bytes: 1 << 24,
    state_bytes: 0,
    operations: 1 << 40,
    look_ups: 1 << 40,
};

/// A file with this network whose head reads the scores from `start` on, as many as outcomes can be named. One counter makes all
/// elements of tensor 0, whatever their number, and reaches both ends of their type: what is proved is proved for every input.
fn spec(network: &Network, start: usize) -> ModelSpec {
    let (mut tensors, mut operators) = (network.tensors.clone(), network.operators.clone());
    let count = (network.outputs() - start).min(MAX_OUTCOMES);
    let output = tensors.len() as u16;
    let scores = TensorSpec { dims: vec![count as u32], ..tensors[usize::from(network.scores)].clone() };
    tensors.push(scores);
    operators.push(OperatorSpec::Slice(SliceSpec {
        input: network.scores,
        output,
        rows: 1,
        start: start as u32,
        count: count as u32,
        stride: 1,
    }));
    let (off, on) = tensors[0].element.range();
    let features = vec![FeatureSpec { name: "x".into(), unit: "1".into(), lo: 0, hi: 1 }];
    let program = vec![StepSpec::OneHot { source: 0, count: network.features() as u16, first: 0, off, on }];
    let kind = if count == 1 { HeadKind::Value } else { HeadKind::ArgMax };
    let head = HeadSpec { kind, scores: output, low_margin: Default::default() };
    let outcomes = (0..count).map(|class| class.to_string()).collect();
    ModelSpec { features, program, tensors, operators, head, outcomes, provenance: vec![] }
}

/// The file, verified and laid out, and its scratch.
fn load(network: &Network, spec: &ModelSpec) -> (Packed<Vec<i64>>, Vec<i64>) {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &LIMITS).unwrap();
    network.check_interpreters(&report).unwrap();
    (Packed::new(&model, &report, vec![0; report.packed_words]).unwrap(), vec![0; report.scratch_words])
}

/// All scores of each of `inputs`, elements of tensor 0.
fn infer(network: &Network, inputs: &[Vec<i64>]) -> Vec<Vec<f64>> {
    let mut scores = vec![vec![]; inputs.len()];
    for start in (0..network.outputs()).step_by(MAX_OUTCOMES) {
        let (packed, mut scratch) = load(network, &spec(network, start));
        for (scores, input) in scores.iter_mut().zip(inputs) {
            let input: Vec<i32> = input.iter().map(|&q| q as i32).collect();
            scores.extend(packed.infer(&mut scratch, &mut [], &input).iter().map(|&score| f64::from(score)));
        }
    }
    scores
}

/// The class of each of `inputs`, raw counters.
fn decide(network: &Network, inputs: &[Vec<i64>]) -> Vec<usize> {
    let (packed, mut scratch) = load(network, &network.model_spec());
    inputs.iter().map(|input| packed.decide(&mut scratch, input).class as usize).collect()
}

fn numbers(row: &Value) -> Vec<f64> {
    row.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Compares one case under every rounding that it has outputs for; what differs, and how many elements were compared.
fn compare(path: &Path) -> Result<usize, String> {
    let case: Value = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
    let bytes = fs::read(path).unwrap();
    let inputs: Vec<Vec<i64>> = case["inputs"].as_array().unwrap().iter().map(integers).collect();
    let mut compared = 0;
    for (name, rounding) in [("single", Rounding::Single), ("double", Rounding::Double), ("litert", Rounding::Litert)] {
        let Some(outputs) = case["outputs"].get(name) else { continue };
        let mut network = match read(&bytes, rounding) {
            // Sums of int16 activations have more bits than a factor: LiteRT's floating point is not matched, and that is said.
            Err(error) if name == "litert" && error.to_string().contains("floating point") => {
                assert!(path.to_string_lossy().contains("dense-int16"), "{}: {error}", path.display());
                continue;
            }
            read => read.map_err(|error| format!("{}: {name}: {error}", path.display()))?,
        };
        if let Some(resolution) = case["resolution"].as_f64() {
            network.set_resolution(resolution).unwrap();
        }
        let outputs: Vec<Vec<f64>> = outputs.as_array().unwrap().iter().map(numbers).collect();
        let fails = |row: usize, is: String| {
            Err(format!("{}: {name}: input {row}: {is} is not {:?}", path.display(), outputs[row]))
        };
        // What a softmax or a quantisation follows are not the scores: the class is compared, where shares may tie.
        if network.counters == Counters::Elements && network.left_out.is_empty() {
            for (row, scores) in infer(&network, &inputs).iter().enumerate() {
                if *scores != outputs[row] {
                    return fails(row, format!("{scores:?}"));
                }
                compared += scores.len();
            }
        } else {
            let classes = match network.counters {
                Counters::Elements => infer(&network, &inputs).iter().map(|scores| first_of_largest(scores)).collect(),
                _ => decide(&network, &inputs),
            };
            for (row, class) in classes.into_iter().enumerate() {
                let shares = network.left_out.iter().any(|operator| operator.contains("SOFTMAX"));
                let is_class = network.left_out.iter().any(|operator| operator.contains("ARG_MAX"));
                let best = if is_class { outputs[row][0] as usize } else { first_of_largest(&outputs[row]) };
                if class != best && !(shares && outputs[row][class] == outputs[row][best]) {
                    return fails(row, format!("class {class}"));
                }
                compared += 1;
            }
        }
    }
    Ok(compared)
}

fn integers(row: &Value) -> Vec<i64> {
    row.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

fn first_of_largest(scores: &[f64]) -> usize {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter().position(|&score| score == largest).unwrap()
}

fn compare_all(folder: &Path, at_least: usize) {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "tflite")).collect();
    files.sort();
    let (mut compared, mut failures) = (0, vec![]);
    for file in &files {
        match compare(file) {
            Ok(elements) => compared += elements,
            Err(failure) => failures.push(failure),
        }
    }
    println!("{} files, {compared} elements compared", files.len());
    assert!(failures.is_empty(), "{} of {} files:\n{}", failures.len(), files.len(), failures.join("\n"));
    assert!(files.len() >= at_least, "{} files in {}, {at_least} wanted", files.len(), folder.display());
}

#[test]
fn recorded_elements_are_the_interpreters() {
    compare_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/outside/tflite/recorded"), 18);
}

#[test]
#[ignore = "needs the interpreters' outputs: `cargo xtask test` makes them"]
fn every_element_is_the_interpreters() {
    let folder = std::env::var_os("KINFER_TFLITE_CASES").expect("KINFER_TFLITE_CASES names the folder of the cases");
    compare_all(Path::new(&folder), 200);
}

//! What interpreters made of TensorFlow Lite files, against the engine: every element of every output.
//!
//! The cases are files that `tests/outside/tflite/generate.py` writes; `cargo xtask test` runs it, and this with `KINFER_TFLITE_CASES` for the
//! folder. Those in `tests/outside/tflite/recorded` are in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use kinfer::format::{HeadKind, MAX_OUTCOMES};
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::kinf::{FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, SliceSpec, StepSpec, TensorSpec};
use kinfer_convert::tflite::{Network, Rounding, read};
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
    let all = network.outputs();
    let count = (all - start).min(MAX_OUTCOMES - 1);
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

/// All scores of each of `inputs`.
fn infer(network: &Network, inputs: &[Vec<i32>]) -> Vec<Vec<i32>> {
    let mut scores = vec![vec![]; inputs.len()];
    for start in (0..network.outputs()).step_by(MAX_OUTCOMES - 1) {
        let bytes = spec(network, start).to_bytes();
        let model = Model::parse(&bytes).unwrap();
        let report = verify(&model, &LIMITS).unwrap();
        network.check_interpreters(&report).unwrap();
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let mut scratch = vec![0; report.scratch_words];
        for (scores, input) in scores.iter_mut().zip(inputs) {
            scores.extend(packed.infer(&mut scratch, &mut [], input));
        }
    }
    scores
}

fn rows(value: &Value) -> Vec<Vec<i32>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|q| q.as_i64().unwrap() as i32).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

/// Compares one case under every rounding that it has outputs for; what differs, and how many elements were compared.
fn compare(path: &Path) -> Result<usize, String> {
    let case: Value = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
    let bytes = fs::read(path).unwrap();
    let (inputs, mut compared) = (rows(&case["inputs"]), 0);
    for (name, rounding) in [("single", Rounding::Single), ("double", Rounding::Double), ("litert", Rounding::Litert)] {
        let Some(outputs) = case["outputs"].get(name) else { continue };
        let network = match read(&bytes, rounding) {
            // Sums of int16 activations have more bits than a factor: LiteRT's floating point is not matched, and that is said.
            Err(error) if name == "litert" && error.to_string().contains("floating point") => {
                assert!(path.to_string_lossy().contains("dense-int16"), "{}: {error}", path.display());
                continue;
            }
            read => read.map_err(|error| format!("{}: {name}: {error}", path.display()))?,
        };
        let expected = rows(outputs);
        // Shares are not scores: of a softmax the order is compared, where the interpreter's shares do not tie.
        let softmax = network.left_out.iter().any(|operator| operator.contains("SOFTMAX"));
        for (row, (is, expected)) in infer(&network, &inputs).iter().zip(&expected).enumerate() {
            let best = |scores: &[i32]| scores.iter().max().copied().unwrap();
            let same = if softmax {
                let class = is.iter().position(|&score| score == best(is)).unwrap();
                expected[class] == best(expected)
            } else {
                is == expected
            };
            if !same {
                return Err(format!("{}: {name}: input {row}: {is:?} is not {expected:?}", path.display()));
            }
            compared += expected.len();
        }
    }
    Ok(compared)
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
#[ignore = "needs the interpreters' outputs: `cargo xtask test` makes them"]
fn every_element_is_the_interpreters() {
    let folder = std::env::var_os("KINFER_TFLITE_CASES").expect("KINFER_TFLITE_CASES names the folder of the cases");
    compare_all(Path::new(&folder), 200);
}

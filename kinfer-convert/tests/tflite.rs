//! TensorFlow Lite files: what must be refused, with its sentence; damage of every kind; the two ends of a model.

use std::path::PathBuf;

use kinfer::format::HeadKind;
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::Error as ConvertError;
use kinfer_convert::kinf::StepSpec;
use kinfer_convert::tflite::{Counters, Network, Options, Rounding, convert, read};
use proptest::prelude::*;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/outside/tflite/recorded").join(name)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(&format!("{name}.tflite"))).unwrap()
}

/// What a file is refused for, by the reader or the verifier.
fn refusal(bytes: &[u8]) -> String {
    let network = match read(bytes, Rounding::Double) {
        Ok(network) => network,
        Err(error) => return error.to_string(),
    };
    match verdict(&network) {
        Ok(()) => "accepted".into(),
        Err(sentence) => sentence,
    }
}

/// Parses, verifies, lays out and decides once.
fn verdict(network: &Network) -> Result<(), String> {
    let bytes = network.model_spec().to_bytes();
    let decide = || {
        let model = Model::parse(&bytes)?;
        let report = verify(&model, &Limits::KERNEL)?;
        let packed = Packed::new(&model, &report, vec![0; report.packed_words])?;
        packed.decide(&mut vec![0; report.scratch_words], &vec![1; network.features()]);
        Ok::<_, kinfer::Error>(report)
    };
    let report = decide().map_err(|error| error.to_string())?;
    network.check_interpreters(&report).map_err(|error| error.to_string())
}

#[test]
fn what_cannot_be_converted_is_refused_with_its_own_sentence() {
    for (name, sentence) in [
        ("another-operator", "op 0 (ABS): is not read"),
        ("batch", "op 0 (FULLY_CONNECTED): makes 6 of 8 elements with weights [3, 4]"),
        (
            "concat-scales",
            "op 1 (CONCATENATION): its input and output differ in type, scale or zero point, which it does not convert between",
        ),
        ("constant-operand", "op 0 (ADD): computes with the constant tensor 1 (`t1`)"),
        ("dimension-zero", "tensor 0 (`t0`): its dimensions are not read"),
        ("float", "op 0 (FULLY_CONNECTED): computes with the model's input of type float32"),
        ("float-inside", "op 0 (DEQUANTIZE): stands inside the model"),
        ("int16-without-bias", "op 0 (FULLY_CONNECTED): has no bias"),
        ("large", "tensor 0: the rank is not 1 to 4, or a dimension is zero or too large"),
        ("logistic-scale", "op 0 (LOGISTIC): interpreters have no definition of its scales: output 0.05, zero point 3"),
        ("many-inputs", "section schema: has 300 records, 1 to 256 are allowed"),
        ("missing-buffer", "buffer 9 of 2 is named"),
        ("no-scale", "tensor 0 (`t0`): has 0 scales, an activation has one"),
        ("no-stride", "op 0 (MAX_POOL_2D): its stride is 0"),
        ("pad-before-relu", "op 1 (RELU): reads tensor 2 (`t2`), which PAD makes larger"),
        ("scale-nan", "tensor 0 (`t0`): scale NaN is no positive number"),
        ("scale-zero", "tensor 0 (`t0`): scale 0 is no positive number"),
        ("scales-far-apart", "tensor 0 (`t0`): scale 3000000000000000000000000000000 is beyond fixed point"),
        ("short-buffer", "tensor 1 (`t1`): has 5 bytes, not its 12 elements"),
        ("shuffled", "op 0 (FULLY_CONNECTED): its weights are shuffled"),
        (
            "softmax-inside",
            "op 0 (SOFTMAX): its shares are computed with by another operator, and the engine's softmax has other last bits",
        ),
        ("spread", "op 1 (MUL): spreads [1, 1, 1, 3] over [1, 2, 2, 3]"),
        ("too-many-operators", "section operators: has 65 records, 1 to 64 are allowed"),
        ("two-outputs", "the model has 2 outputs"),
        ("written-twice", "op 1 (RELU): writes tensor 1 (`t1`), which has a value"),
        ("zero-point", "tensor 0 (`t0`): its zero point 300 is outside its type"),
    ] {
        assert_eq!(refusal(&file(&format!("refused/{name}"))), sentence, "{name}");
    }
    assert_eq!(std::fs::read_dir(path("refused")).unwrap().count(), 26, "a file that has no sentence here");
}

#[test]
fn what_is_no_tensorflow_lite_file_is_refused() {
    let sentence = |bytes: &[u8]| read(bytes, Rounding::Double).unwrap_err().to_string();
    let identifier = "this is not a TensorFlow Lite file: of its 7 bytes those at 4 are not `TFL3`";
    assert_eq!(sentence(b"\x08\0\0\0ONN"), identifier);
    assert_eq!(sentence(b"\xff\xff\xff\x7fTFL3\0\0\0\0"), "byte 0: an offset leaves the file");
    assert_eq!(sentence(b"\x08\0\0\0TFL3\xff\0\0\0"), "byte 8: a vtable lies outside the file");
    // A vtable in which a table finds itself again.
    assert_eq!(sentence(b"\x08\0\0\0TFL3\0\0\0\0\0\0\0\0"), "byte 8: a vtable is cut off");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = file("stacked");
    for length in 0..whole.len() {
        let refused = refusal(&whole[..length]);
        // Bytes that nothing names may end a file.
        assert!(refused != "accepted" || whole.len() - length < 8, "{length} of {} bytes", whole.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_refused_or_runs(
        which in prop::sample::select(vec!["stacked", "moves", "dense-int16", "mean", "conv-after-pad", "ends-float", "logistic"]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), 0u8..4, 252u8..]), 1..6),
        rounding in prop::sample::select(vec![Rounding::Single, Rounding::Double, Rounding::Litert]),
    ) {
        let mut bytes = file(which);
        for (at, value) in damage {
            let length = bytes.len();
            bytes[at.index(length)] = value;
        }
        if let Ok(network) = read(&bytes, rounding) {
            // The verifier's word, whichever, is fine.
            let _ = verdict(&network);
        }
    }
}

/// Every byte of a file, with the values that offsets and counts are most sensitive to.
#[test]
fn every_byte_may_be_wrong() {
    let whole = file("ends-float");
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            refusal(&bytes);
        }
    }
}

#[test]
fn counters_are_the_elements_of_the_input() {
    let network = read(&file("dense"), Rounding::Double).unwrap();
    assert_eq!((network.counters, network.names[0].as_str(), network.left_out.len()), (Counters::Elements, "t0[0]", 0));
    let spec = network.model_spec();
    assert!(matches!(spec.program[1], StepSpec::Copy { source: 1, lo: -128, hi: 127 }));
    assert_eq!((spec.features[0].lo, spec.features[0].hi, spec.features[0].unit.as_str()), (-128, 127, "1"));
    assert_eq!((spec.head.kind, spec.outcomes.len()), (HeadKind::ArgMax, network.outputs()));
}

#[test]
fn counters_of_a_float_input_have_a_resolution() {
    let mut network = read(&file("ends-float"), Rounding::Double).unwrap();
    assert_eq!(network.left_out, ["op 0 (QUANTIZE)", "op 2 (SOFTMAX)", "op 3 (DEQUANTIZE)"]);
    let scale = network.tensors[0].scale.to_num::<f64>();
    network.set_resolution(0.001).unwrap();
    let spec = network.model_spec();
    assert_eq!(spec.features[0].unit, "1e-3 1");
    // The range of the type, in counters: its ends are those of the quantised input.
    let reached = |counter: i64| (counter as f64 * 0.001 / scale) + f64::from(network.tensors[0].zero_point);
    assert!((reached(spec.features[0].lo) + 128.0).abs() < 0.5, "{:?}", spec.features[0]);
    assert!((reached(spec.features[0].hi) - 127.0).abs() < 0.5, "{:?}", spec.features[0]);
    for resolution in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let sentence = network.set_resolution(resolution).unwrap_err().to_string();
        assert_eq!(sentence, format!("a resolution of {resolution} is no positive number"));
    }
    let sentence = network.set_resolution(0.123_456_789_012_345).unwrap_err().to_string();
    assert_eq!(sentence, "the unit `0.123456789012345 1` is longer than 16 characters");
    let mut integers = read(&file("dense"), Rounding::Double).unwrap();
    let sentence = integers.set_resolution(0.1).unwrap_err().to_string();
    assert_eq!(sentence, "a resolution is given for a model whose input is not float32");
}

const OPTIONS: Options<'_> = Options {
    rounding: Rounding::Double,
    resolution: None,
    calibrate: None,
    features: None,
    label: None,
    threshold: None,
    outcomes: None,
    limits: Limits::KERNEL,
};

#[test]
fn data_gives_names_and_ranges_and_nothing_else() {
    let (plain, network) = convert(&path("ends-uint8.tflite"), &OPTIONS).unwrap();
    let data = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    let columns: Vec<_> = (0..network.features()).map(|column| format!("c{column}")).collect();
    let line = |value: usize| vec![value.to_string(); columns.len()].join(",");
    std::fs::write(&data, format!("{},slow\n{},1\n{},0\n", columns.join(","), line(3), line(200))).unwrap();
    let options = Options { calibrate: Some(data.path()), label: Some("slow"), ..OPTIONS };
    let (observed, _) = convert(&path("ends-uint8.tflite"), &options).unwrap();
    assert_eq!((plain.features[0].lo, plain.features[0].hi, plain.features[0].name.as_str()), (0, 255, "t0[0]"));
    assert_eq!((observed.features[0].lo, observed.features[0].hi, observed.features[0].name.as_str()), (3, 200, "c0"));
    assert_eq!(
        format!("{:?}{:?}", plain.operators, plain.program),
        format!("{:?}{:?}", observed.operators, observed.program)
    );
    let options = Options { calibrate: Some(data.path()), ..OPTIONS };
    let wrong = convert(&path("ends-uint8.tflite"), &options).unwrap_err().to_string();
    let (has, takes) = (network.features() + 1, network.features());
    assert!(wrong.ends_with(&format!("has {has} columns of features, the model takes {takes}")), "{wrong}");
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let refused = |options: &Options<'_>| convert(&path("dense.tflite"), options).unwrap_err().to_string();
    let outputs = read(&file("dense"), Rounding::Double).unwrap().outputs();
    let sentence = format!("--threshold does not fit a model with {outputs} scores");
    assert_eq!(refused(&Options { threshold: Some(1.0), ..OPTIONS }), sentence);
    let sentence = format!("1 outcomes are named, the model has {outputs}");
    assert_eq!(refused(&Options { outcomes: Some(&["a".into()]), ..OPTIONS }), sentence);
    let missing = convert(&path("nothing.tflite"), &OPTIONS).unwrap_err();
    assert!(matches!(missing, ConvertError::Read { .. }));
}

#[test]
fn the_command_converts_without_data_and_says_what_it_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model.kinf");
    let run = |name: &str, options: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kinfer"));
        command.arg("convert").arg(path(name)).arg("-o").arg(&output).args(options).output().unwrap()
    };
    let done = run("ends-float.tflite", &["--resolution", "0.01", "--rounding", "litert"]);
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{text}");
    assert!(text.contains("left out   op 0 (QUANTIZE)\nleft out   op 2 (SOFTMAX)\n"), "{text}");
    let mut network = read(&file("ends-float"), Rounding::Litert).unwrap();
    network.set_resolution(0.01).unwrap();
    let written = std::fs::read(&output).unwrap();
    let model = Model::parse(&written).unwrap();
    assert_eq!((model.features().len(), model.outcomes().len()), (network.features(), network.outputs()));
    assert!(String::from_utf8_lossy(model.provenance()).contains("rounding: litert\n"));

    let refused = run("refused/another-operator.tflite", &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("op 0 (ABS): is not read"));
}

#[test]
fn a_model_over_the_kernels_limits_is_refused_with_the_verifiers_sentence() {
    // 256 inputs and outputs fit; the head's outcomes are as many.
    assert!(convert(&path("logistic.tflite"), &OPTIONS).is_ok());
    let refused = convert(&path("refused/large.tflite"), &OPTIONS).unwrap_err();
    assert!(matches!(refused, ConvertError::Refused(_)), "{refused}");
    let limits = Limits { look_ups: 255, ..Limits::KERNEL };
    let refused = convert(&path("logistic.tflite"), &Options { limits, ..OPTIONS }).unwrap_err();
    assert_eq!(refused.to_string(), "file: look-ups 256 over the budget of 255");
}

//! From a graph and data to a file that decides like the graph.

mod support;

use std::path::Path;

use kinfer::format::{ElementType, HeadKind};
use kinfer::{Limits, Model, verify};
use kinfer_convert::convert::{Activations, Options, Report};
use kinfer_convert::data::Data;
use kinfer_convert::engine::Engine;
use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::read;
use kinfer_convert::progress::Silent;
use kinfer_convert::reference::Reference;
use kinfer_convert::{Conversion, convert};
use support::{Graph, Workplace, classifier, classifier_data, floats, int};

fn options<'a>(model: &'a Path, data: &'a Path) -> Options<'a> {
    Options::new(model, data)
}

fn convert_with(graph: &Graph, data: &str, change: impl FnOnce(&mut Options<'_>)) -> Result<Conversion, String> {
    let workplace = Workplace::new(graph, data);
    let (model, data) = (workplace.path("model.onnx"), workplace.path("data.csv"));
    let mut options = options(&model, &data);
    change(&mut options);
    convert(&options, &Silent).map_err(|error| error.to_string())
}

/// Three scores from three counters of which one is negative at times; nothing is named.
fn argmax() -> (Graph, String) {
    let graph = Graph::new(3)
        .floats("scale", &[3], &[0.01, 0.001, 1.0])
        .floats("w0", &[3, 4], &[0.9, -0.4, 0.3, 0.7, -0.8, 0.6, 0.2, -0.1, 0.5, 0.5, -0.9, 0.4])
        .floats("b0", &[4], &[0.1, 0.2, -0.3, 0.05])
        .floats("w1", &[4, 3], &[0.8, -0.3, 0.1, -0.5, 0.9, 0.2, 0.4, -0.7, 0.6, -0.2, 0.3, 0.7])
        .node("Mul", &["x", "scale"], "n", &[])
        .node("Gemm", &["n", "w0", "b0"], "m0", &[])
        .node("Relu", &["m0"], "h0", &[])
        .node("MatMul", &["h0", "w1"], "scores", &[])
        .node("Softmax", &["scores"], "p", &[])
        .node("ArgMax", &["p"], "class", &[int("axis", 1)])
        .output("class");
    let mut data = String::from("a,b,c\n");
    for row in 0..2000i64 {
        data += &format!("{},{},{}\n", (row * 7919) % 401 - 200, (row * 104_729) % 4001, (row * 31) % 5 - 2);
    }
    (graph, data)
}

#[test]
fn a_classifier_decides_as_in_float_and_carries_its_schema() {
    let Conversion { bytes, report } = convert_with(&classifier(), &classifier_data(4000), |_| {}).unwrap();
    assert!(report.agreement >= 0.995, "{}", report.agreement);
    let quality = report.quality.expect("the metadata names the label");
    assert!(quality.float.accuracy > 0.8 && (quality.float.accuracy - quality.integer.accuracy).abs() < 0.01);
    assert!(quality.integer.auc.unwrap() > 0.8);

    let model = Model::parse(&bytes).unwrap();
    verify(&model, &Limits::KERNEL).unwrap();
    let names: Vec<_> = model.features().iter().map(|feature| feature.name.to_string()).collect();
    assert_eq!(names, ["depth", "bytes"]);
    let bytes_range = model.features().get(1).map(|feature| (feature.lo, feature.hi)).unwrap();
    assert!(bytes_range.0 >= 0 && bytes_range.1 <= 2_000_000 && bytes_range.1 > 1_900_000, "{bytes_range:?}");
    assert_eq!(model.outcomes().get(1).unwrap().as_str(), "slow");
    let provenance = String::from_utf8(model.provenance().to_vec()).unwrap();
    assert!(provenance.contains(&format!("source-sha256: {}", report.source_sha256)), "{provenance}");
    assert!(provenance.contains("calibration: data.csv, 4000 rows"), "{provenance}");
    assert!(!provenance.contains('/') || !provenance.contains("tmp"), "no folders: {provenance}");
}

#[test]
fn int16_activations_agree_at_least_as_well_as_int8() {
    let agreement = |activations| {
        let conversion = convert_with(&classifier(), &classifier_data(4000), |o| o.activations = activations).unwrap();
        let model = Model::parse(&conversion.bytes).unwrap();
        (conversion.report.agreement, model.tensors().get(0).unwrap().element)
    };
    let ((of_int8, int8), (of_int16, int16)) = (agreement(Activations::Int8), agreement(Activations::Int16));
    assert_eq!((int8, int16), (ElementType::I8, ElementType::I16));
    assert!(of_int16 >= of_int8 && of_int16 > 0.998, "int8 {of_int8}, int16 {of_int16}");
}

#[test]
fn argmax_of_several_scores_agrees_with_float() {
    let (graph, data) = argmax();
    let Conversion { bytes, report } = convert_with(&graph, &data, |o| o.activations = Activations::Int16).unwrap();
    assert!(report.agreement >= 0.995, "{}", report.agreement);
    assert!(report.quality.is_none(), "no label, no accuracy");
    assert_eq!(report.outcomes, ["0", "1", "2"]);
    assert_eq!(Model::parse(&bytes).unwrap().head().kind, HeadKind::ArgMax);
}

#[test]
fn values_are_scores_in_real_units() {
    let workplace = Workplace::new(&classifier(), &classifier_data(500));
    let (model, data) = (workplace.path("model.onnx"), workplace.path("data.csv"));
    let options = Options { activations: Activations::Int16, ..options(&model, &data) };
    let Conversion { bytes, report } = convert(&options, &Silent).unwrap();

    let source = Source::open(&model).unwrap();
    let graph = read(&source).unwrap();
    let rows = Data::read(&data, &["depth", "bytes"].map(String::from), None).unwrap();
    let scores = Reference::new(&source, &graph).unwrap().scores(&rows, &Silent).unwrap();
    let decisions = Engine::load(&bytes).unwrap().decide(&rows, &Silent).unwrap();
    for ((raw, score), decision) in rows.rows().zip(scores).zip(decisions) {
        let read = graph.graph.scores(&rows.features(raw), &mut vec![])[0];
        assert!((read - score).abs() < 1e-5, "tract {score}, graph {read}");
        let off = (decision.value.to_num::<f64>() - score).abs();
        assert!(off <= report.largest_score_error + 1e-9 && off < 0.05, "{off}");
    }
}

#[test]
fn a_threshold_is_in_units_of_the_models_output() {
    let threshold = |graph: &Graph, data: &str, threshold: Option<f64>| {
        convert_with(graph, data, |options| options.threshold = threshold).map(|conversion| {
            match Model::parse(&conversion.bytes).unwrap().head().kind {
                HeadKind::Threshold(threshold) => threshold.to_num::<f64>(),
                other => panic!("{}", other.name()),
            }
        })
    };
    let data = classifier_data(300);
    assert_eq!(threshold(&classifier(), &data, None), Ok(0.0));
    let score = threshold(&classifier(), &data, Some(0.75)).unwrap();
    assert!((score - 3f64.ln()).abs() < 1e-9, "the logit: {score}");
    let error = threshold(&classifier(), &data, Some(1.5)).unwrap_err();
    assert_eq!(error, "--threshold 1.5 is not a probability between 0 and 1");

    let plain = Graph::new(1).floats("w", &[1, 1], &[2.0]).node("MatMul", &["x", "w"], "z", &[]).output("z");
    assert_eq!(threshold(&plain, "a\n1\n5\n9\n", Some(7.5)), Ok(7.5));
    let (several, data) = argmax();
    let error = threshold(&several, &data, Some(0.5)).unwrap_err();
    assert_eq!(error, "--threshold does not fit a model with several scores");
}

#[test]
fn a_feature_that_cannot_reach_the_decision_is_reported() {
    let graph = Graph::new(2).floats("w", &[2, 1], &[1.0, 0.0]).node("MatMul", &["x", "w"], "z", &[]).output("z");
    let report = convert_with(&graph, "used,idle\n-3,1\n4,2\n9,3\n", |_| {}).unwrap().report;
    assert!(report.warnings.contains(&"feature `idle` cannot reach the decision".to_owned()), "{:?}", report.warnings);
    assert!(!report.warnings.iter().any(|warning| warning.contains("`used`")), "{:?}", report.warnings);
}

#[test]
fn counters_of_any_magnitude_are_read_exactly() {
    // A time stamp near 2^62 that matters by its last digits: f32 could not tell them apart, so float decides by f64 input.
    let graph = Graph::with_input(&[None, Some(1)], tract_onnx::pb::tensor_proto::DataType::Double)
        .node("Cast", &["x"], "f", &[int("to", 11)])
        .floats("w", &[1, 1], &[1e-15])
        .floats("c", &[1], &[-4e3])
        .node("Cast", &["f"], "g", &[int("to", 1)])
        .node("MatMul", &["g", "w"], "m", &[])
        .node("Add", &["m", "c"], "z", &[])
        .output("z");
    let rows: String = (0..200i64)
        .map(|row| format!("{}\n", 4_000_000_000_000_000_000 + (row - 100) * 7_000_000_000_000_000))
        .collect();
    let report = convert_with(&graph, &format!("when\n{rows}"), |_| {}).unwrap().report;
    assert!(report.agreement >= 0.98, "{}", report.agreement);
}

#[test]
fn a_scaler_which_tract_lacks_runs_in_the_float_reference_too() {
    let graph = Graph::new(2)
        .floats("w", &[2, 2], &[1.0, -0.5, 0.25, 0.75])
        .node("ai.onnx.ml.Scaler", &["x"], "n", &[floats("offset", &[40.0, 1e6]), floats("scale", &[0.05, 1e-6])])
        .node("MatMul", &["n", "w"], "z", &[])
        .node("ArgMax", &["z"], "class", &[int("axis", 1)])
        .node("ai.onnx.ml.ZipMap", &["z"], "tail", &[]) // not in tract either: the cut leaves it out
        .output("class")
        .output("tail");
    let data: String =
        (0..800i64).map(|row| format!("{},{}\n", (row * 37) % 101, (row * 7_919_993) % 2_000_000)).collect();
    let report = convert_with(&graph, &format!("depth,bytes\n{data}"), |_| {}).unwrap().report;
    assert!(report.agreement >= 0.99, "{}", report.agreement);
}

#[test]
fn clipped_and_linear_hidden_layers_agree_too() {
    let graph = |activation: &str| {
        let graph = Graph::new(2)
            .floats("w0", &[2, 3], &[0.05, -0.02, 0.03, 0.01, 0.04, -0.06])
            .floats("b0", &[3], &[0.5, 1.0, -0.25])
            .floats("lo", &[], &[-1.0])
            .floats("hi", &[], &[1.5])
            .floats("w1", &[3, 2], &[1.0, -0.5, 0.25, 0.75, -1.0, 0.6])
            .node("Gemm", &["x", "w0", "b0"], "m", &[]);
        let graph = match activation {
            "Clip" => graph.node("Clip", &["m", "lo", "hi"], "h", &[]),
            other => graph.node(other, &["m"], "h", &[]),
        };
        graph.node("MatMul", &["h", "w1"], "y", &[]).output("y")
    };
    let data: String =
        (0..1500i64).map(|row| format!("{},{}\n", (row * 37) % 101 - 50, (row * 59) % 83 - 40)).collect();
    for activation in ["Clip", "Relu", "Identity"] {
        for activations in [Activations::Int8, Activations::Int16] {
            let converted = convert_with(&graph(activation), &format!("a,b\n{data}"), |o| o.activations = activations);
            let Report { agreement, .. } = converted.unwrap().report;
            assert!(agreement > 0.985, "{activation}, {activations:?}: {agreement}");
        }
    }
}

#[test]
fn data_that_does_not_fit_the_model_is_refused() {
    let error = |graph: &Graph, data: &str| convert_with(graph, data, |_| {}).unwrap_err();
    let missing = error(&classifier(), "slow,bytes\n1,2\n");
    assert!(missing.ends_with("data.csv: has no column `depth`; its columns are slow, bytes"), "{missing}");
    let label = error(&classifier(), "slow,bytes,depth\n1,2,3\n7,1,2\n");
    assert!(label.ends_with("data.csv: row 2: label `7` is not a class of this model (fast, slow)"), "{label}");
    let (unnamed, _) = argmax();
    let width = error(&unnamed, "a,b\n1,2\n");
    assert_eq!(width, "data.csv has 2 columns beside the label, the model takes 3 features: a, b");
}

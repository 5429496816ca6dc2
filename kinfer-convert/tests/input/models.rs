//! Model files. What of graphs is refused is in `nets` and `graphs`; here is what else a file may be.

use crate::support::{Graph, classifier, classifier_data, int};
use crate::{Place, best_of_three, rows, value};

const DATA: &[u8] = b"a,b\n1,2\n3,5\n-4,7\n0,1\n";

#[test]
fn files_that_are_no_models() {
    let whole = value([0.5, -0.25], 0.1).bytes();
    let decoding = "this is not an ONNX model: failed to decode Protobuf message";
    Place::new(b"", DATA).convert(&[]).is_refused(1, "this is not an ONNX model: there is no graph in it");
    Place::new(b"hello world", DATA).convert(&[]).is_refused(1, &format!("{decoding}: unexpected end group tag"));
    let cut = Place::new(&whole[..80], DATA).convert(&[]);
    cut.is_refused(1, &format!("{decoding}: ModelProto.graph: buffer underflow"));
}

#[test]
fn a_kinf_is_no_onnx_and_an_onnx_no_kinf() {
    let place = Place::new(&value([0.5, -0.25], 0.1).bytes(), DATA);
    assert_eq!(place.done(&["convert", "model.onnx", "--calibrate", "data.csv", "-o", "other.kinf"]).status, Some(0));
    let done = place.done(&["convert", "other.kinf", "--calibrate", "data.csv", "-o", "model.kinf"]);
    done.is_refused(1, "this is not an ONNX model: it is a .kinf file, which is converted already");
    let done = place.done(&["run", "model.onnx", "--input", "data.csv"]);
    done.is_refused(1, &kinfer::Model::parse(&value([0.5, -0.25], 0.1).bytes()).unwrap_err().to_string());
    let check = place.kinfer(&["check", "model.onnx"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(check.stdout.starts_with(b"refused: "));
}

#[test]
fn models_that_decide_nothing() {
    let none = Graph::new(0).floats("w", &[0, 1], &[]).node("MatMul", &["x", "w"], "y", &[]).output("y");
    Place::new(&none.bytes(), b"a\n1\n").convert(&[]).is_refused(1, "input `x` has no features");
    let one = Graph::new(2)
        .floats("w", &[2, 1], &[1.0, 2.0])
        .node("MatMul", &["x", "w"], "y", &[])
        .node("ArgMax", &["y"], "class", &[int("axis", 1)])
        .output("class");
    Place::new(&one.bytes(), DATA)
        .convert(&[])
        .is_refused(1, "node `class` (ArgMax): the largest of one score is always class 0");
}

#[test]
fn weights_that_integers_cannot_stand_for() {
    let large = "node `y`: its scores do not fit I32F32: they reach 2^31 and more";
    for weights in [[1e30, 1.0], [1e30, 1e-38], [1e30, 1e30]] {
        Place::new(&value(weights, 0.1).bytes(), DATA).convert(&[]).is_refused(1, large);
    }
    let vanishing = Place::new(&value([1e-38, 1e-38], 0.0).bytes(), DATA).convert(&[]);
    vanishing.is_refused(1, "node `scores`: they do not fit I32F32: they vanish");
    let beyond = "a,b\n".to_owned() + &rows(40, |at| format!("{},{}", at * 100_000_000_000_000_000, at % 5));
    Place::new(&value([0.5, 0.5], 0.1).bytes(), beyond.as_bytes()).convert(&[]).is_refused(1, large);
    let overflows = Graph::new(2)
        .floats("w", &[2, 1], &[100.0, 100.0])
        .node("MatMul", &["x", "w"], "m", &[])
        .node("Exp", &["m"], "y", &[])
        .output("y");
    let place = Place::new(&overflows.bytes(), b"a,b\n1,2\n30,50\n");
    place.convert(&[]).is_refused(1, "data.csv: row 1: the model's score 0 is inf in float");
    place.write("data.csv", b"a,b\n0,0\n0,-1\n");
    place.write("test.csv", b"a,b\n0,0\n0,70\n");
    let unseen = place.convert(&["--evaluate", "test.csv"]);
    unseen.is_refused(1, "test.csv: row 2: the model's score 0 is inf in float");
}

#[test]
fn a_model_over_budget_is_refused_with_the_verifiers_sentence() {
    let place = Place::new(&value([0.5, -0.25], 0.1).bytes(), DATA);
    place.convert(&["--budget-ops", "3"]).is_refused(1, "file: operations 4 over the budget of 3");

    let network = |features: i64, hidden: i64| {
        let ones = |count: i64| vec![1.0; count as usize];
        let graph = Graph::new(features)
            .floats("w", &[features, hidden], &ones(features * hidden))
            .floats("v", &[hidden, 1], &ones(hidden))
            .node("MatMul", &["x", "w"], "h", &[])
            .node("Relu", &["h"], "r", &[])
            .node("MatMul", &["r", "v"], "y", &[])
            .output("y");
        let line = |cell: fn(i64) -> String| (0..features).map(cell).collect::<Vec<_>>().join(",") + "\n";
        let data = line(|at| format!("f{at}")) + &line(|at| (at % 7).to_string());
        Place::new(&graph.bytes(), data.as_bytes()).convert(&[])
    };
    let done = network(32, 4100);
    assert_eq!((done.status, done.kept), (Some(1), true), "{done:?}");
    assert!(done.sentence.starts_with("error: file: operations 13"), "{done:?}");
    assert!(done.sentence.ends_with(" over the budget of 131072"), "{done:?}");
    // As wide as a tensor can be.
    network(65_536, 4).is_refused(1, "section schema: has 65536 records, 1 to 256 are allowed");
}

#[test]
fn an_agreement_that_cannot_be_reached_names_the_layer() {
    let place = Place::new(&value([0.5, -0.25], 0.1).bytes(), DATA);
    let done = place.convert(&["--agree", "1", "--max-error", "0"]);
    assert_eq!((done.status, done.kept), (Some(1), true), "{done:?}");
    let parts = [
        "error: 0.",
        "of 4 evaluation rows decide as in float, 1 was asked for (tried: ",
        "; node `y` is furthest from float",
    ];
    assert!(parts.iter().all(|part| done.sentence.contains(part)), "{done:?}");
    // What can be reached is written.
    Place::new(&best_of_three().bytes(), DATA).convert(&["--agree", "1"]).is_done();
}

#[test]
fn data_of_another_model_are_refused_before_anything_is_written() {
    let place = Place::new(&classifier().bytes(), classifier_data(50).as_bytes());
    place.write("other.csv", b"slow,depth\n0,1\n");
    place
        .convert(&["--evaluate", "other.csv"])
        .is_refused(1, "other.csv: has no column `bytes`; its columns are slow, depth");
}

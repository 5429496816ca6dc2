//! What graphs are understood, and what is said about the others.

mod support;

use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::{Head, Model, Rule, read};
use support::{Graph, classifier, float, floats, int};
use tract_onnx::pb::tensor_proto::DataType;

/// `x` of two features → `y` of two scores, by a Gemm after whatever normalisation.
fn with_gemm(graph: Graph, normalized: &str) -> Graph {
    graph.floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]).node("Gemm", &[normalized, "w"], "y", &[]).output("y")
}

fn scores(model: &Model, features: &[f64]) -> Vec<f64> {
    model.graph.scores(features, &mut model.graph.initial_state())
}

/// `factor · x + offset`.
fn affine(factor: f64, offset: f64) -> [f64; 2] {
    [factor, offset]
}

#[test]
fn normalisations_of_every_order_become_one_affine_map_a_feature() {
    let two = |graph: Graph| graph.floats("a", &[2], &[2.0, 4.0]).floats("b", &[1, 2], &[8.0, 16.0]);
    let cases: [(&str, Graph, [[f64; 2]; 2]); 8] = [
        (
            "(x - a) / b",
            two(Graph::new(2)).node("Sub", &["x", "a"], "s", &[]).node("Div", &["s", "b"], "n", &[]),
            [affine(0.125, -0.25), affine(0.0625, -0.25)],
        ),
        (
            "a · x + b, as MinMaxScaler writes it",
            two(Graph::new(2)).node("Mul", &["x", "a"], "s", &[]).node("Add", &["s", "b"], "n", &[]),
            [affine(2.0, 8.0), affine(4.0, 16.0)],
        ),
        (
            "constants on the left: a − x, then b · that",
            two(Graph::new(2)).node("Sub", &["a", "x"], "s", &[]).node("Mul", &["b", "s"], "n", &[]),
            [affine(-8.0, 16.0), affine(-16.0, 64.0)],
        ),
        (
            "a scalar is for all features",
            Graph::new(2).floats("c", &[], &[4.0]).node("Div", &["x", "c"], "n", &[]),
            [affine(0.25, 0.0); 2],
        ),
        (
            "four operators",
            two(Graph::new(2))
                .node("Add", &["b", "x"], "s", &[])
                .node("Mul", &["s", "a"], "t", &[])
                .node("Sub", &["t", "b"], "u", &[])
                .node("Div", &["u", "a"], "n", &[]),
            [affine(1.0, 4.0), affine(1.0, 12.0)],
        ),
        (
            "ai.onnx.ml.Scaler",
            Graph::new(2).node(
                "ai.onnx.ml.Scaler",
                &["x"],
                "n",
                &[floats("offset", &[1.0, 2.0]), floats("scale", &[0.5])],
            ),
            [affine(0.5, -0.5), affine(0.5, -1.0)],
        ),
        (
            "none, through what changes nothing",
            {
                Graph::new(2)
                    .integers("shape", &[2], &[-1, 2])
                    .node("Identity", &["x"], "i", &[])
                    .node("Flatten", &["i"], "f", &[])
                    .node("Dropout", &["f"], "d", &[])
                    .node("Reshape", &["d", "shape"], "n", &[])
            },
            [[1.0, 0.0]; 2],
        ),
        (
            "none, from integers",
            { Graph::with_input(&[Some(1), Some(2)], DataType::Int64).node("Cast", &["x"], "n", &[int("to", 1)]) },
            [[1.0, 0.0]; 2],
        ),
    ];
    for (name, graph, expected) in cases {
        let lowered = with_gemm(graph, "n").read().unwrap_or_else(|error| panic!("{name}: {error}"));
        for x in [[0.0, 0.0], [1.0, -2.0], [8.0, 0.5]] {
            let [a, b] = [0, 1].map(|at| expected[at][0] * x[at] + expected[at][1]);
            assert_eq!(scores(&lowered, &x), [a + 3.0 * b, 2.0 * a + 4.0 * b], "{name}");
        }
        assert_eq!(lowered.head, Head { rule: Rule::ArgMax, labels: None }, "{name}");
    }
}

#[test]
fn gemm_and_mat_mul_with_add_are_the_same_layer() {
    let gemm = |attributes: &[_], dims: &[i64]| {
        Graph::new(2)
            .floats("w", dims, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
            .floats("c", &[3], &[1.0, 2.0, 3.0])
            .node("Gemm", &["x", "w", "c"], "y", attributes)
            .output("y")
            .read()
            .unwrap()
    };
    let plain = gemm(&[], &[2, 3]);
    assert_eq!(scores(&plain, &[10.0, 1.0]), [15.0, 27.0, 39.0]);

    let scaled = gemm(&[float("alpha", 0.5), float("beta", 2.0), int("transB", 1)], &[3, 2]);
    assert_eq!(scores(&scaled, &[10.0, 1.0]), [8.0, 21.0, 34.0]);

    let apart = Graph::new(2)
        .floats("w", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        .floats("c", &[1, 3], &[1.0, 2.0, 3.0])
        .node("MatMul", &["x", "w"], "m", &[])
        .node("Add", &["c", "m"], "y", &[])
        .output("y")
        .read()
        .unwrap();
    assert_eq!(scores(&apart, &[10.0, 1.0]), [15.0, 27.0, 39.0]);
    assert_eq!(apart.scores.as_deref(), Some("y"), "the bias is part of the scores");
}

#[test]
fn arithmetic_between_layers_is_taken_up_by_their_weights() {
    let lowered = Graph::new(1)
        .floats("w0", &[1, 2], &[1.0, -1.0])
        .floats("two", &[1], &[2.0])
        .floats("shift", &[2], &[0.5, -0.5])
        .floats("w1", &[2, 1], &[1.0, 10.0])
        .node("MatMul", &["x", "w0"], "m", &[])
        .node("Mul", &["m", "two"], "d", &[]) // before Relu: the rows take it up
        .node("Relu", &["d"], "r", &[])
        .node("Sub", &["r", "shift"], "s", &[]) // after Relu: the next columns do
        .node("MatMul", &["s", "w1"], "y", &[])
        .output("y")
        .read()
        .unwrap();
    // x = 3: relu(6, -6) = (6, 0), less (0.5, -0.5) is (5.5, 0.5)
    assert_eq!(scores(&lowered, &[3.0]), [10.5]);
}

#[test]
fn clip_bounds_come_from_attributes_and_from_inputs() {
    let layer = |graph: Graph| {
        let graph = graph.floats("w", &[1, 2], &[1.0, 1.0]).floats("v", &[2, 2], &[1.0; 4]);
        graph.node("MatMul", &["c", "v"], "y", &[]).output("y")
    };
    let old = Graph::new(1).node("MatMul", &["x", "w"], "m", &[]).node(
        "Clip",
        &["m"],
        "c",
        &[float("min", 0.0), float("max", 6.0)],
    );
    let new = Graph::new(1)
        .floats("lo", &[], &[0.0])
        .floats("hi", &[], &[6.0])
        .node("MatMul", &["x", "w"], "m", &[])
        .node("Clip", &["m", "lo", "hi"], "c", &[]);
    for graph in [old, new] {
        let lowered = layer(graph).read().unwrap();
        assert_eq!([-3.0, 2.5, 9.0].map(|x| scores(&lowered, &[x])[0]), [0.0, 5.0, 12.0]);
    }
}

/// One feature → `scores`, then a tail.
fn tail(scores: i64) -> Graph {
    let weights = vec![1.0; scores as usize];
    Graph::new(1).floats("w", &[1, scores], &weights).node("MatMul", &["x", "w"], "z", &[])
}

#[test]
fn heads_in_every_form_are_found() {
    let threshold = |threshold, sigmoid| Rule::Threshold { threshold, sigmoid };
    let cases: [(&str, Graph, Rule, &str); 8] = [
        ("one score", tail(1).output("z"), Rule::Value, "z"),
        ("several scores", tail(3).output("z"), Rule::ArgMax, "z"),
        ("Sigmoid", tail(1).node("Sigmoid", &["z"], "p", &[]).output("p"), threshold(0.0, true), "z"),
        ("Softmax", tail(2).node("Softmax", &["z"], "p", &[int("axis", 1)]).output("p"), Rule::ArgMax, "z"),
        (
            "Softmax, ArgMax",
            tail(3).node("Softmax", &["z"], "p", &[]).node("ArgMax", &["p"], "c", &[int("axis", -1)]).output("c"),
            Rule::ArgMax,
            "z",
        ),
        (
            "Greater than a constant",
            tail(1).floats("bound", &[1], &[2.5]).node("Greater", &["z", "bound"], "c", &[]).output("c"),
            threshold(2.5, false),
            "z",
        ),
        (
            "a probability greater than a constant",
            tail(1)
                .floats("bound", &[], &[0.75])
                .node("Sigmoid", &["z"], "p", &[])
                .node("Greater", &["p", "bound"], "c", &[])
                .output("c"),
            threshold(3f64.ln(), true),
            "z",
        ),
        ("skl2onnx's MLPClassifier", classifier(), threshold(0.0, true), "z"),
    ];
    for (name, graph, rule, scores) in cases {
        let lowered = graph.read().unwrap_or_else(|error| panic!("{name}: {error}"));
        match (lowered.head.rule, rule) {
            (Rule::Threshold { threshold: is, sigmoid: a }, Rule::Threshold { threshold: wants, sigmoid: b }) => {
                assert!((is - wants).abs() < 1e-12 && a == b, "{name}: {is}");
            }
            (is, wants) => assert_eq!(is, wants, "{name}"),
        }
        assert_eq!(lowered.scores.as_deref(), Some(scores), "{name}");
    }
}

#[test]
fn what_a_graph_computes_beside_a_class_need_not_be_understood() {
    let graph = tail(2)
        .node("ArgMax", &["z"], "c", &[int("axis", 1)])
        .node("Einsum", &["z"], "sum", &[])
        .output("sum")
        .output("c");
    assert_eq!(graph.read().unwrap().head.rule, Rule::ArgMax);
    // Without the class there is nothing to go by.
    let error = tail(2).node("Einsum", &["z"], "sum", &[]).output("z").output("sum").read().unwrap_err();
    assert_eq!(error, "node `sum` (Einsum): this operator is not supported");
}

#[test]
fn metadata_names_features_label_and_outcomes() {
    let metadata = classifier().read().unwrap().metadata;
    let features = metadata.features.unwrap();
    assert_eq!((features[1].name.as_str(), features[1].unit.as_str()), ("bytes", "B"));
    assert_eq!(metadata.label.as_deref(), Some("slow"));
    assert_eq!(metadata.outcomes.unwrap(), ["fast", "slow"]);
    assert_eq!(classifier().read().unwrap().head.labels.unwrap(), ["0", "1"]);
}

/// Every refusal names the node and its operator, or the input, constant or metadata that is wrong.
#[test]
fn refusals_say_what_and_where() {
    let mut named = tail(1).node("Einsum", &["z"], "y", &[]).output("y");
    named.0.graph.as_mut().unwrap().node.last_mut().unwrap().name = "block/einsum".into();
    let mut old = tail(1).output("z");
    old.0.opset_import[0].version = 6;
    let mut external = tail(1).output("z");
    external.0.graph.as_mut().unwrap().initializer[0].data_location = Some(1);
    let mut half = tail(1).output("z");
    half.0.graph.as_mut().unwrap().initializer[0].data_type = DataType::Float16 as i32;

    let cases: Vec<(Graph, &str)> = vec![
        (named, "node `block/einsum` (Einsum): this operator is not supported"),
        (old, "the model imports opset 6 of ai.onnx"),
        (external, "constant `w`: its data are in another file"),
        (half, "constant `w`: element type FLOAT16 is not read, or its bytes do not fit it"),
        (
            tail(1).floats("bad", &[1], &[f32::NAN]).node("Add", &["z", "bad"], "y", &[]).output("y"),
            "constant `bad`: element 0 is NaN",
        ),
        (
            Graph::new(3).floats("w", &[2, 2], &[1.0; 4]).node("MatMul", &["x", "w"], "y", &[]).output("y"),
            "node `y` (MatMul): weights `w` of shape [2, 2] do not fit its 3 inputs",
        ),
        (
            Graph::new(2).floats("w", &[2, 2], &[1.0; 3]).node("MatMul", &["x", "w"], "y", &[]).output("y"),
            "constant `w`: 3 elements do not fill dimensions [2, 2]",
        ),
        (
            with_gemm(Graph::new(2).floats("c", &[2, 1], &[1.0; 2]).node("Add", &["x", "c"], "n", &[]), "n"),
            "node `y` (Gemm): it multiplies several rows of a decision at once (shape [2, 2] with a batch of one)",
        ),
        (
            with_gemm(Graph::new(2).floats("c", &[2], &[1.0, 0.0]).node("Div", &["x", "c"], "n", &[]), "n"),
            "node `n` (Div): divides element 1 by zero, or leaves the range of f64 there",
        ),
        (
            Graph::new(2)
                .floats("w", &[2, 2], &[1.0; 4])
                .node("Gemm", &["x", "w"], "y", &[int("transA", 1)])
                .output("y"),
            "node `y` (Gemm): transA = 1 mixes the rows of a batch",
        ),
        (
            tail(2).node("ArgMax", &["z"], "c", &[]).output("c"), // the default axis is the batch
            "node `c` (ArgMax): the axis is not that of the scores, or ties go to the last",
        ),
        (
            tail(2).node("Sigmoid", &["z"], "p", &[]).output("p"),
            "output `p`: 2 probabilities that do not exclude one another are not one decision",
        ),
        (
            tail(1).node("Relu", &["later"], "y", &[]).output("y"),
            "node `y` (Relu): reads `later`, which nothing before it computes",
        ),
        (tail(1), "the graph has no output"),
        (tail(1).output("elsewhere"), "output `elsewhere` is not computed by any node"),
        (Graph::with_input(&[None, None], DataType::Float), "input `x`: dimension 1 is not a number"),
        (
            Graph::with_input(&[Some(8), Some(2)], DataType::Float),
            "input `x` does not have one row of features a batch element",
        ),
        (Graph::with_input(&[None, Some(2)], DataType::String), "input `x` has elements of type STRING"),
        (
            tail(1).output("z").metadata("kinfer.outcomes", r#"["fast", ""]"#),
            "metadata_props `kinfer.outcomes`: `` does not fit a field of 48 printable ASCII characters",
        ),
    ];
    for (graph, expected) in cases {
        assert_eq!(graph.read().err().as_deref(), Some(expected));
    }
}

#[test]
fn damaged_files_are_read_or_refused_without_a_panic() {
    let whole = classifier().bytes();
    for length in 0..whole.len() {
        let _ = Source::decode(&whole[..length]).and_then(|source| read(&source));
    }
    let mut state = 7u64;
    for _ in 0..4000 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes[(state >> 33) as usize % whole.len()] = (state >> 24) as u8;
        }
        let _ = Source::decode(&bytes).and_then(|source| read(&source));
    }
}

#[test]
fn bytes_that_are_not_onnx_are_refused() {
    for bytes in [&b""[..], b"\x00\x01\x02", b"KINF\r\n\x1a\n", &classifier().bytes()[..40]] {
        let error = Source::decode(bytes).unwrap_err().to_string();
        assert!(error.starts_with("this is not an ONNX model: "), "{error}");
    }
}

//! Functions of one element, those with a name and those that exporters write out.

use crate::builder::{Onnx, assert_near, float, text};

const POINTS: [f64; 6] = [-3.5, -1.0, -0.25, 0.0, 0.75, 4.0];

/// A dense layer of six outputs, which are its inputs; then what the test adds.
fn behind_dense() -> Onnx {
    let mut identity = vec![0.0; 36];
    (0..6).for_each(|at| identity[at * 7] = 1.0);
    Onnx::new(&[6]).floats("w", &[6, 6], &identity).node("MatMul", &["x", "w"], "h", &[])
}

fn values(graph: &Onnx) -> Vec<f64> {
    graph.scores(&POINTS)
}

#[test]
fn functions_have_the_values_of_the_specification() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    type Case = (&'static str, Vec<tract_onnx::pb::AttributeProto>, fn(f64) -> f64);
    let cases: Vec<Case> = vec![
        ("Relu", vec![], |x| x.max(0.0)),
        ("Tanh", vec![], f64::tanh),
        ("LeakyRelu", vec![float("alpha", 0.25)], |x| if x < 0.0 { x / 4.0 } else { x }),
        ("Elu", vec![float("alpha", 2.0)], |x| if x < 0.0 { 2.0 * x.exp_m1() } else { x }),
        ("Celu", vec![float("alpha", 2.0)], |x| if x < 0.0 { 2.0 * (x / 2.0).exp_m1() } else { x }),
        ("Selu", vec![float("alpha", 2.0), float("gamma", 3.0)], |x| if x < 0.0 { 6.0 * x.exp_m1() } else { 3.0 * x }),
        ("Softsign", vec![], |x| x / (1.0 + x.abs())),
        ("Softplus", vec![], |x| (1.0 + x.exp()).ln()),
        ("HardSigmoid", vec![float("alpha", 0.5), float("beta", 0.25)], |x| (0.5 * x + 0.25).clamp(0.0, 1.0)),
        ("HardSwish", vec![], |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        ("Mish", vec![], |x| x * (1.0 + x.exp()).ln().tanh()),
        ("Abs", vec![], f64::abs),
        ("Exp", vec![], f64::exp),
        ("Neg", vec![], |x| -x),
        ("Gelu", vec![text("approximate", "tanh")], |x| {
            0.5 * x * (1.0 + (0.797_884_560_8 * (x + 0.044_715 * x.powi(3))).tanh())
        }),
    ];
    for (name, attributes, function) in cases {
        let graph = behind_dense().node(name, &["h"], "y", &attributes).output("y");
        assert_near(&values(&graph), &POINTS.map(function));
    }
    // Sigmoid is no tail where something computes with it.
    let graph = behind_dense().node("Sigmoid", &["h"], "s", &[]).node("Neg", &["s"], "y", &[]).output("y");
    assert_near(&values(&graph), &POINTS.map(|x| -sigmoid(x)));
}

#[test]
fn arithmetic_with_constants_and_powers() {
    let unary = |operator: &str, constant: f32| {
        let graph = behind_dense().floats("c", &[], &[constant]).node(operator, &["h", "c"], "y", &[]).output("y");
        values(&graph)
    };
    assert_near(&unary("Pow", 2.0), &POINTS.map(|x| x * x));
    assert_near(&unary("Pow", 3.0), &POINTS.map(|x| x * x * x));
    assert_near(&unary("Min", 0.5), &POINTS.map(|x| x.min(0.5)));
    assert_near(&unary("Max", 0.5), &POINTS.map(|x| x.max(0.5)));
    assert_near(&unary("Div", 4.0), &POINTS.map(|x| x / 4.0));

    let bounds = [0.0, 0.0, -1.0, 1.0, 2.0, 3.0];
    let per_element = behind_dense().floats("c", &[1, 6], &bounds).node("Max", &["c", "h"], "y", &[]).output("y");
    assert_near(&values(&per_element), &[0.0, 0.0, -0.25, 1.0, 2.0, 4.0]);

    let two = behind_dense().node("Neg", &["h"], "n", &[]).node("Max", &["h", "n"], "y", &[]).output("y");
    assert_near(&values(&two), &POINTS.map(f64::abs));

    let mean = behind_dense().node("Exp", &["h"], "e", &[]).node("Mean", &["h", "e", "h"], "y", &[]).output("y");
    assert_near(&values(&mean), &POINTS.map(|x| (2.0 * x + x.exp()) / 3.0));

    let mask = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    let chosen = behind_dense()
        .floats("m", &[6], &mask)
        .node("Cast", &["m"], "b", &[crate::builder::int("to", 9)])
        .floats("c", &[], &[7.0])
        .node("Where", &["b", "h", "c"], "y", &[])
        .output("y");
    assert_near(&values(&chosen), &[-3.5, 7.0, -0.25, 7.0, 0.75, 7.0]);
}

#[test]
fn p_relu_of_one_slope_is_leaky_relu() {
    let one = behind_dense().floats("s", &[1], &[0.5]).node("PRelu", &["h", "s"], "y", &[]).output("y");
    assert_eq!(one.operators(), ["Dense", "Map LeakyRelu"]);
    let slopes = [0.5, 0.25, 2.0, 1.0, 3.0, 1.0];
    let each = behind_dense().floats("s", &[6], &slopes).node("PRelu", &["h", "s"], "y", &[]).output("y");
    assert_near(&values(&each), &[-1.75, -0.25, -0.5, 0.0, 0.75, 4.0]);
}

#[test]
fn written_out_functions_get_their_names() {
    let c = |graph: Onnx| {
        graph
            .floats("half", &[], &[0.5])
            .floats("one", &[], &[1.0])
            .floats("two", &[], &[2.0])
            .floats("three", &[], &[3.0])
            .floats("six", &[], &[6.0])
            .floats("zero", &[], &[0.0])
            .floats("sixth", &[], &[1.0 / 6.0])
            .floats("root2", &[], &[std::f32::consts::SQRT_2])
            .floats("k", &[], &[0.797_884_6])
            .floats("cubic", &[], &[0.044_715])
    };
    let start = || c(behind_dense());
    let cases: Vec<(&str, Onnx)> = vec![
        ("Silu", start().node("Sigmoid", &["h"], "s", &[]).node("Mul", &["h", "s"], "y", &[])),
        (
            "HardSwish",
            start().node("HardSigmoid", &["h"], "s", &[float("alpha", 1.0 / 6.0)]).node("Mul", &["h", "s"], "y", &[]),
        ),
        (
            "HardSwish",
            start()
                .node("Add", &["h", "three"], "a", &[])
                .node("Clip", &["a", "zero", "six"], "b", &[])
                .node("Mul", &["h", "b"], "m", &[])
                .node("Div", &["m", "six"], "y", &[]),
        ),
        (
            "HardSwish",
            start()
                .node("Add", &["three", "h"], "a", &[])
                .node("Max", &["a", "zero"], "b", &[])
                .node("Min", &["b", "six"], "d", &[])
                .node("Mul", &["d", "sixth"], "e", &[])
                .node("Mul", &["e", "h"], "y", &[]),
        ),
        (
            "Gelu",
            start()
                .node("Div", &["h", "root2"], "a", &[])
                .node("Erf", &["a"], "b", &[])
                .node("Add", &["b", "one"], "d", &[])
                .node("Mul", &["h", "d"], "e", &[])
                .node("Mul", &["e", "half"], "y", &[]),
        ),
        (
            "Gelu",
            start()
                .node("Mul", &["h", "half"], "g", &[])
                .node("Div", &["h", "root2"], "a", &[])
                .node("Erf", &["a"], "b", &[])
                .node("Add", &["one", "b"], "d", &[])
                .node("Mul", &["g", "d"], "y", &[]),
        ),
        (
            "GeluTanh",
            start()
                .node("Pow", &["h", "three"], "p", &[])
                .node("Mul", &["p", "cubic"], "q", &[])
                .node("Add", &["h", "q"], "r", &[])
                .node("Mul", &["r", "k"], "t", &[])
                .node("Tanh", &["t"], "u", &[])
                .node("Add", &["u", "one"], "v", &[])
                .node("Mul", &["h", "half"], "g", &[])
                .node("Mul", &["g", "v"], "y", &[]),
        ),
        (
            "Mish",
            start().node("Softplus", &["h"], "s", &[]).node("Tanh", &["s"], "t", &[]).node(
                "Mul",
                &["h", "t"],
                "y",
                &[],
            ),
        ),
        (
            "Softplus",
            start().node("Exp", &["h"], "e", &[]).node("Add", &["e", "one"], "a", &[]).node("Log", &["a"], "y", &[]),
        ),
    ];
    for (name, graph) in cases {
        assert_eq!(graph.output("y").operators(), ["Dense".to_string(), format!("Map {name}")]);
    }
    let relu6 = start().node("Relu", &["h"], "r", &[]).node("Min", &["r", "six"], "y", &[]).output("y");
    assert_eq!(relu6.operators(), ["Dense", "Clip"]);
    // Near is not enough.
    let other = start()
        .floats("b", &[], &[1.702])
        .node("Mul", &["h", "b"], "m", &[])
        .node("Sigmoid", &["m"], "s", &[])
        .node("Mul", &["h", "s"], "y", &[])
        .output("y");
    assert_eq!(other.operators(), ["Dense", "Affine", "Map Sigmoid", "Mul"]);
}

#[test]
fn normalisation_of_features_stays_apart_and_others_go_into_weights() {
    let graph = Onnx::new(&[2])
        .floats("mean", &[2], &[10.0, 1e6])
        .floats("std", &[2], &[2.0, 1e5])
        .floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0])
        .floats("scale", &[2], &[2.0, -1.0])
        .floats("bias", &[2], &[0.5, 0.25])
        .floats("m", &[2], &[1.0, 0.0])
        .floats("v", &[2], &[4.0, 1.0])
        .node("Sub", &["x", "mean"], "c", &[])
        .node("Div", &["c", "std"], "n", &[])
        .node("MatMul", &["n", "w"], "h", &[])
        .node("BatchNormalization", &["h", "scale", "bias", "m", "v"], "b", &[float("epsilon", 0.0)])
        .node("Relu", &["b"], "r", &[])
        .node("Mul", &["r", "scale"], "s", &[])
        .node("MatMul", &["s", "w"], "y", &[])
        .output("y");
    assert_eq!(graph.operators(), ["Affine", "Dense", "Clip", "Dense"]);
    // h = (1·1 + 2·3, 1·2 + 2·4) = (7, 10); b = ((7 − 1) / 2 · 2 + ½, −10 + ¼); r = (6.5, 0); s = (13, 0)
    assert_near(&graph.scores(&[12.0, 1.2e6]), &[13.0, 26.0]);
}

#[test]
fn layers_without_anything_between_are_one_where_that_is_no_larger() {
    let graph = |middle: usize| {
        Onnx::new(&[4])
            .floats("a", &[4, middle as i64], &crate::builder::weights(4 * middle, 1))
            .floats("b", &[middle as i64, 3], &crate::builder::weights(3 * middle, 2))
            .node("MatMul", &["x", "a"], "h", &[])
            .node("MatMul", &["h", "b"], "y", &[])
            .output("y")
    };
    assert_eq!(graph(8).operators(), ["Dense"]);
    assert_eq!(graph(1).operators(), ["Dense", "Dense"]);
}

#[test]
fn the_order_of_log_softmax_is_that_of_its_input() {
    let graph = behind_dense().node("LogSoftmax", &["h"], "y", &[]).output("y");
    assert_eq!(graph.operators(), ["Dense"]);
    assert_near(&values(&graph), &POINTS);
}

#[test]
fn the_reconstruction_error_of_an_autoencoder_is_one_operator() {
    let graph = Onnx::new(&[3])
        .floats("w", &[3, 3], &crate::builder::weights(9, 5))
        .node("MatMul", &["x", "w"], "h", &[])
        .node("Relu", &["h"], "r", &[])
        .floats("two", &[], &[2.0])
        .node("Sub", &["x", "r"], "d", &[])
        .node("Pow", &["d", "two"], "q", &[])
        .integers("axes", &[1])
        .node("ReduceMean", &["q", "axes"], "y", &[])
        .output("y");
    assert_eq!(graph.operators(), ["Dense", "Clip", "SquaredError", "Affine"]);
}

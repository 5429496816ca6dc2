//! Operators that move elements, and what exporters compute of shapes.

use crate::builder::{Onnx, assert_near, int, ints, numbers, weights};

/// Something that computes with `y`, so that reorderings are not lost at the output.
fn doubled(model: Onnx) -> Vec<f64> {
    let model = model.floats("two", &[], &[2.0]).node("Mul", &["y", "two"], "twice", &[]).output("twice");
    let features: Vec<f64> = (0..model.simplified().features).map(|at| at as f64).collect();
    model.scores(&features).into_iter().map(|x| x / 2.0).collect()
}

#[test]
fn moves_are_those_of_the_specification() {
    let six = || Onnx::new(&[2, 3]);
    let cases: Vec<(Onnx, &[f64])> = vec![
        (six().node("Transpose", &["x"], "y", &[ints("perm", &[0, 2, 1])]), &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        (
            six().integers("s", &[1]).integers("e", &[3]).integers("a", &[2]).node(
                "Slice",
                &["x", "s", "e", "a"],
                "y",
                &[],
            ),
            &[1.0, 2.0, 4.0, 5.0],
        ),
        (
            six().integers("s", &[-1]).integers("e", &[i64::MIN]).integers("a", &[-1]).integers("t", &[-2]).node(
                "Slice",
                &["x", "s", "e", "a", "t"],
                "y",
                &[],
            ),
            &[2.0, 0.0, 5.0, 3.0],
        ),
        (six().integers("i", &[2, 0]).node("Gather", &["x", "i"], "y", &[int("axis", 2)]), &[2.0, 0.0, 5.0, 3.0]),
        (
            six().integers("r", &[1, 2, 1]).node("Tile", &["x", "r"], "y", &[]),
            &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        ),
        (
            Onnx::new(&[2, 1]).integers("e", &[1, 2, 3]).node("Expand", &["x", "e"], "y", &[]),
            &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
        ),
        (
            six().nodes("Split", &["x"], &["a", "b", "c"], &[int("axis", 2)]).node(
                "Concat",
                &["c", "a"],
                "y",
                &[int("axis", 2)],
            ),
            &[2.0, 0.0, 5.0, 3.0],
        ),
        (
            six().integers("n", &[1, 2]).nodes("Split", &["x", "n"], &["a", "b"], &[int("axis", 2)]).node(
                "Flatten",
                &["b"],
                "y",
                &[],
            ),
            &[1.0, 2.0, 4.0, 5.0],
        ),
        (six().node("Flatten", &["x"], "y", &[int("axis", -1)]), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        (
            Onnx::new(&[2]).floats("c", &[1, 2], &[7.0, 8.0]).node("Concat", &["c", "x"], "y", &[int("axis", 1)]),
            &[7.0, 8.0, 0.0, 1.0],
        ),
    ];
    for (model, expected) in cases {
        assert_near(&doubled(model), expected);
    }
}

#[test]
fn shapes_that_are_computed_are_constants() {
    // x.view(x.size(0), -1) as it is traced: Shape → Gather → Unsqueeze → Concat → Reshape.
    let traced = Onnx::new(&[2, 3])
        .integers("zero", &[0])
        .integers("rest", &[-1])
        .node("Shape", &["x"], "shape", &[])
        .node("Gather", &["shape", "zero"], "batch", &[])
        .node("Concat", &["batch", "rest"], "target", &[int("axis", 0)])
        .node("Reshape", &["x", "target"], "flat", &[])
        .floats("w", &[4, 6], &weights(24, 1))
        .node("Transpose", &["w"], "wt", &[])
        .node("MatMul", &["flat", "wt"], "y", &[])
        .output("y");
    assert_eq!(traced.operators(), ["Dense"]);

    // Dimensions by arithmetic: 2 · 3 by Slice, ReduceProd and Cast.
    let counted = Onnx::new(&[2, 3])
        .integers("one", &[1])
        .integers("end", &[3])
        .integers("least", &[-1])
        .node("Shape", &["x"], "shape", &[])
        .node("Slice", &["shape", "one", "end"], "inner", &[])
        .node("ReduceProd", &["inner"], "size", &[])
        .node("Cast", &["size"], "real", &[int("to", 1)])
        .node("Floor", &["real"], "floor", &[])
        .node("Cast", &["floor"], "whole", &[int("to", 7)])
        .node("Equal", &["whole", "least"], "open", &[])
        .node("Where", &["open", "one", "whole"], "chosen", &[])
        .node("Concat", &["least", "chosen"], "target", &[int("axis", 0)])
        .node("Reshape", &["x", "target"], "flat", &[])
        .floats("w", &[6, 2], &weights(12, 1))
        .node("MatMul", &["flat", "w"], "y", &[])
        .output("y");
    assert_eq!(counted.operators(), ["Dense"]);

    let filled = Onnx::new(&[2])
        .node("Shape", &["x"], "shape", &[])
        .node("ConstantOfShape", &["shape"], "zeros", &[])
        .node("Add", &["x", "zeros"], "a", &[])
        .floats("w", &[2, 2], &weights(4, 1))
        .node("MatMul", &["a", "w"], "y", &[])
        .output("y");
    assert_eq!(filled.operators(), ["Dense"]);
}

#[test]
fn selections_of_features_go_into_weights() {
    let model = Onnx::new(&[4])
        .integers("i", &[3, 1, 0])
        .floats("w", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        .node("Gather", &["x", "i"], "g", &[int("axis", 1)])
        .node("MatMul", &["g", "w"], "y", &[])
        .output("y");
    assert_eq!(model.operators(), ["Dense"]);
    assert_near(&model.scores(&[1.0, 10.0, 100.0, 1000.0]), &[1000.0 + 30.0 + 5.0, 2000.0 + 40.0 + 6.0]);
}

#[test]
fn inputs_side_by_side_are_the_features() {
    let model = Onnx::new(&[2])
        .input("z", &[1])
        .node("Concat", &["x", "z"], "j", &[int("axis", 1)])
        .floats("w", &[3, 2], &weights(6, 1))
        .node("MatMul", &["j", "w"], "y", &[])
        .output("y");
    assert_eq!(model.operators(), ["Dense"]);
    assert_eq!(model.simplified().features, 3);
}

#[test]
fn rows_of_a_sequence_are_multiplied_one_by_one() {
    let x = numbers(6, 1);
    let w = weights(6, 2);
    let model = Onnx::new(&[2, 3])
        .floats("w", &[3, 2], &w)
        .node("MatMul", &["x", "w"], "h", &[])
        .node("Flatten", &["h"], "y", &[])
        .output("y");
    let row = |row: usize, column: usize| (0..3).map(|at| x[row * 3 + at] * f64::from(w[at * 2 + column])).sum::<f64>();
    assert_near(&model.scores(&x), &[row(0, 0), row(0, 1), row(1, 0), row(1, 1)]);
    assert_eq!(model.operators(), ["Reshape", "Conv"]);
}

#[test]
fn functions_of_the_model_are_inlined() {
    use tract_onnx::pb::{FunctionProto, OperatorSetIdProto};
    let mut alpha = crate::builder::float("alpha", 0.0);
    alpha.ref_attr_name = "slope".into();
    let function = FunctionProto {
        name: Some("Bent".into()),
        domain: Some("mine".into()),
        input: vec!["a".into()],
        output: vec!["b".into()],
        attribute: vec!["slope".into()],
        node: vec![
            crate::builder::node("Neg", &["a"], &["h"], &[]),
            crate::builder::node("LeakyRelu", &["h"], &["b"], &[alpha]),
        ],
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 18 }],
        ..Default::default()
    };
    let mut model = Onnx::new(&[2])
        .node("mine.Bent", &["x"], "h", &[crate::builder::float("slope", 0.5)])
        .node("mine.Bent", &["h"], "y", &[crate::builder::float("slope", 0.25)])
        .output("y");
    model.0.functions.push(function.clone());
    // x = 2: −2 → −1; negated 1. x = −4: 4; negated −4 → −1.
    assert_near(&model.scores(&[2.0, -4.0]), &[1.0, -1.0]);

    let mut endless = model;
    endless.0.functions[0].node[0].domain = "mine".into();
    endless.0.functions[0].node[0].op_type = "Bent".into();
    assert!(
        endless
            .read()
            .unwrap_err()
            .ends_with("(mine.Bent): its functions call one another over 32 deep, or without end")
    );
}

//! Valid models of every family of operators, small enough to be converted in a moment.

use crate::builder::{Onnx, float, int, ints, text, weights};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, OperatorSetIdProto};

/// All of them, by name.
pub(crate) fn all() -> Vec<(&'static str, Onnx)> {
    vec![
        ("dense", dense()),
        ("image", image()),
        ("cell", cell()),
        ("tree", tree()),
        ("linear", linear()),
        ("arithmetic", arithmetic()),
    ]
}

fn dense() -> Onnx {
    Onnx::new(&[3])
        .floats("mean", &[3], &[1.0, 10.0, 5.0])
        .floats("deviation", &[3], &[0.5, 4.0, 2.0])
        .floats("w", &[3, 4], &weights(12, 1))
        .floats("b", &[4], &weights(4, 2))
        .floats("v", &[4, 2], &weights(8, 3))
        .integers("classes", &[0, 1])
        .integers("shape", &[-1])
        .node("Sub", &["x", "mean"], "centred", &[])
        .node("Div", &["centred", "deviation"], "normal", &[])
        .node("Gemm", &["normal", "w", "b"], "z", &[float("alpha", 1.0), int("transB", 0)])
        .node("Relu", &["z"], "h", &[])
        .node("MatMul", &["h", "v"], "scores", &[])
        .node("Softmax", &["scores"], "p", &[int("axis", 1)])
        .node("ArgMax", &["p"], "at", &[int("axis", 1)])
        .node("ai.onnx.ml.ArrayFeatureExtractor", &["classes", "at"], "named", &[])
        .node("Reshape", &["named", "shape"], "class", &[])
        .output("class")
        .output("p")
}

fn image() -> Onnx {
    Onnx::new(&[2, 4, 4])
        .floats("w", &[4, 1, 3, 3], &weights(36, 1))
        .floats("s", &[4], &weights(4, 2))
        .floats("v", &[4], &[1.0; 4])
        .integers("axes", &[2, 3])
        .integers("pads", &[0, 0, 1, 1, 0, 0, 1, 1])
        .integers("at", &[1])
        .integers("front", &[0])
        .floats("w2", &[4, 3], &weights(12, 3))
        .node("Pad", &["x", "pads"], "p", &[])
        .node("Conv", &["p", "w"], "c", &[int("group", 2), ints("strides", &[1, 1])])
        .node("BatchNormalization", &["c", "s", "s", "s", "v"], "b", &[])
        .node("Sigmoid", &["b"], "sg", &[])
        .node("Mul", &["b", "sg"], "a", &[])
        .node("MaxPool", &["a"], "m", &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), int("ceil_mode", 1)])
        .node("Transpose", &["m"], "t", &[ints("perm", &[0, 2, 3, 1])])
        .nodes("Split", &["t"], &["s1", "s2"], &[int("axis", 3)])
        .node("Concat", &["s2", "s1"], "cc", &[int("axis", 3)])
        .node("Transpose", &["cc"], "tt", &[ints("perm", &[0, 3, 1, 2])])
        .node("ReduceMean", &["tt", "axes"], "r", &[int("keepdims", 0)])
        .node("Shape", &["r"], "sh", &[])
        .node("Gather", &["sh", "at"], "g", &[])
        .node("Reshape", &["r", "g"], "f", &[])
        .node("Unsqueeze", &["f", "front"], "u", &[])
        .node("Gemm", &["u", "w2"], "y", &[])
        .output("y")
}

fn cell() -> Onnx {
    const HIDDEN: usize = 2;
    Onnx::new(&[1, 3])
        .input("h0", &[1, HIDDEN as i64])
        .floats("w", &[1, 3 * HIDDEN as i64, 3], &weights(9 * HIDDEN, 1))
        .floats("r", &[1, 3 * HIDDEN as i64, HIDDEN as i64], &weights(3 * HIDDEN * HIDDEN, 2))
        .floats("b", &[1, 6 * HIDDEN as i64], &weights(6 * HIDDEN, 3))
        .floats("head", &[HIDDEN as i64, 2], &weights(2 * HIDDEN, 4))
        .integers("one", &[1])
        .node("Transpose", &["x"], "t", &[ints("perm", &[1, 0, 2])])
        .nodes(
            "GRU",
            &["t", "w", "r", "b", "", "h0"],
            &["Y", "h1"],
            &[int("hidden_size", HIDDEN as i64), int("linear_before_reset", 1)],
        )
        .node("Squeeze", &["Y", "one"], "s", &[])
        .node("Transpose", &["s"], "u", &[ints("perm", &[1, 0, 2])])
        .node("Flatten", &["u"], "f", &[])
        .node("MatMul", &["f", "head"], "y", &[])
        .output("y")
        .output("h1")
}

fn tree() -> Onnx {
    with_ml(Onnx::new(&[3]))
        .nodes(
            "ai.onnx.ml.TreeEnsembleClassifier",
            &["x"],
            &["label", "probabilities"],
            &[
                ints("nodes_treeids", &[0, 0, 0, 0, 0, 1, 1, 1]),
                ints("nodes_nodeids", &[0, 1, 2, 3, 4, 0, 1, 2]),
                ints("nodes_featureids", &[0, 1, 0, 0, 0, 2, 0, 0]),
                floats("nodes_values", &[2.5, 7.0, 0.0, 0.0, 0.0, 4.5, 0.0, 0.0]),
                texts("nodes_modes", "BRANCH_LEQ BRANCH_LEQ LEAF LEAF LEAF BRANCH_LT LEAF LEAF"),
                ints("nodes_truenodeids", &[1, 2, 0, 0, 0, 1, 0, 0]),
                ints("nodes_falsenodeids", &[4, 3, 0, 0, 0, 2, 0, 0]),
                ints("class_treeids", &[0, 0, 0, 1, 1]),
                ints("class_nodeids", &[2, 3, 4, 1, 2]),
                ints("class_ids", &[0, 1, 2, 0, 2]),
                floats("class_weights", &[0.5, 0.25, 0.75, 0.5, 0.5]),
                ints("classlabels_int64s", &[0, 1, 2]),
                text("post_transform", "NONE"),
            ],
        )
        .output("label")
        .output("probabilities")
}

fn linear() -> Onnx {
    with_ml(Onnx::new(&[3]))
        .node(
            "ai.onnx.ml.Scaler",
            &["x"],
            "n",
            &[floats("offset", &[1.0, 2.0, 3.0]), floats("scale", &[0.5, 0.25, 0.125])],
        )
        .nodes(
            "ai.onnx.ml.LinearClassifier",
            &["n"],
            &["label", "raw"],
            &[
                floats("coefficients", &[0.5, -0.25, 1.0, -0.5, 0.25, -1.0]),
                floats("intercepts", &[0.125, -0.125]),
                ints("classlabels_ints", &[0, 1]),
                int("multi_class", 0),
                text("post_transform", "LOGISTIC"),
            ],
        )
        .node("ai.onnx.ml.Normalizer", &["raw"], "probabilities", &[text("norm", "L1")])
        .output("label")
        .output("probabilities")
}

fn arithmetic() -> Onnx {
    Onnx::new(&[4])
        .floats("w", &[4, 3], &weights(12, 1))
        .floats("lo", &[], &[-1.0])
        .floats("hi", &[], &[6.0])
        .floats("two", &[], &[2.0])
        .floats("slope", &[3], &[0.1, 0.2, 0.3])
        .floats("out", &[3, 1], &weights(3, 2))
        .integers("starts", &[1])
        .integers("ends", &[4])
        .integers("axis", &[1])
        .integers("pick", &[2, 0, 1])
        .node("Clip", &["x", "lo", "hi"], "c", &[])
        .node("Slice", &["c", "starts", "ends", "axis"], "tail", &[])
        .node("MatMul", &["c", "w"], "m", &[])
        .node("PRelu", &["m", "slope"], "pr", &[])
        .node("Gather", &["pr", "pick"], "g", &[int("axis", 1)])
        .node("Tanh", &["g"], "th", &[])
        .node("Pow", &["th", "two"], "sq", &[])
        .node("Add", &["sq", "tail"], "sum", &[])
        .node("Max", &["sum", "m"], "most", &[])
        .node("MatMul", &["most", "out"], "y", &[])
        .output("y")
}

fn with_ml(mut model: Onnx) -> Onnx {
    model.0.opset_import.push(OperatorSetIdProto { domain: "ai.onnx.ml".into(), version: 1 });
    model
}

fn floats(name: &str, values: &[f32]) -> AttributeProto {
    let floats = values.to_vec();
    AttributeProto { name: name.into(), r#type: AttributeType::Floats as i32, floats, ..Default::default() }
}

fn texts(name: &str, values: &str) -> AttributeProto {
    let strings = values.split(' ').map(|text| text.as_bytes().to_vec()).collect();
    AttributeProto { name: name.into(), r#type: AttributeType::Strings as i32, strings, ..Default::default() }
}

//! Files that are refused, with what is wrong and where; and damaged ones, which never make it panic.

use crate::builder::{Onnx, float_tensor, int, ints, weights};
use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::{operators, read};
use proptest::prelude::*;
use tract_onnx::pb::tensor_proto::DataType;

fn dense() -> Onnx {
    Onnx::new(&[2]).floats("w", &[2, 2], &weights(4, 1)).node("MatMul", &["x", "w"], "y", &[])
}

#[test]
fn refusals_name_the_node_and_what_is_wrong() {
    let image = || Onnx::new(&[2, 3, 3]);
    let mut dynamic = dense().output("y");
    let r#type = dynamic.graph().input[0].r#type.as_mut().unwrap();
    if let Some(tract_onnx::pb::type_proto::Value::TensorType(tensor)) = &mut r#type.value {
        let dim = &mut tensor.shape.as_mut().unwrap().dim[1];
        dim.value = Some(tract_onnx::pb::tensor_shape_proto::dimension::Value::DimParam("n".into()));
    }
    let mut half = dense().output("y");
    half.graph().initializer[0].data_type = DataType::Complex64 as i32;
    let mut many = dense().output("y");
    many.graph().initializer[0].dims = vec![i64::MAX, 4];
    let cases: Vec<(Onnx, &str)> = vec![
        (dense().opset(6).output("y"), "the model imports opset 6 of ai.onnx"),
        (dynamic, "input `x`: dimension 1 is not a number"),
        (half, "constant `w`: element type COMPLEX64 is not read, or its bytes do not fit it"),
        (many, "constant `w`: 4 elements do not fill dimensions [9223372036854775807, 4]"),
        (
            Onnx::new(&[2]).floats("w", &[2, 1], &[1.0, f32::NAN]).node("MatMul", &["x", "w"], "y", &[]).output("y"),
            "constant `w`: element 1 is NaN",
        ),
        (
            Onnx::new(&[2])
                .floats("w", &[2, 1], &[1.0, f32::INFINITY])
                .node("MatMul", &["x", "w"], "y", &[])
                .output("y"),
            "constant `w`: element 1 is inf",
        ),
        (
            dense().node("Relu", &["y"], "y", &[]).output("y"),
            "node `y` (Relu): computes `y`, which is computed already",
        ),
        (
            Onnx::new(&[2]).node("Relu", &["later"], "a", &[]).node("Neg", &["x"], "later", &[]).output("a"),
            "node `a` (Relu): reads `later`, which nothing before it computes",
        ),
        (
            Onnx::new(&[2]).node("Add", &["x", "b"], "a", &[]).node("Relu", &["a"], "b", &[]).output("b"),
            "node `a` (Add): reads `b`, which nothing before it computes",
        ),
        (
            image().floats("w", &[2, 3, 2, 2], &weights(24, 1)).node("Conv", &["x", "w"], "y", &[]).output("y"),
            "node `y` (Conv): weights `w` of shape [2, 3, 2, 2] do not fit its input [1, 2, 3, 3]",
        ),
        (
            image().floats("w", &[2, 2, 4, 4], &weights(64, 1)).node("Conv", &["x", "w"], "y", &[]).output("y"),
            "node `y` (Conv): its kernel of [4, 4] does not fit in 3 by 3",
        ),
        (
            image()
                .floats("w", &[2, 2, 1, 1], &weights(4, 1))
                .node("Conv", &["x", "w"], "y", &[ints("pads", &[60_000; 4])])
                .output("y"),
            "node `y` (Conv): makes a tensor of shape [1, 120003, 120003, 2] (with a batch of one)",
        ),
        (
            image().integers("r", &[1, 1 << 40, 1 << 40, 1]).node("Tile", &["x", "r"], "y", &[]).output("y"),
            "node `y` (Tile): makes a tensor of shape [1, 2199023255552, 3298534883328, 3] (with a batch of one)",
        ),
        (
            Onnx::new(&[2]).integers("s", &[1 << 40]).node("ConstantOfShape", &["s"], "y", &[]).output("y"),
            "node `y` (ConstantOfShape): its shape is not one that a constant may have",
        ),
        (
            dense().floats("s", &[1], &[0.0]).node("Div", &["y", "s"], "z", &[]).output("z"),
            "node `z` (Div): divides element 0 by zero, or leaves the range of f64 there",
        ),
        (
            dense().node("LayerNormalization", &["y"], "z", &[]).output("z"),
            "node `z` (LayerNormalization): this operator is not supported",
        ),
        (dense().node("If", &["y"], "z", &[]).output("z"), "node `z` (If): this operator is not supported"),
        (
            dense().node("com.mine.Own", &["y"], "z", &[]).output("z"),
            "node `z` (com.mine.Own): this operator is not supported",
        ),
        (
            image()
                .node("MaxPool", &["x"], "y", &[ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 2])])
                .output("y"),
            "node `y` (MaxPool): its window is dilated",
        ),
        (
            Onnx::new(&[4]).node("Reshape", &["x", "s"], "y", &[]).integers("s", &[-1, 3]).output("y"),
            "node `y` (Reshape): its shape or axes do not fit [1, 4] (with a batch of one)",
        ),
    ];
    for (model, expected) in cases {
        assert_eq!(model.read().err().as_deref(), Some(expected));
    }
}

#[test]
fn a_chain_of_concatenations_does_not_take_all_memory() {
    let mut model = Onnx::new(&[1 << 10]);
    let mut last = "x".to_string();
    for at in 0..40 {
        let next = format!("n{at}");
        model = model.node("Concat", &[&last, &last], &next, &[int("axis", 1)]);
        last = next;
    }
    let error = model.output(&last).read().unwrap_err();
    assert_eq!(error, "node `n6` (Concat): makes a tensor of shape [1, 131072] (with a batch of one)");
}

#[test]
fn refused_operators_say_what_to_do() {
    for (name, advice) in operators::REFUSED {
        let model = dense().node(name, &["y"], "z", &[]).output("z");
        let error = read(&Source::decode(&model.bytes()).unwrap()).unwrap_err();
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert_eq!(
            (error.to_string(), help),
            (format!("node `z` ({name}): this operator is not supported"), advice.to_string())
        );
    }
    let unknown = dense().node("Bernoulli", &["y"], "z", &[]).output("z");
    let error = read(&Source::decode(&unknown.bytes()).unwrap()).unwrap_err();
    assert!(miette::Diagnostic::help(&error).unwrap().to_string().contains("Conv, Div, Dropout"));
}

#[test]
fn external_data_beside_the_model_are_read_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    std::fs::write(folder.path().join("inner/weights.bin"), [&[0; 16][..], &values].concat()).unwrap();
    std::fs::write(folder.path().join("secret"), &values).unwrap();

    let open = |location: &str, entries: &[(&str, &str)]| {
        let mut model = Onnx::new(&[2]).node("MatMul", &["x", "w"], "y", &[]).output("y");
        let mut tensor = float_tensor("w", &[2, 2], &[]);
        tensor.data_location = Some(1);
        tensor.external_data = [("location", location)]
            .iter()
            .chain(entries)
            .map(|(key, value)| tract_onnx::pb::StringStringEntryProto {
                key: key.to_string(),
                value: value.to_string(),
            })
            .collect();
        model.graph().initializer.push(tensor);
        let path = folder.path().join("inner/model.onnx");
        std::fs::write(&path, model.bytes()).unwrap();
        let source = Source::open(&path).map_err(|error| error.to_string())?;
        let graph = read(&source).map_err(|error| error.to_string())?.graph;
        Ok::<_, String>(graph.scores(&[1.0, 10.0], &mut graph.initial_state()))
    };
    assert_eq!(open("weights.bin", &[("offset", "16"), ("length", "16")]).unwrap(), [31.0, 42.0]);
    assert_eq!(
        open("gone.bin", &[]).unwrap_err(),
        format!(
            "constant `w`: its data are in `gone.bin`, which cannot be read: No such file or directory (os error 2)"
        )
    );
    for outside in ["../secret", "/etc/hostname", "inner/../../secret"] {
        assert_eq!(
            open(outside, &[]).unwrap_err(),
            format!("constant `w`: its data are in `{outside}`, outside the folder of the model")
        );
    }
    std::os::unix::fs::symlink(folder.path().join("secret"), folder.path().join("inner/link")).unwrap();
    assert_eq!(open("link", &[]).unwrap_err(), "constant `w`: its data are in `link`, outside the folder of the model");
    assert_eq!(
        open("weights.bin", &[("offset", "24"), ("length", "16")]).unwrap_err(),
        "constant `w`: its data are bytes 24 to 40 of `weights.bin`, which has 32"
    );
    assert_eq!(
        open("weights.bin", &[("offset", "16"), ("length", "12")]).unwrap_err(),
        "constant `w`: 3 elements do not fill dimensions [2, 2]"
    );
}

/// A model of many operators, to be damaged.
fn whole() -> Onnx {
    Onnx::new(&[2, 4, 4])
        .floats("w", &[4, 1, 3, 3], &weights(36, 1))
        .floats("s", &[4], &weights(4, 2))
        .floats("v", &[4], &[1.0; 4])
        .integers("axes", &[2, 3])
        .integers("pads", &[0, 0, 1, 1, 0, 0, 1, 1])
        .integers("at", &[1])
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
        .integers("front", &[0])
        .node("Unsqueeze", &["f", "front"], "u", &[])
        .floats("w2", &[4, 3], &weights(12, 3))
        .node("Gemm", &["u", "w2"], "z", &[])
        .node("Softmax", &["z"], "y", &[int("axis", 1)])
        .output("y")
}

#[test]
fn the_whole_model_is_read() {
    let graph = whole().simplified();
    assert_eq!(graph.outputs(), 3);
}

fn survives(bytes: &[u8]) {
    if let Ok(source) = Source::decode(bytes)
        && let Ok(model) = read(&source)
    {
        let graph = model.graph.simplified();
        let features = vec![0.5; graph.features];
        graph.scores(&features, &mut graph.initial_state());
    }
}

#[test]
fn truncated_files_are_refused() {
    let bytes = whole().bytes();
    for length in 0..bytes.len() {
        survives(&bytes[..length]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn damaged_files_are_read_or_refused(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = whole().bytes();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survives(&bytes);
    }
}

#[test]
fn the_documentation_lists_the_operators() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/onnx-operators.md");
    let page = std::fs::read_to_string(path).unwrap();
    let tables = operators::markdown();
    if std::env::var_os("KINFER_WRITE_DOCS").is_some() {
        let head = page.split_inclusive("\n\n").take(2).collect::<String>();
        std::fs::write(path, head + &tables).unwrap();
        return;
    }
    assert!(page.ends_with(&tables), "run this test with KINFER_WRITE_DOCS=1, which writes the tables");
}

//! Quantised graphs: what is read exactly, and what is said about damaged ones.

mod support;

use kinfer::format::{ElementType, Rounding};
use kinfer_convert::convert::Options;
use kinfer_convert::kinf::{DenseSpec, OperatorSpec, StepSpec, WeightsSpec};
use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::quantized::{Network, Rule, detect, read};
use kinfer_convert::progress::Silent;
use kinfer_convert::{Conversion, convert};
use support::{Graph, int};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

trait Quantised: Sized {
    fn bytes_of(self, name: &str, kind: DataType, dims: &[i64], raw: &[u8]) -> Self;
    fn quantized(&self) -> Result<Network, String>;

    fn scalar(self, name: &str, kind: DataType, raw: u8) -> Self {
        self.bytes_of(name, kind, &[], &[raw])
    }
}

impl Quantised for Graph {
    fn bytes_of(mut self, name: &str, kind: DataType, dims: &[i64], raw: &[u8]) -> Self {
        let (name, dims, raw_data) = (name.into(), dims.to_vec(), raw.to_vec());
        let tensor = TensorProto { name, dims, data_type: kind as i32, raw_data, ..Default::default() };
        self.0.graph.as_mut().unwrap().initializer.push(tensor);
        self
    }

    fn quantized(&self) -> Result<Network, String> {
        let source = Source::decode(&self.bytes()).map_err(|error| error.to_string())?;
        read(&source).map_err(|error| error.to_string())
    }
}

/// Two features, quantised to uint8 with scale ½ and zero point 128, and a layer of two outputs with uint8 weights of zero
/// point 130 and scale ¼, up to its float output `y`.
fn layer(scale: f32, zero_point: DataType) -> Graph {
    Graph::new(2)
        .floats("xs", &[], &[scale])
        .scalar("xz", zero_point, 128)
        .bytes_of("w", DataType::Uint8, &[2, 2], &[131, 0, 130, 255])
        .floats("ws", &[], &[0.25])
        .scalar("wz", DataType::Uint8, 130)
        .bytes_of("b", DataType::Int32, &[2], &[7, 0, 0, 0, 249, 255, 255, 255])
        .floats("bs", &[], &[0.125])
        .node("QuantizeLinear", &["x", "xs", "xz"], "q", &[])
        .node("DequantizeLinear", &["q", "xs", "xz"], "d", &[])
        .node("DequantizeLinear", &["w", "ws", "wz"], "wd", &[])
        .node("DequantizeLinear", &["b", "bs"], "bd", &[])
        .node("Gemm", &["d", "wd", "bd"], "y", &[])
}

/// … and quantised again with scale 2 and zero point 10.
fn quantised() -> Graph {
    layer(0.5, DataType::Uint8)
        .floats("ys", &[], &[2.0])
        .scalar("yz", DataType::Uint8, 10)
        .node("Relu", &["y"], "r", &[])
        .node("QuantizeLinear", &["r", "ys", "yz"], "yq", &[])
        .node("DequantizeLinear", &["yq", "ys", "yz"], "yd", &[])
        .output("yd")
}

fn dense(network: &Network) -> &DenseSpec {
    match &network.operators[..] {
        [OperatorSpec::Dense(dense)] => dense,
        other => panic!("{other:?}"),
    }
}

#[test]
fn scales_and_zero_points_are_kept() {
    let network = quantised().quantized().unwrap();
    let rows = &dense(&network).rows;
    // Columns of w less 130; 255 − 130 fits int8, 0 − 130 does not.
    assert_eq!(rows.weights, WeightsSpec::I16(vec![1, 0, -130, 125]));
    assert_eq!(rows.biases, [7, -7]);
    // ½ · ¼ / 2 = 2^−4
    assert_eq!((&rows.multipliers[..], &rows.shifts[..]), (&[1 << 30; 2][..], &[34; 2][..]));
    assert_eq!((rows.rounding, rows.lo, rows.hi), (Rounding::HalfEven, 10 - 128, 127));
    let tensors: Vec<_> = network.tensors.iter().map(|tensor| (tensor.element, tensor.zero_point)).collect();
    assert_eq!(tensors, [(ElementType::I8, 0), (ElementType::I8, 10 - 128)]);
    assert_eq!((network.scores, network.scores_offset, network.head.rule), (1, 128, Rule::ArgMax));
    let program = network.program(&[1.0, 0.25]).unwrap();
    let [StepSpec::Affine(a), StepSpec::Affine(b)] = &program[..] else { panic!("{program:?}") };
    assert_eq!((a.multiplier, b.multiplier), (2 << a.shift, 1 << (b.shift - 1)), "2 and ½, exactly");
}

#[test]
fn a_float_output_has_the_sums_as_scores() {
    let network = layer(0.5, DataType::Uint8).output("y").quantized().unwrap();
    let rows = &dense(&network).rows;
    assert_eq!((&rows.multipliers[..], &rows.shifts[..]), (&[1 << 30; 2][..], &[30; 2][..]));
    let scores = &network.tensors[1];
    assert_eq!((scores.element, scores.zero_point, scores.scale.to_string()), (ElementType::I32, 0, "0.125".into()));
    assert_eq!(network.scores_name, "y");
}

#[test]
fn a_graph_of_floats_is_not_taken_for_quantised() {
    let detected = |graph: &Graph| detect(&Source::decode(&graph.bytes()).unwrap());
    assert!(detected(&quantised()) && !detected(&support::classifier()));
}

#[test]
fn damaged_graphs_are_refused_by_the_node() {
    let input = || Graph::new(2).floats("s", &[], &[1.0]).floats("f", &[], &[0.0]);
    let cases: [(&str, Graph, &str); 14] = [
        ("NaN", layer(f32::NAN, DataType::Uint8).output("y"), "node `q` (QuantizeLinear): its scale `xs` is NaN"),
        ("zero", layer(0.0, DataType::Uint8).output("y"), "node `q` (QuantizeLinear): its scale `xs` is 0"),
        ("negative", layer(-1.0, DataType::Uint8).output("y"), "its scale `xs` is -1"),
        ("infinite", layer(f32::INFINITY, DataType::Uint8).output("y"), "its scale `xs` is inf"),
        (
            "a zero point of floats",
            input().node("QuantizeLinear", &["x", "s", "f"], "y", &[]).output("y"),
            "node `y` (QuantizeLinear): its zero point `f` is not of a quantised type",
        ),
        (
            "a zero point of another type",
            layer(0.5, DataType::Uint8)
                .scalar("iz", DataType::Int8, 0)
                .node("DequantizeLinear", &["q", "xs", "iz"], "y2", &[])
                .output("y2"),
            "node `y2` (DequantizeLinear): its zero point `iz` is int8, its tensor uint8",
        ),
        (
            "another scale than the writer's",
            layer(0.5, DataType::Uint8).node("DequantizeLinear", &["q", "bs", "xz"], "y2", &[]).output("y2"),
            "reads a tensor with scale 0.125 and zero point 128 that was written with 0.5 and 128",
        ),
        (
            "a missing initializer",
            input().node("QuantizeLinear", &["x", "nowhere"], "y", &[]).output("y"),
            "node `y` (QuantizeLinear): reads `nowhere`, which is no initializer",
        ),
        (
            "a missing input",
            input().node("QuantizeLinear", &["x"], "y", &[]).output("y"),
            "node `y` (QuantizeLinear): input 1 is missing",
        ),
        (
            "weights of another width",
            layer(0.5, DataType::Uint8)
                .bytes_of("v", DataType::Int8, &[3, 1], &[1, 2, 3])
                .node("DequantizeLinear", &["v", "ws"], "vd", &[])
                .node("MatMul", &["d", "vd"], "z", &[])
                .output("z"),
            "node `z` (MatMul): weights `v` of [3, 1] do not fit its 2 inputs",
        ),
        (
            "bytes that do not fit",
            layer(0.5, DataType::Uint8)
                .bytes_of("v", DataType::Int8, &[2, 1], &[1])
                .node("DequantizeLinear", &["v", "ws"], "vd", &[])
                .node("MatMul", &["d", "vd"], "z", &[])
                .output("z"),
            "constant `v`: 1 elements do not fill dimensions [2, 1]",
        ),
        (
            "a scale a slice that do not fit",
            layer(0.5, DataType::Uint8)
                .floats("three", &[3], &[1.0; 3])
                .bytes_of("v", DataType::Int8, &[2, 2], &[1; 4])
                .node("DequantizeLinear", &["v", "three"], "vd", &[int("axis", 1)])
                .node("MatMul", &["d", "vd"], "z", &[])
                .output("z"),
            "node `vd` (DequantizeLinear): 3 scales and 1 zero points do not fit `v` of [2, 2] along axis 1",
        ),
        (
            "floats between two layers",
            layer(0.5, DataType::Uint8).node("MatMul", &["y", "wd"], "z", &[]).output("z"),
            "node `y` (Gemm): its output is not quantised and node `z` (MatMul) computes with it",
        ),
        (
            "a scale from each row",
            Graph::new(2).node("DynamicQuantizeLinear", &["x"], "q", &[]).output("q"),
            "node `q` (DynamicQuantizeLinear): it takes its scale from each row",
        ),
    ];
    for (name, graph, expected) in cases {
        let error = graph.quantized().expect_err(name);
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn no_cut_or_changed_byte_makes_the_reader_panic() {
    let bytes = quantised().bytes();
    for end in 0..bytes.len() {
        let _ = Source::decode(&bytes[..end]).map(|source| read(&source).is_ok());
    }
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            let _ = Source::decode(&bytes).map(|source| read(&source).is_ok());
        }
    }
}

/// The whole way: a graph that is quantised keeps its integers, and decides as tract runs it.
#[test]
fn a_quantised_graph_is_converted_with_its_own_integers() {
    let rows: String = (0..200).map(|row| format!("{},{}\n", (row * 37) % 101 - 50, (row * 59) % 83 - 40)).collect();
    let workplace = support::Workplace::new(&quantised(), &format!("a,b\n{rows}"));
    let (model, data) = (workplace.path("model.onnx"), workplace.path("data.csv"));
    let Conversion { bytes, report } = convert(&Options::new(&model, &data), &Silent).unwrap();
    assert_eq!((report.agreement, &report.precision[..], report.reference), (1.0, "the model's own", "tract"));
    let scale = kinfer::Model::parse(&bytes).unwrap().tensors().get(1).unwrap().scale;
    assert_eq!(scale, 2, "kept");
}

/// ONNX Runtime's own operators are converted too; there is nothing to compare them with, and that is said.
#[test]
fn operators_that_tract_lacks_are_converted_and_compared_with_nothing() {
    let mut graph = layer(0.5, DataType::Uint8)
        .floats("ys", &[], &[2.0])
        .scalar("yz", DataType::Uint8, 10)
        .node("QGemm", &["q", "xs", "xz", "w", "ws", "wz", "b", "ys", "yz"], "yq", &[])
        .node("DequantizeLinear", &["yq", "ys", "yz"], "yd", &[])
        .output("yd");
    let nodes = &mut graph.0.graph.as_mut().unwrap().node;
    nodes.retain(|node| !matches!(&node.output[0][..], "d" | "wd" | "bd" | "y"));
    nodes.iter_mut().filter(|node| node.op_type == "QGemm").for_each(|node| node.domain = "com.microsoft".into());
    let workplace = support::Workplace::new(&graph, "a,b\n1,2\n-3,4\n50,-7\n");
    let (model, data) = (workplace.path("model.onnx"), workplace.path("data.csv"));
    let Conversion { report, .. } = convert(&Options::new(&model, &data), &Silent).unwrap();
    assert!(report.agreement.is_nan() && report.reference == "none", "{}", report.agreement);
    assert!(report.warnings.iter().any(|warning| warning.contains("compared with nothing")), "{:?}", report.warnings);
    let error = convert(&Options { agree: Some(0.9), ..Options::new(&model, &data) }, &Silent).unwrap_err();
    assert!(error.to_string().starts_with("--agree cannot be checked"), "{error}");
}

//! Small ONNX models, written node by node.
#![allow(dead_code)] // each test file uses its part

use std::path::PathBuf;

use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::{Model, read};
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// A graph under construction: input `x` of `[batch, features]`.
pub(crate) struct Graph(pub(crate) ModelProto);

impl Graph {
    pub(crate) fn new(features: i64) -> Self {
        Self::with_input(&[None, Some(features)], DataType::Float)
    }

    pub(crate) fn with_input(dims: &[Option<i64>], kind: DataType) -> Self {
        let dim = |dim: &Option<i64>| Dimension {
            value: Some(match dim {
                Some(size) => dimension::Value::DimValue(*size),
                None => dimension::Value::DimParam("batch".into()),
            }),
            ..Default::default()
        };
        let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
        let tensor = type_proto::Tensor { elem_type: kind as i32, shape: Some(shape) };
        let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
        let input = vec![ValueInfoProto { name: "x".into(), r#type: Some(r#type), ..Default::default() }];
        let graph = GraphProto { name: "test".into(), input, ..Default::default() };
        let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.into(), version };
        Self(ModelProto {
            ir_version: 8,
            opset_import: vec![opset("", 17), opset("ai.onnx.ml", 1)],
            graph: Some(graph),
            ..Default::default()
        })
    }

    fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    pub(crate) fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph().initializer.push(TensorProto {
            name: name.into(),
            dims: dims.to_vec(),
            data_type: DataType::Float as i32,
            float_data: values.to_vec(),
            ..Default::default()
        });
        self
    }

    pub(crate) fn integers(mut self, name: &str, dims: &[i64], values: &[i64]) -> Self {
        self.graph().initializer.push(TensorProto {
            name: name.into(),
            dims: dims.to_vec(),
            data_type: DataType::Int64 as i32,
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..Default::default()
        });
        self
    }

    /// A node; an operator of ai.onnx.ml is written with its domain.
    pub(crate) fn node(mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[AttributeProto]) -> Self {
        let (domain, op_type) = match operator.strip_prefix("ai.onnx.ml.") {
            Some(op_type) => ("ai.onnx.ml", op_type),
            None => ("", operator),
        };
        self.graph().node.push(NodeProto {
            op_type: op_type.into(),
            domain: domain.into(),
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![output.into()],
            attribute: attributes.to_vec(),
            ..Default::default()
        });
        self
    }

    pub(crate) fn output(mut self, name: &str) -> Self {
        self.graph().output.push(ValueInfoProto { name: name.into(), ..Default::default() });
        self
    }

    pub(crate) fn metadata(mut self, key: &str, value: &str) -> Self {
        self.0.metadata_props.push(StringStringEntryProto { key: key.into(), value: value.into() });
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    pub(crate) fn read(&self) -> Result<Model, String> {
        let source = Source::decode(&self.bytes()).map_err(|error| error.to_string())?;
        read(&source).map_err(|error| error.to_string())
    }
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i: value, ..Default::default() }
}

pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f: value, ..Default::default() }
}

pub(crate) fn floats(name: &str, values: &[f32]) -> AttributeProto {
    let floats = values.to_vec();
    AttributeProto { name: name.into(), r#type: AttributeType::Floats as i32, floats, ..Default::default() }
}

/// Two counters of very different size → three hidden neurons → one score, with the tail that skl2onnx writes for
/// MLPClassifier.
pub(crate) fn classifier() -> Graph {
    Graph::new(2)
        .floats("mean", &[2], &[50.0, 1e6])
        .floats("deviation", &[2], &[25.0, 5e5])
        .floats("w0", &[2, 3], &[1.5, -0.75, 0.5, 0.25, 1.0, -1.25])
        .floats("b0", &[1, 3], &[0.1, -0.2, 0.3])
        .floats("w1", &[3, 1], &[1.0, -2.0, 0.5])
        .floats("b1", &[1, 1], &[0.05])
        .floats("unity", &[], &[1.0])
        .integers("classes", &[2], &[0, 1])
        .integers("shape", &[1], &[-1])
        .node("Sub", &["x", "mean"], "centred", &[])
        .node("Div", &["centred", "deviation"], "normal", &[])
        .node("Cast", &["normal"], "cast", &[int("to", 1)])
        .node("MatMul", &["cast", "w0"], "m0", &[])
        .node("Add", &["m0", "b0"], "a0", &[])
        .node("Relu", &["a0"], "h0", &[])
        .node("MatMul", &["h0", "w1"], "m1", &[])
        .node("Add", &["m1", "b1"], "z", &[])
        .node("Sigmoid", &["z"], "p", &[])
        .node("Sub", &["unity", "p"], "q", &[])
        .node("Concat", &["q", "p"], "probabilities", &[int("axis", 1)])
        .node("ArgMax", &["probabilities"], "index", &[int("axis", 1)])
        .node("ai.onnx.ml.ArrayFeatureExtractor", &["classes", "index"], "extracted", &[])
        .node("Reshape", &["extracted", "shape"], "reshaped", &[])
        .node("Cast", &["reshaped"], "label", &[int("to", 7)])
        .output("label")
        .output("probabilities")
        .metadata("kinfer.features", r#"[{"name": "depth", "unit": "count"}, {"name": "bytes", "unit": "B"}]"#)
        .metadata("kinfer.label", "slow")
        .metadata("kinfer.outcomes", r#"["fast", "slow"]"#)
}

/// CSV of the two counters and a label that mostly follows the classifier.
pub(crate) fn classifier_data(rows: usize) -> String {
    let mut text = String::from("slow,bytes,depth\n");
    let mut state = 12_345u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for _ in 0..rows {
        let (depth, bytes) = (next() % 101, next() % 2_000_001);
        let (a, b) = ((depth as f64 - 50.0) / 25.0, (bytes as f64 - 1e6) / 5e5);
        let hidden =
            [1.5 * a + 0.25 * b + 0.1, -0.75 * a + b - 0.2, 0.5 * a - 1.25 * b + 0.3].map(|x| f64::max(x, 0.0));
        let score = hidden[0] - 2.0 * hidden[1] + 0.5 * hidden[2] + 0.05;
        let label = u8::from(score > 0.0) ^ u8::from(next() % 10 == 0);
        text += &format!("{label},{bytes},{depth}\n");
    }
    text
}

/// A folder with `model.onnx` and `data.csv`.
pub(crate) struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    pub(crate) fn new(graph: &Graph, data: &str) -> Self {
        let workplace = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(workplace.path("model.onnx"), graph.bytes()).unwrap();
        std::fs::write(workplace.path("data.csv"), data).unwrap();
        workplace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

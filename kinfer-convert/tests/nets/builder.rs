//! ONNX models of the tests, written node by node.

use kinfer_convert::graph::Graph;
use kinfer_convert::onnx::Source;
use kinfer_convert::onnx::reader::{Model, read};
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};

/// A model under construction: input `x` of a batch of rows.
#[derive(Clone)]
pub(crate) struct Onnx(pub(crate) ModelProto);

impl Onnx {
    /// Rows of these dimensions.
    pub(crate) fn new(row: &[i64]) -> Self {
        let opset = OperatorSetIdProto { domain: String::new(), version: 18 };
        let graph = GraphProto { name: "test".into(), ..Default::default() };
        Self(ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(graph), ..Default::default() })
            .input("x", row)
    }

    pub(crate) fn opset(mut self, version: i64) -> Self {
        self.0.opset_import[0].version = version;
        self
    }

    pub(crate) fn input(mut self, name: &str, row: &[i64]) -> Self {
        let size = |size: &i64| dimension::Value::DimValue(*size);
        let dims = std::iter::once(dimension::Value::DimParam("batch".into())).chain(row.iter().map(size));
        let dim = dims.map(|value| Dimension { value: Some(value), ..Default::default() }).collect();
        let shape = Some(TensorShapeProto { dim });
        let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
        let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
        self.graph().input.push(ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() });
        self
    }

    pub(crate) fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    pub(crate) fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph().initializer.push(float_tensor(name, dims, values));
        self
    }

    pub(crate) fn integers(mut self, name: &str, values: &[i64]) -> Self {
        self.graph().initializer.push(TensorProto {
            name: name.into(),
            dims: vec![values.len() as i64],
            data_type: DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..Default::default()
        });
        self
    }

    pub(crate) fn node(self, operator: &str, inputs: &[&str], output: &str, attributes: &[AttributeProto]) -> Self {
        self.nodes(operator, inputs, &[output], attributes)
    }

    /// A node of several outputs.
    pub(crate) fn nodes(
        mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[AttributeProto],
    ) -> Self {
        self.graph().node.push(node(operator, inputs, outputs, attributes));
        self
    }

    pub(crate) fn output(mut self, name: &str) -> Self {
        self.graph().output.push(ValueInfoProto { name: name.into(), ..Default::default() });
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// What it computes, or the refusal.
    pub(crate) fn read(&self) -> Result<Model, String> {
        let source = Source::decode(&self.bytes()).map_err(|error| error.to_string())?;
        read(&source).map_err(|error| error.to_string())
    }

    /// The graph as the operators are simplified, which has the scores of the one that was read.
    #[track_caller]
    pub(crate) fn simplified(&self) -> Graph {
        let graph = self.read().unwrap_or_else(|error| panic!("{error}")).graph;
        let simplified = graph.simplified();
        for seed in 1..4 {
            let features = numbers(graph.features, seed);
            let (mut before, mut after) = (graph.initial_state(), simplified.initial_state());
            for _ in 0..2 {
                let is = simplified.scores(&features, &mut after);
                assert_near(&is, &graph.scores(&features, &mut before));
            }
        }
        simplified
    }

    /// Scores of a row.
    #[track_caller]
    pub(crate) fn scores(&self, features: &[f64]) -> Vec<f64> {
        let graph = self.simplified();
        assert_eq!(features.len(), graph.features);
        graph.scores(features, &mut graph.initial_state())
    }

    /// Names of the operators that are left after simplification.
    #[track_caller]
    pub(crate) fn operators(&self) -> Vec<String> {
        operators(&self.simplified())
    }
}

/// Names of a graph's operators.
pub(crate) fn operators(graph: &Graph) -> Vec<String> {
    let name = |text: String| text.split([' ', '(', '{']).next().unwrap_or_default().to_string();
    graph
        .nodes
        .iter()
        .map(|node| match format!("{:?}", node.operator) {
            text if text.starts_with("Map(Table(") => {
                format!("Map {}", name(text["Map(Table(".len()..].replace(')', "")))
            }
            text if text.starts_with("Map(") => format!("Map {}", name(text["Map(".len()..].replace(')', ""))),
            text => name(text),
        })
        .collect()
}

#[track_caller]
pub(crate) fn assert_near(is: &[f64], wants: &[f64]) {
    let near = |a: f64, b: f64| (a - b).abs() <= 2e-6 * (1.0 + a.abs().max(b.abs()));
    assert!(is.len() == wants.len() && is.iter().zip(wants).all(|(&a, &b)| near(a, b)), "{is:?} is not {wants:?}");
}

/// Numbers between -2 and 2.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 22) - 2.0
    };
    (0..count).map(|_| next()).collect()
}

/// The same as weights.
pub(crate) fn weights(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|number| number as f32).collect()
}

pub(crate) fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[AttributeProto]) -> NodeProto {
    let (domain, op_type) = operator.rsplit_once('.').unwrap_or(("", operator));
    NodeProto {
        op_type: op_type.into(),
        domain: domain.into(),
        input: inputs.iter().map(|input| input.to_string()).collect(),
        output: outputs.iter().map(|output| output.to_string()).collect(),
        attribute: attributes.to_vec(),
        ..Default::default()
    }
}

pub(crate) fn float_tensor(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        float_data: values.to_vec(),
        ..Default::default()
    }
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i: value, ..Default::default() }
}

pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..Default::default()
    }
}

pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f: value, ..Default::default() }
}

pub(crate) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::String as i32, s: value.into(), ..Default::default() }
}

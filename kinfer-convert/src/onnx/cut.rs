//! The graph up to the scores, for the float reference.

use std::collections::HashSet;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use super::Source;
use super::node::{floats, operator};

/// The model with `scores` as its only output and nothing that `scores` does not depend on: operators of the tail need not
/// be known to what runs it. `ai.onnx.ml.Scaler` becomes Sub and Mul.
pub fn cut(source: &Source, scores: &str) -> ModelProto {
    let mut model = source.model.clone();
    let Some(graph) = model.graph.take() else { return model };

    let mut needed = HashSet::from([scores.to_owned()]);
    let mut nodes = Vec::new();
    for node in graph.node.into_iter().rev() {
        if node.output.iter().any(|output| needed.contains(output)) {
            needed.extend(node.input.iter().cloned());
            nodes.push(node);
        }
    }
    let mut initializer = graph.initializer;
    initializer.retain(|tensor| needed.contains(&tensor.name));
    let is_constant: HashSet<_> = initializer.iter().map(|tensor| tensor.name.clone()).collect();
    let mut input = graph.input;
    input.retain(|input| needed.contains(&input.name) && !is_constant.contains(&input.name));

    let mut node = Vec::new();
    for original in nodes.into_iter().rev() {
        match operator(&original).as_str() {
            "ai.onnx.ml.Scaler" => node.extend(without_scaler(original)),
            _ => node.push(original),
        }
    }
    let output = vec![ValueInfoProto { name: scores.into(), ..Default::default() }];
    model.graph = Some(GraphProto { node, initializer, input, output, name: graph.name, ..Default::default() });
    model
}

fn without_scaler(node: NodeProto) -> Vec<NodeProto> {
    let output = node.output.first().cloned().unwrap_or_default();
    let name = |part: &str| format!("{output}/{part}");
    let constant = |part: &str| {
        let values = floats(&node, part);
        let tensor = TensorProto {
            dims: vec![values.len() as i64],
            data_type: DataType::Float as i32,
            float_data: values.to_vec(),
            ..Default::default()
        };
        let value = AttributeProto {
            name: "value".into(),
            r#type: AttributeType::Tensor as i32,
            t: Some(tensor),
            ..Default::default()
        };
        let attribute = vec![value];
        NodeProto { op_type: "Constant".into(), output: vec![name(part)], attribute, ..Default::default() }
    };
    let binary = |operator: &str, left: String, right: &str, output: String| NodeProto {
        op_type: operator.into(),
        input: vec![left, name(right)],
        output: vec![output],
        ..Default::default()
    };
    let features = node.input.first().cloned().unwrap_or_default();
    vec![
        constant("offset"),
        constant("scale"),
        binary("Sub", features, "offset", name("centred")),
        binary("Mul", name("centred"), "scale", output.clone()),
    ]
}

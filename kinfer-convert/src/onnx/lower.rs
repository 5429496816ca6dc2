//! The walk over the graph.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension;
use tract_onnx::pb::{GraphProto, NodeProto, ValueInfoProto, type_proto};

use super::constant::Constant;
use super::head::{self, Head};
use super::metadata::Metadata;
use super::node::{Site, operator};
use super::value::{Chain, Value};
use super::{GraphError, OLDEST_OPSET, Source, arithmetic, layers};
use crate::network::Network;

/// What a graph computes.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Features → scores.
    pub network: Network,
    /// Scores → decision.
    pub head: Head,
    /// Name of the scores in the graph.
    pub scores: String,
    /// Name of the graph's input.
    pub input: String,
    /// What the model says about its features, label and outcomes.
    pub metadata: Metadata,
}

/// Reads what the graph computes.
///
/// # Errors
///
/// The first node on the way to an output that is not supported, by name and operator; or inputs and outputs that are not
/// those of a model that decides row by row.
pub fn lower(source: &Source) -> Result<Lowered, GraphError> {
    let graph = source.graph()?;
    let opset = opset(source)?;
    let metadata = Metadata::read(&source.model)?;

    let mut values = Values::default();
    for tensor in &graph.initializer {
        values.set(
            &tensor.name,
            Constant::of_tensor(&tensor.name, tensor).map(|constant| Value::Constant(constant.into())),
        );
    }
    let (input, features) = input(graph)?;
    values.set(&input, Ok(Value::Numbers(Chain::of_features(&input, features))));

    for node in &graph.node {
        let value = values.inputs(node).and_then(|inputs| Node { node, site: Site::of(node), opset, inputs }.lower());
        // Only first outputs carry meaning here; what reads another one finds it missing.
        if let Some(output) = node.output.first() {
            values.set(output, value);
        }
    }

    let outputs: Vec<_> = graph.output.iter().map(|output| (output.name.as_str(), values.get(&output.name))).collect();
    let (chain, head) = head::resolve(&outputs)?;
    let network = chain.network().map_err(|what| GraphError::Interface {
        what: format!("output `{}`: {what}", chain.tensor),
        advice: "a network is layers of Gemm or MatMul with Relu or Clip between them".into(),
    })?;
    Ok(Lowered { network, head, scores: chain.tensor, input, metadata })
}

/// A node with the meaning of its inputs; an input that is left out is `None`.
pub(super) struct Node<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) site: Site,
    pub(super) opset: i64,
    pub(super) inputs: Vec<Option<Value>>,
}

impl Node<'_> {
    fn lower(&self) -> Result<Value, GraphError> {
        match operator(self.node).as_str() {
            "Constant" => Constant::of_node(self.node).map(|constant| Value::Constant(constant.into())),
            "Add" | "Sub" | "Mul" | "Div" => arithmetic::lower(self),
            "ai.onnx.ml.Scaler" => arithmetic::scaler(self),
            "Gemm" => layers::gemm(self),
            "MatMul" => layers::mat_mul(self),
            "Relu" => layers::clamp(self, 0.0, f64::INFINITY),
            "Clip" => layers::clip(self),
            "Identity" | "Cast" | "Flatten" | "Dropout" | "Reshape" | "Squeeze" | "Unsqueeze" => layers::pass(self),
            "Sigmoid" | "Softmax" => head::squash(self),
            "Concat" => head::concat(self),
            "ArgMax" => head::arg_max(self),
            "Greater" => head::greater(self),
            "ai.onnx.ml.ArrayFeatureExtractor" | "Gather" => head::labels(self),
            _ => Err(GraphError::unsupported(&self.site, "this operator is not supported")),
        }
    }

    /// Input `index`, which must be there.
    pub(super) fn input(&self, index: usize) -> Result<&Value, GraphError> {
        let missing = || {
            GraphError::node(&self.site, format!("input {index} is missing"), "the file is damaged: export it again")
        };
        self.inputs.get(index).and_then(Option::as_ref).ok_or_else(missing)
    }

    /// Input `index` as numbers computed from the features.
    pub(super) fn numbers(&self, index: usize) -> Result<Chain, GraphError> {
        match self.input(index)? {
            Value::Numbers(chain) => Ok(chain.clone()),
            Value::Probability(_, _, site) => {
                let reader = &self.site;
                let what = format!("supported only right before the decision, here {reader} computes with its output");
                Err(GraphError::unsupported(site, what))
            }
            other => Err(GraphError::unsupported(&self.site, format!("input {index} is {}", other.describe()))),
        }
    }

    /// Input `index` as a constant.
    pub(super) fn constant(&self, index: usize) -> Result<&Arc<Constant>, GraphError> {
        match self.input(index)? {
            Value::Constant(constant) => Ok(constant),
            other => Err(GraphError::unsupported(
                &self.site,
                format!("input {index} must be a constant and is {}", other.describe()),
            )),
        }
    }

    /// Name of the first output.
    pub(super) fn output(&self) -> &str {
        self.node.output.first().map_or("", String::as_str)
    }
}

/// Values by name. A node that cannot be read leaves its error, which is that of everything that depends on it: a graph
/// may compute things beside the decision.
#[derive(Default)]
struct Values(HashMap<String, Result<Value, GraphError>>);

impl Values {
    fn set(&mut self, name: &str, value: Result<Value, GraphError>) {
        self.0.insert(name.into(), value);
    }

    fn get(&self, name: &str) -> Result<Value, GraphError> {
        let nothing = || {
            Err(GraphError::Interface {
                what: format!("output `{name}` is not computed by any node"),
                advice: "the file is damaged: export it again".into(),
            })
        };
        self.0.get(name).cloned().unwrap_or_else(nothing)
    }

    fn inputs(&self, node: &NodeProto) -> Result<Vec<Option<Value>>, GraphError> {
        let read = |name: &String| match self.0.get(name) {
            _ if name.is_empty() => Ok(None),
            Some(value) => value.clone().map(Some),
            None => Err(GraphError::node(
                &Site::of(node),
                format!("reads `{name}`, which nothing before it computes"),
                "nodes must be in an order in which they can run, without cycles",
            )),
        };
        node.input.iter().map(read).collect()
    }
}

fn opset(source: &Source) -> Result<i64, GraphError> {
    let imports = &source.model.opset_import;
    let of_onnx = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let version = imports.iter().find(|import| of_onnx(&import.domain)).map_or(0, |import| import.version);
    if version < OLDEST_OPSET { Err(GraphError::Opset { version }) } else { Ok(version) }
}

/// Name and width of the one input that is not an initializer.
fn input(graph: &GraphProto) -> Result<(String, usize), GraphError> {
    let is_constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let inputs: Vec<_> = graph.input.iter().filter(|input| !is_constant(&input.name)).collect();
    let refuse = |what: String| {
        Err(GraphError::Interface {
            what,
            advice: "a model takes all its features in one input [batch, features] of FLOAT, DOUBLE or integers".into(),
        })
    };
    let [input] = inputs[..] else {
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        return refuse(format!("the graph has {} inputs: {}", names.len(), names.join(", ")));
    };
    let name = &input.name;
    match shape(input) {
        Some((kind, dims)) => match dims[..] {
            _ if !matches!(kind, DataType::Float | DataType::Double | DataType::Int64 | DataType::Int32) => {
                refuse(format!("input `{name}` has elements of type {}", kind.as_str_name()))
            }
            [_, Some(0)] => refuse(format!("input `{name}` has no features")),
            [_, Some(features)] => Ok((name.clone(), features)),
            [_, None] => refuse(format!("input `{name}` does not say how many features it has")),
            _ => refuse(format!("input `{name}` has {} dimensions", dims.len())),
        },
        None => refuse(format!("input `{name}` has no type or shape")),
    }
}

/// Element type and dimensions; a dimension that is not a number is `None`.
fn shape(input: &ValueInfoProto) -> Option<(DataType, Vec<Option<usize>>)> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().map(|dim| match dim.value {
        Some(dimension::Value::DimValue(size)) => usize::try_from(size).ok(),
        _ => None,
    });
    Some((DataType::try_from(tensor.elem_type).ok()?, dims.collect()))
}

//! ONNX → [`Graph`](crate::graph::Graph): a walk over the protobuf graph.
//!
//! Nodes are read in their order. Each value of the ONNX graph gets a meaning ([`value::Value`]): a constant, a tensor
//! computed from the features, or a class. Tensors have their ONNX dimensions with a batch of one, and their elements in
//! ONNX's order; what the engine orders otherwise (images, channels last) is brought back by a `Select` that
//! [`crate::graph::simplify`] removes where two of them meet. A file an operator family; [`head`] reads the tail: what the
//! graph's outputs say about the decision.

mod arithmetic;
mod context;
mod functions;
mod head;
mod input;
mod layers;
mod leaves;
mod ml;
mod moves;
mod reduce;
mod value;

pub(super) use self::arithmetic::{broadcast_dims, broadcast_indices};
use self::context::Context;
pub(crate) use self::head::logit;
pub use self::head::{Head, Rule};
pub use self::input::Input;
use self::value::{Value, Values};
use super::constant::Constant;
use super::metadata::Metadata;
use super::node::{Site, operator};
use super::{GraphError, OLDEST_OPSET, Source};
use crate::graph::Graph;

/// What an ONNX file computes.
#[derive(Clone, Debug)]
pub struct Model {
    /// Features → scores.
    pub graph: Graph,
    /// Scores → decision.
    pub head: Head,
    /// The ONNX graph's inputs, whose elements are the features in this order.
    pub inputs: Vec<Input>,
    /// Name of the scores in the ONNX graph; nothing where no value of it holds them.
    pub scores: Option<String>,
    /// What the file says about its features, label and outcomes.
    pub metadata: Metadata,
}

/// Reads what a file computes.
///
/// # Errors
///
/// The first node on the way to an output that is not supported, by name and operator; or inputs and outputs that are not
/// those of a model that decides row by row.
pub fn read(source: &Source) -> Result<Model, GraphError> {
    let proto = source.graph()?;
    let opset = opset(source)?;
    let metadata = Metadata::read(&source.model)?;

    let mut values = Values::default();
    for tensor in &proto.initializer {
        values.set(
            &tensor.name,
            Constant::of_tensor(&tensor.name, tensor).map(|constant| Value::Constant(constant.into())),
        );
    }
    let inputs = input::inputs(proto)?;
    let mut graph = Graph::new(inputs.iter().map(Input::width).sum());
    for (name, value) in input::values(&inputs, &mut graph) {
        values.set(&name, Ok(value));
    }

    for node in &proto.node {
        let site = Site::of(node);
        let outputs = values
            .inputs(node, &site)
            .and_then(|inputs| Context { node, site, opset, inputs, graph: &mut graph }.read());
        values.set_outputs(node, outputs);
    }

    let mut outputs = Vec::new();
    for output in &proto.output {
        let value = match values.get(&output.name) {
            Ok(Value::Leaves(leaves)) => leaves::tensor(&mut graph, &output.name, &leaves)
                .map(Value::Tensor)
                .ok_or_else(|| GraphError::Interface {
                    what: format!("output `{}` is no number", output.name),
                    advice: "a model's output is scores, probabilities, a class or one value".into(),
                }),
            value => value,
        };
        outputs.push((output.name.as_str(), value));
    }
    let (scores, head) = head::resolve(&graph, &outputs)?;
    graph.scores = scores;
    Ok(Model { scores: values.name_of(scores), graph, head, inputs, metadata })
}

impl Context<'_> {
    /// The values of the node's outputs, in order. What has finitely many values is computed for each of them.
    fn read(mut self) -> Result<Vec<Value>, GraphError> {
        if let Some(values) = leaves::fold(&mut self) {
            return Ok(values);
        }
        leaves::materialize(&mut self)?;
        self.compute()
    }

    fn compute(mut self) -> Result<Vec<Value>, GraphError> {
        let context = &mut self;
        let one = |value: Result<Value, GraphError>| value.map(|value| vec![value]);
        let name = operator(context.node);
        if let Some(values) = ml::read(context, &name) {
            return values;
        }
        match name.as_str() {
            "Constant" => one(Constant::of_node(context.node).map(|constant| Value::Constant(constant.into()))),
            "Add" | "Sub" | "Mul" | "Div" => one(arithmetic::binary(context)),
            "Neg" => one(arithmetic::neg(context)),
            "ai.onnx.ml.Scaler" => one(arithmetic::scaler(context)),
            "Gemm" => one(layers::gemm(context)),
            "MatMul" => one(layers::mat_mul(context)),
            "Clip" => one(functions::clip(context)),
            "Softmax" => one(functions::softmax(context)),
            "Identity" | "Cast" | "Dropout" => one(moves::same(context)),
            "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => one(moves::reshape(context)),
            "Transpose" => one(moves::transpose(context)),
            "Concat" => one(moves::concat(context)),
            "ReduceSumSquare" => one(reduce::sum_of_squares(context)),
            "ArgMax" | "ArgMin" => one(head::arg_best(context)),
            "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => one(head::compare(context)),
            "ai.onnx.ml.ArrayFeatureExtractor" | "Gather" => one(moves::gather(context)),
            name => match functions::of_name(context, name)? {
                Some(function) => one(functions::map(context, function)),
                None => Err(GraphError::unsupported(&context.site, "this operator is not supported")),
            },
        }
    }
}

/// Version of `ai.onnx` that the file asks for. A file without nodes of that domain need not import it.
fn opset(source: &Source) -> Result<i64, GraphError> {
    let imports = &source.model.opset_import;
    let is_onnx = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let version = imports.iter().find(|import| is_onnx(&import.domain)).map(|import| import.version);
    match version {
        Some(version) if version >= OLDEST_OPSET => Ok(version),
        Some(version) => Err(GraphError::Opset { version }),
        None if source.graph()?.node.iter().any(|node| is_onnx(&node.domain)) => Err(GraphError::Opset { version: 0 }),
        None => Ok(OLDEST_OPSET),
    }
}

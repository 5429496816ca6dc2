//! ONNX → [`Graph`]: a walk over the protobuf graph.
//!
//! Nodes are read in their order. Each value of the ONNX graph gets a meaning (`value::Value`): a constant, a tensor
//! computed from the features, or a class. Tensors have their ONNX dimensions with a batch of one, and their elements in
//! ONNX's order; what the engine orders otherwise (images, channels last) is brought back by a `Select` that
//! [`crate::graph::simplify`] removes where two of them meet. A file an operator family; `head` reads the tail: what the
//! graph's outputs say about the decision.

mod arithmetic;
mod context;
mod functions;
mod head;
mod inline;
mod input;
mod layers;
mod leaves;
mod ml;
mod moves;
pub mod operators;
mod recurrent;
mod reduce;
mod value;
mod windows;

pub(super) use self::arithmetic::{broadcast_dims, broadcast_indices};
use self::context::Context;
pub(crate) use self::head::logit;
pub use self::head::{Head, Rule};
pub use self::input::Input;
use self::value::{Value, Values};
use super::constant::{Constant, fold};
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

impl Model {
    /// Leaves out of the graph what the decision does not need.
    pub fn simplify(&mut self) {
        self.graph = self.graph.simplified();
        while let Some((input, factor)) = head::without_affine(&self.graph) {
            self.head.rule = match (self.head.rule, factor > 0.0) {
                (Rule::ArgMax, false) => Rule::ArgMin,
                (Rule::ArgMin, false) => Rule::ArgMax,
                (rule @ (Rule::ArgMax | Rule::ArgMin), true) => rule,
                _ => break,
            };
            self.graph.scores = input;
            self.scores = None;
            self.graph = self.graph.simplified();
        }
    }
}

/// Inputs of a file's graph.
///
/// # Errors
///
/// One that is no features.
pub(crate) fn inputs(source: &Source) -> Result<Vec<Input>, GraphError> {
    input::inputs(source.graph()?, &std::collections::HashSet::new())
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
    let placed = inline::nodes(&source.model, opset)?;
    let nodes: Vec<_> = placed.iter().map(|placed| &*placed.node).collect();
    let states = recurrent::states(proto, &nodes);
    let inputs = input::inputs(proto, &states)?;
    let mut graph = Graph::new(inputs.iter().map(Input::width).sum());
    for (name, value) in input::values(&inputs, &mut graph) {
        values.set(&name, Ok(value));
    }

    for name in states {
        values.set(name, Ok(Value::State(name.into())));
    }

    for inline::Placed { node, opset } in &placed {
        let site = Site::of(node);
        let outputs = values
            .inputs(node, &site)
            .and_then(|inputs| Context { node, site: site.clone(), opset: *opset, inputs, graph: &mut graph }.read());
        values.set_outputs(node, &site, outputs);
    }

    let mut outputs = Vec::new();
    for output in &proto.output {
        outputs.push((output.name.as_str(), leaves::output(&mut graph, &output.name, values.get(&output.name))));
    }
    let outputs = head::decisive(&graph, outputs);
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
        if context.is_constant()
            && let Some(constant) = context.fold()
        {
            return one(constant);
        }
        let name = operator(context.node);
        if let Some(values) = ml::read(context, &name) {
            return values;
        }
        match name.as_str() {
            "Constant" => one(Constant::of_node(context.node).map(|constant| Value::Constant(constant.into()))),
            "Add" | "Sub" | "Mul" | "Div" => one(arithmetic::binary(context)),
            "Sum" | "Mean" => one(arithmetic::sum(context)),
            "Min" | "Max" => one(arithmetic::extreme(context)),
            "Pow" => one(arithmetic::pow(context)),
            "Where" => one(arithmetic::choose(context)),
            "Neg" => one(arithmetic::neg(context)),
            "ai.onnx.ml.Scaler" => one(arithmetic::scaler(context)),
            "Gemm" => one(layers::gemm(context)),
            "MatMul" => one(layers::mat_mul(context)),
            "BatchNormalization" => one(layers::batch_normalization(context)),
            "Conv" => one(windows::conv(context)),
            "MaxPool" | "AveragePool" => one(windows::pool(context)),
            "Pad" => one(windows::pad(context)),
            "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin"
            | "ReduceL1" | "ReduceL2" | "ReduceSumSquare" => one(reduce::reduce(context)),
            "GRU" | "LSTM" => recurrent::cell(context),
            "Clip" => one(functions::clip(context)),
            "Celu" => one(functions::celu(context)),
            "PRelu" => one(functions::p_relu(context)),
            "Softmax" | "LogSoftmax" => one(functions::softmax(context)),
            "Identity" | "Cast" | "CastLike" | "Dropout" => one(moves::same(context)),
            "Shape" | "Size" => one(moves::measure(context)),
            "Flatten"
            | "Reshape"
            | "Squeeze"
            | "Unsqueeze"
            | "Transpose"
            | "Expand"
            | "Tile"
            | "Slice"
            | "Split"
            | "Gather"
            | "ai.onnx.ml.ArrayFeatureExtractor" => moves::read(context),
            "Concat" => one(moves::concat(context)),
            "ArgMax" | "ArgMin" => one(head::arg_best(context)),
            "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => one(head::compare(context)),
            name => match functions::of_name(context, name)? {
                Some(function) => one(functions::map(context, function)),
                None => Err(match operators::advice(name) {
                    Some(advice) => context.wrong("this operator is not supported", advice),
                    None => context.unsupported("this operator is not supported"),
                }),
            },
        }
    }

    /// Its value where all its inputs are constants; nothing where its operator computes none, or is read as those of
    /// tensors are.
    fn fold(&self) -> Option<Result<Value, GraphError>> {
        if !matches!(self.node.domain.as_str(), "" | "ai.onnx") {
            return None;
        }
        let constants: Vec<_> = self
            .inputs
            .iter()
            .map(|input| match input {
                Some(Value::Constant(constant)) => Some(&**constant),
                _ => None,
            })
            .collect();
        let constant = fold(&self.site, self.node, &constants)?;
        Some(constant.map(|constant| Value::Constant(constant.into())))
    }
}

/// Version of `ai.onnx` that the file asks for. A file without nodes of that domain need not import it.
fn opset(source: &Source) -> Result<i64, GraphError> {
    let is_onnx = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    match inline::version(&source.model.opset_import, "") {
        Some(version) if version >= OLDEST_OPSET => Ok(version),
        Some(version) => Err(GraphError::Opset { version }),
        None if source.graph()?.node.iter().any(|node| is_onnx(&node.domain)) => Err(GraphError::Opset { version: 0 }),
        None => Ok(OLDEST_OPSET),
    }
}

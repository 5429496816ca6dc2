//! The walk over the graph.

use std::collections::HashMap;
use std::rc::Rc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension;
use tract_onnx::pb::{GraphProto, NodeProto, ValueInfoProto, type_proto};

use super::super::metadata::Metadata;
use super::super::node::{Site, float, operator};
use super::super::{GraphError, OLDEST_OPSET, Source};
use super::builder::Builder;
use super::constant::{Constant, Known};
use super::expression::{Binary, Unary};
use super::head::{self, Scores};
use super::input::Inputs;
use super::kind::Kind;
use super::layout::Order;
use super::node::Node;
use super::value::{Feature, Features, Value};
use super::{Network, elementwise, linear, moves, quantisers};
use crate::kinf::{OperatorSpec, ReshapeSpec};

/// Most elements of a tensor (`docs/kinf-format.md`).
const MOST_ELEMENTS: usize = 65_536;

/// Reads what a quantised graph computes.
///
/// # Errors
///
/// The first node on the way to an output that is not supported or contradicts itself, by name; inputs and outputs that
/// are not those of a model that decides row by row.
pub fn read(source: &Source) -> Result<Network, GraphError> {
    let mut builder = Builder::default();
    let first = walk(source, &mut builder, None);
    match builder.wanted.take() {
        // A window reads the input behind a reshape: with the input in another order it can.
        Some(order) if first.is_err() => walk(source, &mut Builder::default(), Some(order)),
        _ => first,
    }
}

fn walk(source: &Source, builder: &mut Builder, hint: Option<Order>) -> Result<Network, GraphError> {
    let graph = source.graph()?;
    let opset = opset(source)?;
    let metadata = Metadata::read(&source.model)?;
    let windows = graph.node.iter().any(|node| node.op_type.contains("Conv") || node.op_type.contains("Pool"));
    let mut inputs = Inputs::new(hint, windows);

    let mut values = Values::default();
    for tensor in &graph.initializer {
        let constant = Constant::of_tensor(&tensor.name, tensor);
        values.set(&tensor.name, constant.map(|constant| Value::Known(Known::Plain(Rc::new(constant)))));
    }
    let Input { name, batch, dims, kind } = input(graph)?;
    let features: usize = dims.iter().product();
    let value = match kind {
        Some(kind) => Value::Integers(inputs.given(builder, kind, &dims)),
        None => {
            let feature = |counter| Feature { counter, factor: 1.0, offset: 0.0 };
            Value::Features(Features { dims, elements: (0..features).map(feature).collect() })
        }
    };
    values.set(&name, Ok(value));

    for node in &graph.node {
        let value = values.inputs(node).and_then(|read| {
            Node { node, site: Site::of(node), opset, batch, inputs: read }.lower(builder, &mut inputs)
        });
        // Only first outputs carry meaning here; what reads another one finds it missing.
        if let Some(output) = node.output.first() {
            values.set(output, value);
        }
    }

    let outputs: Vec<_> = graph.output.iter().map(|output| (output.name.as_str(), values.get(&output.name))).collect();
    let (scores, head) = head::resolve(&outputs)?;
    let (mut scores, scores_name) = match scores {
        Scores::Integers(integers) => (integers.clone(), integers.name),
        Scores::Real(real) => (builder.scores(&real)?, real.name),
    };
    if builder.operators.is_empty() {
        // A file has an operator.
        let input = scores.tensor as u16;
        scores = builder.emit_like(&scores.clone(), &scores.dims.clone(), scores.order.clone(), |output| {
            OperatorSpec::Reshape(ReshapeSpec { input, output })
        });
    }
    Ok(Network {
        input: name,
        features,
        tensors: builder.specs(),
        operators: std::mem::take(&mut builder.operators),
        scores: scores.tensor as u16,
        scores_name,
        scores_offset: scores.kind.offset(),
        scores_order: scores.order.numbers().to_vec(),
        head,
        metadata,
        elements: inputs.elements,
    })
}

impl Node<'_> {
    fn lower(&self, builder: &mut Builder, inputs: &mut Inputs) -> Result<Value, GraphError> {
        let mut value = self.value(builder, inputs)?;
        let name = self.output().to_owned();
        match &mut value {
            Value::Integers(integers) => integers.name = name,
            Value::Real(real) => real.name = name,
            _ => {}
        }
        Ok(value)
    }

    fn value(&self, builder: &mut Builder, inputs: &mut Inputs) -> Result<Value, GraphError> {
        let name = operator(self.node);
        let attribute = |name: &str, default: f32| float(self.node, name, default);
        match name.strip_prefix("com.microsoft.").unwrap_or(&name) {
            "Constant" => Constant::of_node(self.node).map(|constant| Value::Known(Known::Plain(Rc::new(constant)))),
            "QuantizeLinear" => quantisers::quantize(self, builder, inputs),
            "DequantizeLinear" => quantisers::dequantize(self, builder),
            "DynamicQuantizeLinear" => Err(self.unsupported(
                "it takes its scale from each row, the engine's are constants: quantise statically, with calibration data",
            )),
            "Conv" => linear::conv(self),
            "Gemm" => linear::gemm(self),
            "MatMul" => linear::mat_mul(self),
            "QLinearConv" => linear::q_linear_conv(self, builder),
            "QLinearMatMul" => linear::q_linear_mat_mul(self, builder),
            "QGemm" => linear::q_gemm(self, builder),
            "ConvInteger" | "MatMulInteger" => linear::integer(self, builder),
            "Add" => elementwise::binary(self, builder, Binary::Add),
            "Sub" => elementwise::binary(self, builder, Binary::Subtract),
            "Mul" => elementwise::binary(self, builder, Binary::Multiply),
            "Div" => elementwise::binary(self, builder, Binary::Divide),
            "Min" if self.inputs.len() == 2 => elementwise::binary(self, builder, Binary::Min),
            "Max" if self.inputs.len() == 2 => elementwise::binary(self, builder, Binary::Max),
            "QLinearAdd" => elementwise::q_linear(self, builder, Binary::Add),
            "QLinearMul" => elementwise::q_linear(self, builder, Binary::Multiply),
            "QLinearSigmoid" => elementwise::q_linear_function(self, builder, Unary::Sigmoid),
            "QLinearLeakyRelu" => elementwise::q_linear_function(self, builder, elementwise::leaky_relu(self)),
            "Relu" => elementwise::relu(self),
            "Clip" => elementwise::clip(self),
            "LeakyRelu" => elementwise::unary(self, elementwise::leaky_relu(self)),
            "Sigmoid" => elementwise::unary(self, Unary::Sigmoid),
            "Tanh" => elementwise::unary(self, Unary::Tanh),
            "HardSigmoid" => {
                elementwise::unary(self, Unary::HardSigmoid(attribute("alpha", 0.2), attribute("beta", 0.5)))
            }
            "HardSwish" => elementwise::unary(self, Unary::HardSwish),
            "Elu" => elementwise::unary(self, Unary::Elu(attribute("alpha", 1.0))),
            "Gelu" => elementwise::unary(self, Unary::Gelu),
            "Softplus" => elementwise::unary(self, Unary::Softplus),
            "Softsign" => elementwise::unary(self, Unary::Softsign),
            "Neg" => elementwise::unary(self, Unary::Negate),
            "Abs" => elementwise::unary(self, Unary::Abs),
            "Exp" => elementwise::unary(self, Unary::Exp),
            "Sqrt" => elementwise::unary(self, Unary::Sqrt),
            "MaxPool" | "GlobalMaxPool" => moves::max_pool(self, builder),
            "AveragePool" | "GlobalAveragePool" | "ReduceMean" => moves::mean(self),
            "QLinearAveragePool" | "QLinearGlobalAveragePool" => moves::q_linear_mean(self, builder),
            "Concat" => moves::concat(self, builder),
            "QLinearConcat" => moves::q_linear_concat(self, builder),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Dropout" | "Cast" => moves::reshape(self),
            "Transpose" => moves::transpose(self),
            "Softmax" => head::softmax(self),
            "ArgMax" => head::arg_max(self),
            "Greater" => head::greater(self),
            "ai.onnx.ml.ArrayFeatureExtractor" | "Gather" => head::labels(self),
            _ => Err(GraphError::node(
                &self.site,
                "this operator is not supported in a quantised graph",
                format!("supported: {}", super::SUPPORTED),
            )),
        }
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
                format!("reads `{name}`, which is no initializer and which nothing before it computes"),
                "nodes must be in an order in which they can run, without cycles, and weights in the file",
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

/// The one input that is not an initializer.
struct Input {
    name: String,
    /// Rows of a batch, where the graph says how many.
    batch: Option<usize>,
    /// Of one row.
    dims: Vec<usize>,
    /// Of integers; `None` of floats.
    kind: Option<Kind>,
}

fn input(graph: &GraphProto) -> Result<Input, GraphError> {
    let is_constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let inputs: Vec<_> = graph.input.iter().filter(|input| !is_constant(&input.name)).collect();
    let refuse = |what: String| {
        Err(GraphError::Interface {
            what,
            advice: "a quantised model has one input [batch, …] of FLOAT, INT8, UINT8, INT16 or UINT16 whose other dimensions are fixed"
                .into(),
        })
    };
    let [input] = inputs[..] else {
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        return refuse(format!("the graph has {} inputs: {}", names.len(), names.join(", ")));
    };
    let name = input.name.clone();
    let Some((code, all)) = shape(input) else { return refuse(format!("input `{name}` has no type or shape")) };
    let [batch, rest @ ..] = &all[..] else { return refuse(format!("input `{name}` has no dimensions")) };
    let dims: Option<Vec<usize>> = rest.iter().copied().collect();
    let kind = Kind::of_code(code).filter(|&kind| kind != Kind::I32);
    let is_float = [DataType::Float, DataType::Double, DataType::Float16, DataType::Int64, DataType::Int32]
        .iter()
        .any(|&float| float as i32 == code);
    let count = dims.as_ref().and_then(|dims| dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim)));
    match (dims, count) {
        _ if kind.is_none() && !is_float => refuse(format!("input `{name}` has elements of type {code}")),
        (Some(dims), Some(1..=MOST_ELEMENTS)) if !dims.is_empty() => Ok(Input { name, batch: *batch, dims, kind }),
        (Some(_), Some(count)) => {
            refuse(format!("input `{name}` has {count} elements a row in {} dimensions", all.len()))
        }
        _ => refuse(format!("input `{name}` does not say how many features it has")),
    }
}

/// Element type and dimensions; a dimension that is not a number is `None`.
fn shape(input: &ValueInfoProto) -> Option<(i32, Vec<Option<usize>>)> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().map(|dim| match dim.value {
        Some(dimension::Value::DimValue(size)) => usize::try_from(size).ok(),
        _ => None,
    });
    Some((tensor.elem_type, dims.collect()))
}

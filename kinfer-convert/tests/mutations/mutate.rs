//! One change to the structure of an ONNX file, which leaves it a protobuf.

use proptest::prelude::*;
use proptest::sample::Index;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, tensor_shape_proto, type_proto};

/// A change, and where: indices into whatever there is.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: u8,
    pub(crate) at: [Index; 3],
}

/// Numbers of kinds.
const KINDS: u8 = 24;

/// Sizes, axes, counts and identifiers that an exporter does not write.
const INTEGERS: [i64; 14] = [0, 1, -1, 2, 3, 4, -2, 5, 7, 255, 65_536, 1 << 40, i64::MAX, i64::MIN];
/// Numbers that an exporter does not write.
const FLOATS: [f32; 10] = [0.0, 1.0, -1.0, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-30, -1e30, 0.3];
/// Texts that some attribute takes.
const TEXTS: [&str; 12] = [
    "",
    "NONE",
    "LOGISTIC",
    "SOFTMAX",
    "SOFTMAX_ZERO",
    "PROBIT",
    "LEAF",
    "BRANCH_GTE",
    "SAME_UPPER",
    "VALID",
    "MAX",
    "\u{e9}",
];
/// Operators that take the place of others.
const OPERATORS: [&str; 40] = [
    "Abs",
    "Add",
    "ArgMax",
    "ArgMin",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "Div",
    "Exp",
    "Expand",
    "Flatten",
    "GRU",
    "Gather",
    "Gemm",
    "Greater",
    "LSTM",
    "Log",
    "LogSoftmax",
    "MatMul",
    "MaxPool",
    "Mul",
    "Pad",
    "Pow",
    "ReduceL2",
    "ReduceMax",
    "Reshape",
    "Shape",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tile",
    "Where",
];

/// Up to `most` changes.
pub(crate) fn changes(most: usize) -> impl Strategy<Value = Vec<Change>> {
    let change = (0..KINDS, any::<[Index; 3]>()).prop_map(|(kind, at)| Change { kind, at });
    proptest::collection::vec(change, 1..=most)
}

/// Makes the change; where there is nothing to change, none.
pub(crate) fn apply(model: &mut ModelProto, Change { kind, at: [a, b, c] }: &Change) {
    let text = || TEXTS[c.index(TEXTS.len())];
    let integer = || INTEGERS[c.index(INTEGERS.len())];
    match kind {
        20 => {
            if let Some(opset) = pick(&mut model.opset_import, a) {
                opset.version = integer();
            }
        }
        21 => drop(model.opset_import.pop()),
        _ => {}
    }
    let Some(graph) = &mut model.graph else { return };
    let names = names(graph);
    let name = || if names.is_empty() { String::new() } else { names[c.index(names.len())].clone() };
    match kind {
        0 => drop(removed(&mut graph.node, a)),
        1 => {
            if let Some(node) = pick(&mut graph.node, a).cloned() {
                graph.node.insert(b.index(graph.node.len() + 1), node);
            }
        }
        2 if !graph.node.is_empty() => {
            let length = graph.node.len();
            graph.node.swap(a.index(length), b.index(length));
        }
        3 => on_node(graph, a, |node| drop(removed(&mut node.input, b))),
        4 => on_node(graph, a, |node| node.input.insert(b.index(node.input.len() + 1), name())),
        5 | 6 => on_node(graph, a, |node| {
            if let Some(input) = pick(&mut node.input, b) {
                *input = name();
            }
        }),
        7 => on_node(graph, a, |node| {
            if let Some(output) = pick(&mut node.output, b) {
                *output = name();
            }
        }),
        8 => on_node(graph, a, |node| node.op_type = OPERATORS[b.index(OPERATORS.len())].into()),
        9 => on_node(graph, a, |node| drop(removed(&mut node.attribute, b))),
        10..=12 => on_node(graph, a, |node| {
            if let Some(attribute) = pick(&mut node.attribute, b) {
                disturb(attribute, c, integer(), text());
            }
        }),
        13 => on_node(graph, a, |node| {
            if let Some(attribute) = pick(&mut node.attribute, b) {
                attribute.r#type = (c.index(14)) as i32;
            }
        }),
        14 | 15 => {
            if let Some(tensor) = pick(&mut graph.initializer, a) {
                dims(tensor, b, integer());
            }
        }
        16 | 17 => {
            if let Some(tensor) = pick(&mut graph.initializer, a) {
                values(tensor, b, c, integer());
            }
        }
        18 => {
            if let Some(tensor) = pick(&mut graph.initializer, a) {
                tensor.data_type = c.index(18) as i32;
            }
        }
        19 => {
            let input = pick(&mut graph.input, a).and_then(|input| input.r#type.as_mut()?.value.as_mut());
            if let Some(type_proto::Value::TensorType(tensor)) = input {
                if c.index(5) == 0 {
                    tensor.elem_type = b.index(18) as i32;
                } else if let Some(dim) = tensor.shape.as_mut().and_then(|shape| pick(&mut shape.dim, b)) {
                    dim.value = Some(tensor_shape_proto::dimension::Value::DimValue(integer()));
                }
            }
        }
        22 => {
            if let Some(output) = pick(&mut graph.output, a) {
                output.name = name();
            }
        }
        23 => {
            let tensor = removed(&mut graph.initializer, a);
            if let Some(tensor) = tensor.filter(|_| b.index(2) == 0) {
                graph.initializer.extend([tensor.clone(), tensor]);
            }
        }
        _ => {}
    }
}

fn disturb(attribute: &mut AttributeProto, at: &Index, integer: i64, text: &str) {
    let float = FLOATS[at.index(FLOATS.len())];
    attribute.i = integer;
    attribute.f = float;
    attribute.s = text.into();
    if let Some(value) = pick(&mut attribute.ints, at) {
        *value = integer;
    }
    if let Some(value) = pick(&mut attribute.floats, at) {
        *value = float;
    }
    if let Some(value) = pick(&mut attribute.strings, at) {
        *value = text.into();
    }
    match at.index(6) {
        0 => attribute.ints.push(integer),
        1 => drop(attribute.ints.pop()),
        2 => drop(attribute.floats.pop()),
        3 => drop(attribute.strings.pop()),
        _ => {}
    }
}

fn dims(tensor: &mut TensorProto, at: &Index, size: i64) {
    match at.index(4) {
        0 => tensor.dims.push(size),
        1 => drop(tensor.dims.pop()),
        // The same elements in another shape.
        2 => tensor.dims.reverse(),
        _ => {
            if let Some(dim) = pick(&mut tensor.dims, at) {
                *dim = size;
            }
        }
    }
}

fn values(tensor: &mut TensorProto, at: &Index, which: &Index, integer: i64) {
    if let Some(value) = pick(&mut tensor.float_data, at) {
        *value = FLOATS[which.index(FLOATS.len())];
    }
    if let Some(value) = pick(&mut tensor.int64_data, at) {
        *value = integer;
    }
    if which.index(8) == 7 {
        tensor.float_data.pop();
        tensor.int64_data.pop();
    }
}

fn names(graph: &GraphProto) -> Vec<String> {
    let of_nodes = graph.node.iter().flat_map(|node| node.output.iter().chain(&node.input));
    let all = of_nodes.cloned().chain(graph.initializer.iter().map(|tensor| tensor.name.clone()));
    let mut names: Vec<_> = all.chain(["x".into(), String::new(), "nowhere".into()]).collect();
    names.sort();
    names.dedup();
    names
}

fn on_node(graph: &mut GraphProto, at: &Index, change: impl FnOnce(&mut NodeProto)) {
    if let Some(node) = pick(&mut graph.node, at) {
        change(node);
    }
}

fn pick<'a, T>(all: &'a mut [T], at: &Index) -> Option<&'a mut T> {
    if all.is_empty() { None } else { Some(at.get_mut(all)) }
}

fn removed<T>(all: &mut Vec<T>, at: &Index) -> Option<T> {
    if all.is_empty() { None } else { Some(all.remove(at.index(all.len()))) }
}

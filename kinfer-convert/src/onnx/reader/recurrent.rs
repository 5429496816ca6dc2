//! GRU and LSTM: one time step, whose state the caller keeps from decision to decision.

use std::collections::HashSet;

use tract_onnx::pb::{GraphProto, NodeProto};

use super::super::GraphError;
use super::super::node::{attribute, int};
use super::context::Context;
use super::value::Value;
use crate::graph::{Cell, CellKind, Operator};

/// Y, Y_h, and of an LSTM Y_c.
pub(super) fn cell(context: &mut Context<'_>) -> Result<Vec<Value>, GraphError> {
    let is_lstm = context.node.op_type == "LSTM";
    let tensor = context.tensor(0)?;
    let steps = match tensor.dims[..] {
        [sequence, 1, _] if int(context.node, "layout", 0) == 0 => sequence,
        [1, sequence, _] => sequence,
        _ => 0,
    };
    if steps != 1 {
        return Err(context.wrong(
            format!("its input of shape {:?} is not one time step of one row", tensor.dims),
            "export one step (a sequence of length 1): the caller keeps the state from decision to decision",
        ));
    }
    plain(context, is_lstm)?;
    let gates = if is_lstm { 4 } else { 3 };
    let hidden = usize::try_from(int(context.node, "hidden_size", 0)).unwrap_or(0);
    let rows = gates * hidden.min(1 << 16);
    let parameter = |index: usize, dims: &[usize]| {
        let constant = context.constant(index)?;
        let wrong = || {
            let what = format!("`{}` of shape {:?} is not of shape {dims:?}", constant.name, constant.dims);
            context.wrong(what, "the file is damaged: export it again")
        };
        if constant.dims == dims && hidden > 0 { constant.numbers() } else { Err(wrong()) }
    };
    let inputs = tensor.width();
    let w = parameter(1, &[1, rows, inputs])?;
    let r = parameter(2, &[1, rows, hidden])?;
    let b = if context.optional(3).is_some() { parameter(3, &[1, 2 * rows])? } else { vec![] };
    let last = if is_lstm { 6 } else { 5 };
    for index in 5..=last {
        initial(context, index)?;
    }
    let linear_before_reset = int(context.node, "linear_before_reset", 0) != 0;
    let kind = if is_lstm { CellKind::Lstm } else { CellKind::Gru { linear_before_reset } };
    context.fits(&[1, hidden])?;
    let cell = Operator::Cell(Cell { kind, hidden, w, r, b });
    let made = context.push(cell, vec![tensor.id], vec![1, hidden]);
    let all = context.value(Operator::Reshape, vec![made.id], vec![1, 1, 1, hidden]);
    let last = context.value(Operator::Reshape, vec![made.id], vec![1, 1, hidden]);
    let name = context.site.name.clone();
    Ok(if is_lstm { vec![all, last, Value::State(name)] } else { vec![all, last] })
}

/// That nothing but the default is asked for.
fn plain(context: &Context<'_>, is_lstm: bool) -> Result<(), GraphError> {
    let text = |name: &str| attribute(context.node, name).map(|a| String::from_utf8_lossy(&a.s).to_lowercase());
    if text("direction").is_some_and(|direction| direction != "forward") {
        return Err(context.unsupported("it runs backwards: a decision knows no later step"));
    }
    let default: &[&[u8]] = if is_lstm { &[b"sigmoid", b"tanh", b"tanh"] } else { &[b"sigmoid", b"tanh"] };
    if let Some(activations) = attribute(context.node, "activations") {
        let are_default = activations
            .strings
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .eq(default.iter().map(|name| name.to_vec()));
        if !are_default {
            return Err(context.unsupported("its activations are not Sigmoid and Tanh"));
        }
    }
    for name in ["clip", "input_forget"] {
        if attribute(context.node, name).is_some_and(|attribute| attribute.f != 0.0 || attribute.i != 0) {
            return Err(context.unsupported(format!("attribute {name}")));
        }
    }
    if is_lstm && context.optional(7).is_some() {
        let peepholes = context.constant(7)?.numbers()?;
        if peepholes.iter().any(|&weight| weight != 0.0) {
            return Err(context.unsupported("it has peepholes"));
        }
    }
    if let Some(Value::Constant(lengths)) = context.optional(4)
        && lengths.numbers()?.iter().any(|&length| length != 1.0)
    {
        return Err(context.unsupported("its sequence is not one step"));
    }
    Ok(())
}

/// An initial state is zero, or what the caller keeps.
fn initial(context: &Context<'_>, index: usize) -> Result<(), GraphError> {
    match context.optional(index) {
        None | Some(Value::State(_)) => Ok(()),
        Some(Value::Constant(constant)) if constant.numbers()?.iter().all(|&value| value == 0.0) => Ok(()),
        Some(other) => Err(context.wrong(
            format!("its initial state is {}", other.describe()),
            "leave it out, or make it zeros or an input of the model",
        )),
    }
}

/// Inputs that are nothing but initial states of cells.
pub(super) fn states<'a>(graph: &'a GraphProto, nodes: &[&'a NodeProto]) -> HashSet<&'a str> {
    let names = graph.input.iter().map(|input| input.name.as_str());
    names.filter(|name| is_state(name, nodes)).collect()
}

fn is_state(name: &str, nodes: &[&NodeProto]) -> bool {
    let mut names = HashSet::from([name]);
    let mut found = false;
    for node in nodes {
        let read: Vec<usize> = (0..node.input.len()).filter(|&at| names.contains(node.input[at].as_str())).collect();
        for index in read {
            match (node.op_type.as_str(), index) {
                ("GRU" | "LSTM", 5 | 6) => found = true,
                ("Shape", 0) => {}
                (
                    "Identity" | "Cast" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" | "Slice" | "Gather"
                    | "Split" | "Expand",
                    0,
                ) => names.extend(node.output.iter().map(String::as_str)),
                _ => return false,
            }
        }
    }
    found
}

//! Nodes in the order in which they are read, calls of the model's own functions replaced by their bodies.

use std::borrow::Cow;
use std::collections::HashMap;

use tract_onnx::pb::{FunctionProto, ModelProto, NodeProto, OperatorSetIdProto};

use super::super::GraphError;
use super::super::node::Site;

/// Nodes that inlining may make: functions that call functions grow exponentially.
const MOST_NODES: usize = 1 << 16;
const DEEPEST: usize = 32;

/// A node, and the version of ai.onnx that its operator is of.
pub(super) struct Placed<'a> {
    pub(super) node: Cow<'a, NodeProto>,
    pub(super) opset: i64,
}

/// The nodes of the model's graph.
pub(super) fn nodes(model: &ModelProto, opset: i64) -> Result<Vec<Placed<'_>>, GraphError> {
    let mut placed = Vec::new();
    let functions = Functions(&model.functions);
    for node in model.graph.iter().flat_map(|graph| &graph.node) {
        functions.place(Cow::Borrowed(node), opset, 0, &mut placed)?;
    }
    Ok(placed)
}

/// Version of ai.onnx among imports.
pub(super) fn version(imports: &[OperatorSetIdProto], domain: &str) -> Option<i64> {
    let is_domain = |name: &str| name == domain || (domain.is_empty() && name == "ai.onnx");
    imports.iter().find(|import| is_domain(&import.domain)).map(|import| import.version)
}

struct Functions<'a>(&'a [FunctionProto]);

impl<'a> Functions<'a> {
    fn find(&self, node: &NodeProto) -> Option<&'a FunctionProto> {
        let is_called = |function: &&FunctionProto| {
            function.name.as_deref() == Some(&node.op_type)
                && function.domain.as_deref().unwrap_or_default() == node.domain
        };
        self.0.iter().find(is_called)
    }

    fn place(
        &self,
        node: Cow<'a, NodeProto>,
        opset: i64,
        depth: usize,
        placed: &mut Vec<Placed<'a>>,
    ) -> Result<(), GraphError> {
        let refuse = |what: &str| {
            let advice = "export it with its functions inlined (onnx.inliner.inline_local_functions)";
            Err(GraphError::node(&Site::of(&node), what, advice))
        };
        let Some(function) = self.find(&node) else {
            if placed.len() >= MOST_NODES {
                return refuse("its functions make more than 65,536 nodes");
            }
            placed.push(Placed { node, opset });
            return Ok(());
        };
        if depth == DEEPEST {
            return refuse("its functions call one another over 32 deep, or without end");
        }
        let opset = version(&function.opset_import, "").unwrap_or(opset);
        let scope = Scope::new(&node, function, placed.len());
        for inner in &function.node {
            self.place(Cow::Owned(scope.renamed(inner)), opset, depth + 1, placed)?;
        }
        Ok(())
    }
}

/// Names inside a call: parameters are those of the call, the others get a prefix of their own.
struct Scope<'a> {
    call: &'a NodeProto,
    names: HashMap<&'a str, &'a str>,
    prefix: String,
}

impl<'a> Scope<'a> {
    fn new(call: &'a NodeProto, function: &'a FunctionProto, place: usize) -> Self {
        let missing = "";
        let given = |names: &'a [String], at: usize| names.get(at).map_or(missing, String::as_str);
        let inputs = function.input.iter().enumerate().map(|(at, name)| (name.as_str(), given(&call.input, at)));
        let outputs = function.output.iter().enumerate().map(|(at, name)| (name.as_str(), given(&call.output, at)));
        let outputs = outputs.filter(|(_, given)| !given.is_empty());
        Self { call, names: inputs.chain(outputs).collect(), prefix: format!("{}/{place}/", Site::of(call).name) }
    }

    fn name(&self, inner: &str) -> String {
        match self.names.get(inner) {
            Some(outer) => (*outer).into(),
            None if inner.is_empty() => String::new(),
            None => format!("{}{inner}", self.prefix),
        }
    }

    fn renamed(&self, inner: &NodeProto) -> NodeProto {
        let mut node = inner.clone();
        node.name = if inner.name.is_empty() { String::new() } else { format!("{}{}", self.prefix, inner.name) };
        node.input.iter_mut().chain(&mut node.output).for_each(|name| *name = self.name(name));
        node.attribute.retain_mut(|attribute| {
            if attribute.ref_attr_name.is_empty() {
                return true;
            }
            // An attribute of the call under the name that the operator has for it.
            let given = self.call.attribute.iter().find(|given| given.name == attribute.ref_attr_name);
            if let Some(given) = given {
                let name = std::mem::take(&mut attribute.name);
                *attribute = given.clone();
                attribute.name = name;
            }
            given.is_some()
        });
        node
    }
}

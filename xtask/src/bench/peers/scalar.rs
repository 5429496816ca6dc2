//! Plain C with constant sizes, by `gcc -O3 -mgeneral-regs-only`: what kinfer has to be worth its trouble against.

use std::fmt::{Display, Write as _};
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use kinfer_bench_cases::cases::Body;
use kinfer_bench_cases::forest::{Forest, Node};
use kinfer_bench_cases::network::{Activation, Layer, Network, Scaling};

use super::{Peer, compile, reason, source_folder};
use crate::bench::files::Folder;
use crate::steps::Step;

pub(super) fn build(step: &Step<'_>, folders: &[&Folder<'_>]) -> Vec<(&'static str, Peer)> {
    let peer = |folder: &&Folder<'_>| {
        let object = object(step, folder).map_err(reason);
        (folder.case.name, Peer { name: "gcc_scalar", object })
    };
    folders.iter().map(peer).collect()
}

fn object(step: &Step<'_>, folder: &Folder<'_>) -> Result<PathBuf> {
    let (row, code) = match &folder.case.body {
        Body::Network(network) => (element(network), of_network(network)),
        Body::Forest(forest) => ("int16_t", of_forest(forest)),
    };
    let row = format!("-DROW={row}");
    let source = folder.dir.join("evaluate.c");
    fs::write(&source, code)?;
    let evaluate = compile(step, &source, &["-c", "-mgeneral-regs-only", "-fvisibility=hidden", &row], &[])?;
    let peer = folder.dir.join("scalar.c");
    fs::copy(source_folder().join("scalar.c"), &peer)?;
    compile(step, &peer, &["-shared", &row, &evaluate.to_string_lossy()], &[])
}

/// The type of a network's activations.
fn element(network: &Network) -> &'static str {
    if network.top() == 127 { "int8_t" } else { "int16_t" }
}

fn of_network(network: &Network) -> String {
    let element = element(network);
    let mut arrays = String::from("#include \"scalar.h\"\n\n");
    let mut body = String::new();
    let (mut input, count) = ("x".to_owned(), network.layers.len());
    for (i, layer) in network.layers.iter().enumerate() {
        let Layer { inputs, outputs, .. } = *layer;
        let rows: Vec<String> = layer.weights.chunks_exact(inputs).map(|row| format!("{{{}}}", list(row))).collect();
        array(&mut arrays, "int8_t", &format!("w{i}[{outputs}][{inputs}]"), &rows);
        array(&mut arrays, "int32_t", &format!("b{i}[{outputs}]"), &layer.biases);
        if network.scaling == Scaling::PerChannel && layer.activation != Activation::Score {
            array(&mut arrays, "int32_t", &format!("m{i}[{outputs}]"), &layer.multipliers);
        }
        if layer.activation == Activation::Sigmoid {
            array(&mut arrays, "int8_t", &format!("t{i}[256]"), &layer.sigmoid_table());
        }
        let output = if i + 1 == count { "scores".to_owned() } else { format!("h{i}") };
        if i + 1 < count {
            let _ = writeln!(body, "\t{element} {output}[{outputs}];");
        }
        let finish = finish(i, layer, network);
        let _ = writeln!(body, "\tDENSE({input}, {inputs}, {output}, {outputs}, w{i}, b{i}, {finish})");
        input = output;
    }
    format!("{arrays}\nvoid evaluate(const row_t *x, int32_t *scores)\n{{\n{body}}}\n")
}

/// The C expression that makes an output of accumulator `a` of channel `j`.
fn finish(index: usize, layer: &Layer, network: &Network) -> String {
    let shift = layer.shift;
    let scaled = match network.scaling {
        Scaling::PerChannel => format!("half_even((int64_t)a * m{index}[j], {shift})"),
        Scaling::PowerOfTwo => format!("a >> {shift}"),
    };
    match layer.activation {
        Activation::Score => "a".to_owned(),
        Activation::Relu => format!("clamp({scaled}, 0, {})", network.top()),
        Activation::Sigmoid => format!("t{index}[clamp({scaled}, -128, 127) + 128]"),
    }
}

/// Nodes of all trees in arrays, walked until a leaf.
fn of_forest(forest: &Forest) -> String {
    let mut nodes = Nodes::default();
    let roots: Vec<usize> = forest.trees.iter().map(|tree| nodes.push(tree)).collect();
    let mut code = String::from("#include \"scalar.h\"\n\n");
    array(&mut code, "int8_t", "feature[]", &nodes.features);
    array(&mut code, "int16_t", "threshold[]", &nodes.thresholds);
    array(
        &mut code,
        "uint16_t",
        "child[][2]",
        &nodes.children.iter().map(|pair| format!("{{{}}}", list(pair))).collect::<Vec<_>>(),
    );
    array(&mut code, "uint16_t", "value[]", &nodes.values);
    array(&mut code, "uint16_t", "root[]", &roots);
    let _ = write!(
        code,
        "\nvoid evaluate(const row_t *x, int32_t *scores)\n{{\n\tint32_t sum = 0;\n\n\
         \tfor (int i = 0; i < {}; i++) {{\n\t\tint n = root[i];\n\n\
         \t\twhile (feature[n] >= 0)\n\t\t\tn = child[n][x[feature[n]] > threshold[n]];\n\
         \t\tsum += value[n];\n\t}}\n\t*scores = sum;\n}}\n",
        forest.trees.len(),
    );
    code
}

#[derive(Default)]
struct Nodes {
    features: Vec<i32>,
    thresholds: Vec<i32>,
    children: Vec<[usize; 2]>,
    values: Vec<i32>,
}

impl Nodes {
    fn push(&mut self, node: &Node) -> usize {
        let at = self.features.len();
        let (feature, threshold, value) = match node {
            Node::Leaf(value) => (-1, 0, *value),
            Node::Split { feature, threshold, .. } => (*feature as i32, *threshold, 0),
        };
        self.features.push(feature);
        self.thresholds.push(threshold);
        self.values.push(value);
        self.children.push([0, 0]);
        if let Node::Split { children, .. } = node {
            let [left, right] = children.as_ref();
            self.children[at] = [self.push(left), self.push(right)];
        }
        at
    }
}

fn array<T: Display>(code: &mut String, kind: &str, declarator: &str, values: &[T]) {
    let _ = writeln!(code, "static const {kind} {declarator} = {{{}}};", list(values));
}

fn list<T: Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

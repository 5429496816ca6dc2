//! Cases as model files.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Leaves, Rounding};
use kinfer_convert::kinf::{
    DenseSpec, EntriesSpec, FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, RowsSpec, StepSpec, TableSpec, TensorSpec,
    TreeNodeSpec, TreeSpec, TreesSpec,
};

use crate::forest::{Forest, Node, RANGE};
use crate::network::{Activation, Layer, Network, Scaling};

/// One raw counter an input, which is the quantised input already.
pub(crate) fn network(network: &Network) -> ModelSpec {
    let width = network.layers[0].inputs;
    let mut tensors = vec![tensor(network.element, width, network.layers[0].input_scale)];
    let mut operators = Vec::new();
    for layer in &network.layers {
        let input = tensors.len() as u16 - 1;
        operators.push(dense(network, layer, input));
        let element = if layer.activation == Activation::Score { ElementType::I32 } else { network.element };
        tensors.push(tensor(element, layer.outputs, layer.output_scale));
        if layer.activation == Activation::Sigmoid {
            let entries = EntriesSpec::I8(layer.sigmoid_table());
            operators.push(OperatorSpec::Table(TableSpec { input: input + 1, output: input + 2, entries }));
            tensors.push(tensor(element, layer.outputs, layer.active_scale(element)));
        }
    }
    ModelSpec {
        features: features(width, network.input),
        program: copies(width, network.input),
        head: head(tensors.len() - 1, network.layers[network.layers.len() - 1].outputs),
        outcomes: (0..network.layers[network.layers.len() - 1].outputs.max(2)).map(|k| format!("class {k}")).collect(),
        tensors,
        operators,
        provenance: vec![("made by".into(), "benches/cases".into())],
    }
}

/// Decimal digits of LinnOS's counters: I/Os in the queue now and at the last four arrivals, microseconds that the last four
/// took (Hao et al., "LinnOS: Predictability on Unpredictable Flash Storage with a Light Neural Network", OSDI 2020).
const LINNOS: [(&str, u16); 9] = [
    ("queue", 3),
    ("queue 1 ago", 3),
    ("queue 2 ago", 3),
    ("queue 3 ago", 3),
    ("queue 4 ago", 3),
    ("latency 1 ago", 4),
    ("latency 2 ago", 4),
    ("latency 3 ago", 4),
    ("latency 4 ago", 4),
];

/// A network whose inputs are the digits of LinnOS's counters.
pub(crate) fn linnos_raw(of: &Network) -> ModelSpec {
    let feature = |&(name, digits): &(&str, u16)| FeatureSpec {
        name: name.into(),
        unit: if digits == 3 { "ios" } else { "us" }.into(),
        lo: 0,
        hi: 10i64.pow(digits.into()) - 1,
    };
    let step = |(source, &(_, count)): (u16, &(&str, u16))| StepSpec::Digits { source, count, base: 0 };
    let program = (0..).zip(&LINNOS).map(step).collect();
    ModelSpec { features: LINNOS.iter().map(feature).collect(), program, ..network(of) }
}

/// The counters that have these digits.
pub(crate) fn linnos_counters(mut digits: &[i32]) -> Vec<i64> {
    let counter = |&(_, count): &(&str, u16)| {
        let (mine, rest) = digits.split_at(count.into());
        digits = rest;
        mine.iter().fold(0, |value, &digit| 10 * value + i64::from(digit))
    };
    LINNOS.iter().map(counter).collect()
}

/// One raw counter a feature, its value the feature.
pub(crate) fn forest(forest: &Forest) -> ModelSpec {
    let tree = |tree: &Node| {
        let mut nodes = Vec::new();
        push(tree, &mut nodes);
        TreeSpec { class: 0, nodes }
    };
    let mut trees = TreesSpec {
        input: 0,
        output: 1,
        leaves: Leaves::Value,
        missing: false,
        trees: forest.trees.iter().map(tree).collect(),
        bases: vec![0],
    };
    trees.sort();
    ModelSpec {
        features: features(forest.features, (0, RANGE - 1)),
        program: copies(forest.features, (0, RANGE - 1)),
        tensors: vec![tensor(ElementType::I16, forest.features, 1.0), tensor(ElementType::I32, 1, forest.unit())],
        operators: vec![OperatorSpec::Trees(trees)],
        head: HeadSpec { kind: HeadKind::Threshold(I32F32::lit("0.5")), ..head(1, 1) },
        outcomes: vec!["fast".into(), "slow".into()],
        provenance: vec![("made by".into(), "benches/cases".into())],
    }
}

/// Appends a tree's nodes; where its root is.
fn push(node: &Node, nodes: &mut Vec<TreeNodeSpec>) -> usize {
    let at = nodes.len();
    match node {
        Node::Leaf(value) => nodes.push(TreeNodeSpec::Leaf(vec![*value])),
        Node::Split { feature, threshold, children } => {
            nodes.push(TreeNodeSpec::Leaf(Vec::new())); // its place, until the children are known
            let (left, right) = (push(&children[0], nodes), push(&children[1], nodes));
            let (feature, threshold) = (*feature as u16, *threshold as i16);
            nodes[at] = TreeNodeSpec::Split { feature, threshold, left, right, missing_right: false };
        }
    }
    at
}

fn dense(network: &Network, layer: &Layer, input: u16) -> OperatorSpec {
    let (lo, hi) = match layer.activation {
        Activation::Score => (i32::MIN, i32::MAX),
        Activation::Relu => (0, network.top()),
        Activation::Sigmoid => network.element.range(),
    };
    OperatorSpec::Dense(DenseSpec {
        input,
        output: input + 1,
        rows: RowsSpec {
            weights: layer.weights.clone().into(),
            biases: layer.biases.clone(),
            multipliers: layer.multipliers.clone(),
            shifts: vec![layer.shift; layer.outputs],
            rounding: if network.scaling == Scaling::PowerOfTwo { Rounding::Shift } else { Rounding::HalfEven },
            lo,
            hi,
        },
        skip_zeros: network.skip_zeros,
    })
}

fn features(count: usize, (lo, hi): (i32, i32)) -> Vec<FeatureSpec> {
    let feature = |i| FeatureSpec { name: format!("x{i}"), unit: "count".into(), lo: lo.into(), hi: hi.into() };
    (0..count).map(feature).collect()
}

/// Inputs that are raw counters; the verifier proves sums from their bounds.
fn copies(count: usize, (lo, hi): (i32, i32)) -> Vec<StepSpec> {
    (0..count as u16).map(|source| StepSpec::Copy { source, lo, hi }).collect()
}

fn tensor(element: ElementType, elements: usize, scale: f64) -> TensorSpec {
    TensorSpec { element, dims: vec![elements as u32], zero_point: 0, scale: U32F96::from_num(scale) }
}

fn head(scores: usize, outputs: usize) -> HeadSpec {
    let kind = if outputs == 1 { HeadKind::Threshold(I32F32::ZERO) } else { HeadKind::ArgMax };
    HeadSpec { kind, scores: scores as u16, low_margin: I32F32::ZERO }
}

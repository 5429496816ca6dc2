//! Cases as ONNX files, for peers that read them: the float network that the integer one is the quantisation of, and the
//! same in ONNX's own int8 (QuantizeLinear and DequantizeLinear around every layer).

mod graph;

use crate::cases::{Body, Case};
use crate::forest::{Forest, Node, SURE};
use crate::network::{Activation, Layer, Network};
use graph::{Attribute, Graph};

/// The name of the output.
const SCORES: &str = "scores";

/// The case in float. One row a run: `x` is `[1, inputs]`.
pub fn float(case: &Case) -> Vec<u8> {
    let mut graph = Graph::default();
    match &case.body {
        Body::Network(network) => float_layers(&mut graph, network),
        Body::Forest(forest) => ensemble(&mut graph, forest),
    }
    graph.finish(SCORES, case.rows()[0].len(), case.outputs())
}

/// The network in int8, for those that have such inputs.
pub fn int8(network: &Network) -> Vec<u8> {
    let mut graph = Graph::default();
    let mut scale = network.layers[0].input_scale;
    let mut at = quantized(&mut graph, "x", 0, scale, 0);
    for (index, layer) in network.layers.iter().enumerate() {
        let name = |part: &str| format!("{part}{index}");
        // Seven bits, as ONNX Runtime advises: its sums of two products saturate at 16 bits on processors without VNNI.
        let weights: Vec<i8> = layer.weights.iter().map(|&w| (f64::from(w) / 2.0).round() as i8).collect();
        let steps: Vec<f64> = (0..layer.outputs).map(|j| 2.0 * layer.weight_scale(j)).collect();
        graph.int8s(&name("w"), &[layer.outputs, layer.inputs], &weights);
        graph.int8s(&name("wz"), &[layer.outputs], &vec![0; layer.outputs]);
        dequantized(&mut graph, "w", index, &steps);

        // The scale of a bias has to be that of the products.
        let steps: Vec<f64> = steps.iter().map(|step| step * scale).collect();
        let real = |(j, &bias): (usize, &i64)| bias as f64 * layer.weight_scale(j) * layer.input_scale;
        let biases = layer.biases.iter().enumerate().map(real).zip(&steps);
        let biases: Vec<i32> = biases.map(|(bias, step)| (bias / step).round() as i32).collect();
        graph.int32s(&name("b"), &[layer.outputs], &biases);
        graph.int32s(&name("bz"), &[layer.outputs], &vec![0; layer.outputs]);
        dequantized(&mut graph, "b", index, &steps);

        let out = if layer.activation == Activation::Score { SCORES.to_owned() } else { name("gemm") };
        graph.node("Gemm", &[&at, &name("wf"), &name("bf")], &out, &[Attribute::int("transB", 1)]);
        (at, scale) = match layer.activation {
            Activation::Score => break,
            // ONNX Runtime folds a Relu into the QuantizeLinear behind it where the zero point is the least value.
            Activation::Relu => {
                graph.node("Relu", &[&out], &name("active"), &[]);
                let scale = layer.output_scale * 127.0 / 255.0;
                (quantized(&mut graph, &name("active"), 2 * index + 2, scale, -128), scale)
            }
            Activation::Sigmoid => {
                let before = quantized(&mut graph, &out, 2 * index + 1, layer.output_scale, 0);
                graph.node("Sigmoid", &[&before], &name("active"), &[]);
                (quantized(&mut graph, &name("active"), 2 * index + 2, 1.0 / 256.0, -128), 1.0 / 256.0)
            }
        };
    }
    graph.finish(SCORES, network.layers[0].inputs, network.layers[network.layers.len() - 1].outputs)
}

/// DequantizeLinear of the constant `part`, a scale a channel.
fn dequantized(graph: &mut Graph, part: &str, index: usize, scales: &[f64]) {
    let [constant, zero, scale, out] = ["", "z", "s", "f"].map(|kind| format!("{part}{kind}{index}"));
    graph.floats(&scale, &[scales.len()], &scales.iter().map(|&scale| scale as f32).collect::<Vec<_>>());
    graph.node("DequantizeLinear", &[&constant, &scale, &zero], &out, &[Attribute::int("axis", 0)]);
}

fn float_layers(graph: &mut Graph, network: &Network) {
    let mut at = "x".to_owned();
    for (index, layer) in network.layers.iter().enumerate() {
        let name = |part: &str| format!("{part}{index}");
        let (weights, biases) = float_parameters(layer);
        graph.floats(&name("w"), &[layer.outputs, layer.inputs], &weights);
        graph.floats(&name("b"), &[layer.outputs], &biases);
        let out = if layer.activation == Activation::Score { SCORES.to_owned() } else { name("gemm") };
        graph.node("Gemm", &[&at, &name("w"), &name("b")], &out, &[Attribute::int("transB", 1)]);
        at = out;
        if layer.activation != Activation::Score {
            graph.node(operator(layer.activation), &[&at], &name("active"), &[]);
            at = name("active");
        }
    }
}

/// Weights and biases in real units.
pub fn float_parameters(layer: &Layer) -> (Vec<f32>, Vec<f32>) {
    let rows = layer.weights.chunks_exact(layer.inputs).enumerate();
    let weights = rows.flat_map(|(j, row)| row.iter().map(move |&w| (f64::from(w) * layer.weight_scale(j)) as f32));
    let biases = layer.biases.iter().enumerate();
    let biases = biases.map(|(j, &bias)| (bias as f64 * layer.weight_scale(j) * layer.input_scale) as f32);
    (weights.collect(), biases.collect())
}

fn operator(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "Relu",
        Activation::Sigmoid => "Sigmoid",
        Activation::Score => unreachable!("a score has no activation"),
    }
}

/// QuantizeLinear and DequantizeLinear with int8.
fn quantized(graph: &mut Graph, of: &str, index: usize, scale: f64, zero_point: i8) -> String {
    let name = |part: &str| format!("{part}{index}");
    graph.floats(&name("qs"), &[], &[scale as f32]);
    graph.int8s(&name("qz"), &[], &[zero_point]);
    let (qs, qz) = (name("qs"), name("qz"));
    graph.node("QuantizeLinear", &[of, &qs, &qz], &name("q"), &[]);
    graph.node("DequantizeLinear", &[&name("q"), &qs, &qz], &name("dq"), &[]);
    name("dq")
}

/// `TreeEnsembleRegressor` of ai.onnx.ml, the mean of the trees.
fn ensemble(graph: &mut Graph, forest: &Forest) {
    let nodes = Nodes::of(forest);
    let mut attributes = nodes.attributes();
    attributes.extend([
        Attribute::int("n_targets", 1),
        Attribute::string("aggregate_function", "AVERAGE"),
        Attribute::ints("target_treeids", &nodes.leaf_trees),
        Attribute::ints("target_nodeids", &nodes.leaf_nodes),
        Attribute::ints("target_ids", &vec![0; nodes.leaf_trees.len()]),
        Attribute::floats("target_weights", &nodes.weights),
    ]);
    graph.ml_node("TreeEnsembleRegressor", &["x"], &[SCORES], &attributes);
}

/// The forest as `TreeEnsembleClassifier` of ai.onnx.ml, whose scores are the shares of both classes: tract has no
/// regressor.
pub fn classifier(forest: &Forest) -> Vec<u8> {
    let nodes = Nodes::of(forest);
    let trees = forest.trees.len() as f32;
    let both = |ids: &[i64]| ids.iter().flat_map(|&id| [id, id]).collect::<Vec<i64>>();
    let weights: Vec<f32> = nodes.weights.iter().flat_map(|&share| [(1.0 - share) / trees, share / trees]).collect();
    let classes: Vec<i64> = nodes.weights.iter().flat_map(|_| [0, 1]).collect();
    let mut attributes = nodes.attributes();
    attributes.extend([
        Attribute::ints("classlabels_int64s", &[0, 1]),
        Attribute::string("post_transform", "NONE"),
        Attribute::ints("class_treeids", &both(&nodes.leaf_trees)),
        Attribute::ints("class_nodeids", &both(&nodes.leaf_nodes)),
        Attribute::ints("class_ids", &classes),
        Attribute::floats("class_weights", &weights),
    ]);
    let mut graph = Graph::default();
    graph.ml_node("TreeEnsembleClassifier", &["x"], &["label", SCORES], &attributes);
    graph.finish(SCORES, forest.features, 2)
}

/// The ensemble's columns.
#[derive(Default)]
struct Nodes {
    trees: Vec<i64>,
    ids: Vec<i64>,
    features: Vec<i64>,
    thresholds: Vec<f32>,
    modes: Vec<&'static str>,
    left: Vec<i64>,
    right: Vec<i64>,
    leaf_trees: Vec<i64>,
    leaf_nodes: Vec<i64>,
    weights: Vec<f32>,
}

impl Nodes {
    fn of(forest: &Forest) -> Self {
        let mut nodes = Self::default();
        for (tree, root) in forest.trees.iter().enumerate() {
            nodes.push(root, tree as i64, &mut 0);
        }
        nodes
    }

    /// Those that both operators have.
    fn attributes(&self) -> Vec<Attribute> {
        vec![
            Attribute::ints("nodes_treeids", &self.trees),
            Attribute::ints("nodes_nodeids", &self.ids),
            Attribute::ints("nodes_featureids", &self.features),
            Attribute::floats("nodes_values", &self.thresholds),
            Attribute::strings("nodes_modes", &self.modes),
            Attribute::ints("nodes_truenodeids", &self.left),
            Attribute::ints("nodes_falsenodeids", &self.right),
            Attribute::ints("nodes_missing_value_tracks_true", &vec![0; self.trees.len()]),
        ]
    }

    fn push(&mut self, node: &Node, tree: i64, next: &mut i64) -> i64 {
        let (id, at) = (*next, self.ids.len());
        *next += 1;
        self.trees.push(tree);
        self.ids.push(id);
        match node {
            Node::Leaf(value) => {
                self.row(0, 0.0, "LEAF");
                self.leaf_trees.push(tree);
                self.leaf_nodes.push(id);
                self.weights.push(*value as f32 / SURE as f32);
            }
            Node::Split { feature, threshold, children } => {
                self.row(*feature as i64, *threshold as f32, "BRANCH_LEQ");
                self.left[at] = self.push(&children[0], tree, next);
                self.right[at] = self.push(&children[1], tree, next);
            }
        }
        id
    }

    fn row(&mut self, feature: i64, threshold: f32, mode: &'static str) {
        self.features.push(feature);
        self.thresholds.push(threshold);
        self.modes.push(mode);
        self.left.push(0);
        self.right.push(0);
    }
}

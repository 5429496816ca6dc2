//! The same scores by fewer operators: what exporters write apart is put together again.
//!
//! A pass walks the nodes in order and writes each into a new graph, by the first rule that fits it and what is before it
//! there. Passes repeat until one changes nothing. `moves` lets the reorderings of elements cancel or vanish in weights,
//! `fold` merges what is linear, `distances` and `functions` find the names of functions that were written out.
//!
//! Normalisation stays apart from the layer behind it: the features of a decision differ by orders of magnitude, and
//! their program scales each for itself.

mod distances;
mod fold;
mod functions;
mod moves;
mod shapes;

use super::{Graph, Node, Operator, ValueId};

/// Passes after which it ends in any case; two rules that undo one another must not run forever.
const MOST_PASSES: usize = 64;

impl Graph {
    /// A graph of the same scores, without dead nodes and with as few as the rules find.
    pub fn simplified(&self) -> Self {
        let mut graph = self.clone();
        for _ in 0..MOST_PASSES {
            let next = pass(&graph);
            if next == graph {
                break;
            }
            graph = next;
        }
        shapes::shaped(live(&graph))
    }
}

/// The nodes that the scores depend on.
fn live(graph: &Graph) -> Graph {
    let mut is_live = vec![false; graph.nodes.len() + 1];
    is_live[graph.scores] = true;
    for (at, node) in graph.nodes.iter().enumerate().rev() {
        if is_live[at + 1] {
            node.inputs.iter().for_each(|&input| is_live[input] = true);
        }
    }
    let mut out = Graph::new(graph.features);
    let mut map = vec![0];
    for (at, node) in graph.nodes.iter().enumerate() {
        if is_live[at + 1] {
            let inputs = node.inputs.iter().map(|&input| map[input]).collect();
            out.nodes.push(Node { inputs, ..node.clone() });
        }
        map.push(out.nodes.len());
    }
    out.scores = map[graph.scores];
    out
}

fn pass(graph: &Graph) -> Graph {
    let graph = live(graph);
    let mut uses = vec![0; graph.nodes.len() + 1];
    let read = graph.nodes.iter().flat_map(|node| &node.inputs).chain([&graph.scores]);
    read.for_each(|&value| uses[value] += 1);

    let mut rewrite = Rewrite { out: Graph::new(graph.features), uses: vec![uses[0]] };
    let mut map = vec![0];
    for (at, node) in graph.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().map(|&input| map[input]).collect();
        let before = rewrite.out.nodes.len();
        let node = Node { inputs, ..node.clone() };
        let value = rewrite.place(&node);
        if value > before {
            rewrite.uses[value] = uses[at + 1];
        } else {
            // What read the node reads what stands for it; the node itself no longer does.
            rewrite.uses[value] = (rewrite.uses[value] + uses[at + 1]).saturating_sub(1);
        }
        map.push(value);
    }
    let mut out = rewrite.out;
    out.scores = map[graph.scores];
    live(&out)
}

/// The graph that a pass writes.
struct Rewrite {
    out: Graph,
    /// Readers of each of its values, as far as they are known.
    uses: Vec<usize>,
}

impl Rewrite {
    /// The value that stands for a node, whose inputs are values of the new graph.
    fn place(&mut self, node: &Node) -> ValueId {
        let found = self.moved(node).or_else(|| self.folded(node)).or_else(|| self.named(node));
        match found {
            Some(value) => value,
            None => self.push(&node.name, node.operator.clone(), node.inputs.clone(), node.shape.clone()),
        }
    }

    /// Appends a node, unless there is one that computes the same.
    fn push(&mut self, name: &str, operator: Operator, inputs: Vec<ValueId>, shape: Vec<usize>) -> ValueId {
        let has_weights = matches!(
            operator,
            Operator::Cell(_)
                | Operator::Dense { .. }
                | Operator::Conv(_)
                | Operator::Trees(_)
                | Operator::Distance { .. }
        );
        let is_same = |node: &Node| node.inputs == inputs && node.operator == operator;
        if !has_weights && let Some(at) = self.out.nodes.iter().position(is_same) {
            return at + 1;
        }
        self.uses.push(1);
        self.out.push(name, operator, inputs, shape)
    }

    fn operator(&self, value: ValueId) -> Option<&Operator> {
        self.out.node(value).map(|node| &node.operator)
    }

    /// What a value is computed from, where that is one value.
    fn source(&self, value: ValueId) -> Option<ValueId> {
        match self.out.node(value)?.inputs[..] {
            [input] => Some(input),
            _ => None,
        }
    }

    fn width(&self, value: ValueId) -> usize {
        self.out.width(value)
    }

    /// Whether nothing else reads a value.
    fn is_sole(&self, value: ValueId) -> bool {
        self.uses.get(value) == Some(&1)
    }

    /// Whether a value is features that at most scaling, clamping and moving have touched.
    fn is_feature(&self, value: ValueId) -> bool {
        let Some(node) = self.out.node(value) else { return true };
        match node.operator {
            Operator::Select { .. }
            | Operator::Reshape
            | Operator::Affine { .. }
            | Operator::Clip { .. }
            | Operator::Map(_)
            | Operator::Concat { .. } => node.inputs.iter().all(|&input| self.is_feature(input)),
            _ => false,
        }
    }
}

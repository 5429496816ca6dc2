//! Images have the shape of the window that reads them.

use crate::graph::{Graph, Node, Operator};

/// The graph with a Reshape, which costs nothing, before each window over a value of another shape.
pub(super) fn shaped(graph: Graph) -> Graph {
    let mut out = Graph::new(graph.features);
    let mut map = vec![0];
    for node in &graph.nodes {
        let mut inputs: Vec<_> = node.inputs.iter().map(|&input| map[input]).collect();
        let image = match &node.operator {
            Operator::Conv(conv) => Some(conv.image),
            Operator::Pool(pool) => Some(pool.image),
            _ => None,
        };
        if let (Some(image), [input]) = (image, &mut inputs[..])
            && out.shape(*input) != image
        {
            *input = out.push(node.name.clone(), Operator::Reshape, vec![*input], image.to_vec());
        }
        // Element by element, an image stays one.
        let keeps = matches!(
            node.operator,
            Operator::Affine { .. }
                | Operator::Clip { .. }
                | Operator::Map(_)
                | Operator::Add
                | Operator::Sub
                | Operator::Mul
        );
        let shape = match inputs.first().filter(|_| keeps) {
            Some(&input) if out.width(input) == node.width() => out.shape(input),
            _ => node.shape.clone(),
        };
        out.nodes.push(Node { inputs, shape, ..node.clone() });
        map.push(out.nodes.len());
    }
    out.scores = map[graph.scores];
    out
}

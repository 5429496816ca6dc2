//! What is believed of a graph: sizes that fit, and numbers that are numbers.

use super::wrong;
use crate::error::Result;
use crate::graph::{Function, Graph, Operator};

/// Advice where a graph contradicts itself.
pub(super) const MALFORMED: &str = "this is a mistake in the model or in how it was read; nothing was written";

/// Whether nodes read values before them, of the sizes that they need, and all numbers are finite.
pub(super) fn check(graph: &Graph) -> Result<()> {
    for (index, node) in graph.nodes.iter().enumerate() {
        let malformed = |what: &str| Err(wrong(&node.name, what, MALFORMED));
        if node.inputs.is_empty() || node.inputs.iter().any(|&input| input > index) {
            return malformed("it reads a value that is not there before it");
        }
        let (inputs, width) = (graph.width(node.inputs[0]), node.width());
        let second = node.inputs.get(1).map(|&second| graph.width(second));
        let fits = match &node.operator {
            Operator::Dense { weights, bias } => {
                weights.columns == inputs && weights.rows() == width && bias.len() == width
            }
            Operator::Conv(conv) => {
                let [height, columns, channels] = conv.image;
                let taps = conv.window.kernel.map(usize::from).iter().product::<usize>();
                conv.groups > 0
                    && channels.is_multiple_of(conv.groups)
                    && conv.bias.len().is_multiple_of(conv.groups)
                    && height * columns * channels == inputs
                    && conv.output().iter().product::<usize>() == width
                    && conv.weights.rows() == conv.bias.len()
                    && conv.weights.columns == taps * (channels / conv.groups)
            }
            Operator::Pool(pool) => {
                pool.image.iter().product::<usize>() == inputs && pool.output().iter().product::<usize>() == width
            }
            Operator::Affine { factor, offset } => {
                [factor.len(), offset.len(), inputs].iter().all(|&length| length == width)
            }
            Operator::Clip { .. } | Operator::Map(_) | Operator::Reshape => inputs == width,
            Operator::Softmax { row } => inputs == width && *row > 0 && width.is_multiple_of(*row),
            Operator::Add | Operator::Sub | Operator::Mul => {
                inputs == width && second.is_some_and(|second| second == width || second == 1)
            }
            Operator::Concat { rows } => {
                let widths = node.inputs.iter().map(|&input| graph.width(input));
                *rows > 0
                    && widths.clone().sum::<usize>() == width
                    && widths.clone().all(|one| one.is_multiple_of(*rows))
            }
            Operator::Select { indices } => indices.len() == width && indices.iter().all(|&element| element < inputs),
            Operator::OneHot { categories } => inputs == 1 && categories.len() == width,
            Operator::Trees(ensemble) => {
                let scores = ensemble.bases.len();
                scores == width && ensemble.values().all(|(score, _)| score < scores)
            }
            Operator::Distance { centroids, weights, bias } => {
                let weights = weights.as_ref().is_none_or(|weights| weights.data.len() == centroids.data.len());
                weights && centroids.columns == inputs && centroids.rows() == width && bias.len() == width
            }
            Operator::SquaredError => width == 1 && second == Some(inputs),
            Operator::Cell(cell) => {
                let rows = cell.gates() * cell.hidden;
                width == cell.hidden
                    && cell.w.len() == rows * inputs
                    && cell.r.len() == rows * cell.hidden
                    && (cell.b.is_empty() || cell.b.len() == 2 * rows)
            }
        };
        if !fits || width == 0 {
            return malformed("its sizes do not fit its inputs");
        }
        if !finite(&node.operator) {
            return Err(wrong(
                &node.name,
                "a weight or constant is infinite or not a number",
                "look at the training: a loss that diverged leaves such weights",
            ));
        }
    }
    if graph.scores > graph.nodes.len() || graph.outputs() == 0 {
        return Err(wrong("scores", "the graph has no such value", MALFORMED));
    }
    Ok(())
}

fn finite(operator: &Operator) -> bool {
    let all = |values: &[f64]| values.iter().all(|value| value.is_finite());
    match operator {
        Operator::Dense { weights, bias } => all(&weights.data) && all(bias),
        Operator::Conv(conv) => all(&conv.weights.data) && all(&conv.bias),
        Operator::Affine { factor, offset } => all(factor) && all(offset),
        Operator::Clip { lo, hi } => lo <= hi,
        Operator::Distance { centroids, weights, bias } => {
            all(&centroids.data) && all(bias) && weights.as_ref().is_none_or(|weights| all(&weights.data))
        }
        Operator::Trees(ensemble) => all(&ensemble.bases) && ensemble.values().all(|(_, value)| value.is_finite()),
        Operator::Cell(cell) => all(&cell.w) && all(&cell.r) && all(&cell.b),
        Operator::Map(Function::LeakyRelu { alpha }) => alpha.is_finite(),
        _ => true,
    }
}

//! Which values are functions of one feature an element: what the feature program can make.

use super::chain::{Chain, Unary};
use crate::graph::{Affine, Graph, Operator};

/// An element that one feature gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) feature: usize,
    /// From the feature's real value.
    pub(super) chain: Chain,
}

impl Column {
    /// Whether trees can compare ranks in place of it: it rises or falls, or is one of two values.
    pub(super) fn ranks(&self) -> bool {
        self.chain.direction().is_some()
            || self.chain.0.iter().filter(|unary| matches!(unary, Unary::Equals(_))).count() == 1
    }
}

/// Of every value its columns; nothing for a value of which some element is a function of several features.
pub(super) fn columns(graph: &Graph) -> Vec<Option<Vec<Column>>> {
    let features = (0..graph.features).map(|feature| Column { feature, chain: Chain::default() });
    let mut values = vec![Some(features.collect::<Vec<_>>())];
    for node in &graph.nodes {
        let inputs: Option<Vec<&Vec<Column>>> =
            node.inputs.iter().map(|&input| values.get(input).and_then(Option::as_ref)).collect();
        values.push(inputs.and_then(|inputs| of_node(&node.operator, &inputs)));
    }
    values
}

fn of_node(operator: &Operator, inputs: &[&Vec<Column>]) -> Option<Vec<Column>> {
    let x = *inputs.first()?;
    let each = |unary: &dyn Fn(usize) -> Unary| {
        let of = |(element, column): (usize, &Column)| Column {
            feature: column.feature,
            chain: column.chain.then(unary(element)),
        };
        Some(x.iter().enumerate().map(of).collect())
    };
    match operator {
        Operator::Affine { factor, offset } => {
            each(&|element| Unary::Affine(Affine { factor: factor[element], offset: offset[element] }))
        }
        &Operator::Clip { lo, hi } => each(&|_| Unary::Clip { lo, hi }),
        Operator::Map(function) => each(&|_| Unary::Function(*function)),
        Operator::Select { indices } => indices.iter().map(|&element| x.get(element).cloned()).collect(),
        Operator::Reshape => Some(x.clone()),
        Operator::OneHot { categories } => {
            let column = x.first()?;
            let of =
                |&category: &f64| Column { feature: column.feature, chain: column.chain.then(Unary::Equals(category)) };
            Some(categories.iter().map(of).collect())
        }
        Operator::Concat { rows } => {
            let mut out = vec![];
            for row in 0..*rows {
                for input in inputs {
                    let width = input.len() / rows;
                    out.extend_from_slice(&input[row * width..][..width]);
                }
            }
            Some(out)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Matrix;

    #[test]
    fn what_mixes_features_ends_the_frontier() {
        let mut graph = Graph::new(2);
        let swapped = graph.push("swap", Operator::Select { indices: vec![1, 0] }, vec![0], vec![2]);
        let scaled = graph.push(
            "scale",
            Operator::Affine { factor: vec![2.0, 3.0], offset: vec![0.0; 2] },
            vec![swapped],
            vec![2],
        );
        let both = graph.push("both", Operator::Concat { rows: 1 }, vec![0, scaled], vec![4]);
        let dense = Operator::Dense { weights: Matrix::zeros(1, 4), bias: vec![0.0] };
        let mixed = graph.push("mix", dense, vec![both], vec![1]);
        let columns = columns(&graph);
        let features =
            |value: usize| columns[value].as_ref().unwrap().iter().map(|column| column.feature).collect::<Vec<_>>();
        assert_eq!((features(both), &columns[mixed]), (vec![0, 1, 1, 0], &None));
        assert_eq!(columns[both].as_ref().unwrap()[3].chain.value(5.0), 15.0);
    }
}

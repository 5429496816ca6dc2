//! Select, Reshape and Concat: they sink through what works element by element, cancel, and end in weights.

use super::Rewrite;
use crate::graph::ensemble::{Tree, TreeNode};
use crate::graph::{Cell, Ensemble, Matrix, Node, Operator, ValueId};

/// Whether indices name each of `width` elements once.
pub(super) fn is_permutation(indices: &[usize], width: usize) -> bool {
    let mut seen = vec![false; width];
    indices.len() == width
        && indices.iter().all(|&at| seen.get_mut(at).is_some_and(|seen| !std::mem::replace(seen, true)))
}

fn inverse(indices: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; indices.len()];
    indices.iter().enumerate().for_each(|(at, &index)| inverse[index] = at);
    inverse
}

impl Rewrite {
    /// The value of a node that moves elements, or reads what does.
    pub(super) fn moved(&mut self, node: &Node) -> Option<ValueId> {
        match &node.operator {
            Operator::Reshape => node.inputs.first().copied(),
            Operator::Select { indices } => self.select(node, indices),
            Operator::Concat { rows } => self.concat(node, *rows),
            Operator::Affine { .. } | Operator::Clip { .. } | Operator::Map(_) => self.sunk(node),
            Operator::Add | Operator::Sub | Operator::Mul => self.sunk_pair(node),
            Operator::SquaredError => {
                let (first, p) = self.select_of(*node.inputs.first()?)?;
                let (second, q) = self.select_of(*node.inputs.get(1)?)?;
                let fits = p == q && is_permutation(p, self.width(first));
                fits.then(|| self.push(&node.name, Operator::SquaredError, vec![first, second], node.shape.clone()))
            }
            Operator::Dense { weights, bias } => self.read_by_dense(node, weights, bias),
            Operator::Trees(ensemble) => self.read_by_trees(node, ensemble),
            Operator::Distance { .. } | Operator::Cell(_) => self.read_by_columns(node),
            _ => None,
        }
    }

    /// Input and indices of a value that is a Select.
    fn select_of(&self, value: ValueId) -> Option<(ValueId, &[usize])> {
        match self.operator(value)? {
            Operator::Select { indices } => Some((self.source(value)?, indices)),
            _ => None,
        }
    }

    fn select(&mut self, node: &Node, indices: &[usize]) -> Option<ValueId> {
        let input = *node.inputs.first()?;
        if indices.len() == self.width(input) && indices.iter().enumerate().all(|(at, &index)| at == index) {
            return Some(input);
        }
        if let Some((source, inner)) = self.select_of(input) {
            let indices = indices.iter().map(|&at| inner.get(at).copied()).collect::<Option<Vec<_>>>()?;
            return Some(self.push(&node.name, Operator::Select { indices }, vec![source], node.shape.clone()));
        }
        match self.operator(input)? {
            Operator::Concat { rows } => {
                let (rows, parts) = (*rows, self.out.node(input)?.inputs.clone());
                self.select_of_concat(node, indices, rows, &parts)
            }
            Operator::Dense { weights, bias } if self.is_sole(input) && indices.len() <= bias.len() => {
                let source = self.source(input)?;
                let bias = indices.iter().map(|&at| bias[at]).collect();
                let data = indices.iter().flat_map(|&at| weights.row(at).to_vec()).collect();
                let weights = Matrix { columns: weights.columns, data };
                Some(self.push(&node.name, Operator::Dense { weights, bias }, vec![source], node.shape.clone()))
            }
            _ => None,
        }
    }

    /// Part of a concatenation and element of that part, for each of its elements.
    fn places(&self, rows: usize, parts: &[ValueId]) -> Vec<(usize, usize)> {
        let widths: Vec<usize> = parts.iter().map(|&part| self.width(part) / rows.max(1)).collect();
        let row = |row: usize| {
            let of_part = move |(part, &width): (usize, &usize)| (0..width).map(move |at| (part, row * width + at));
            widths.iter().enumerate().flat_map(of_part)
        };
        (0..rows).flat_map(row).collect()
    }

    fn select_of_concat(&mut self, node: &Node, indices: &[usize], rows: usize, parts: &[ValueId]) -> Option<ValueId> {
        let places = self.places(rows, parts);
        let wanted = indices.iter().map(|&at| places.get(at).copied()).collect::<Option<Vec<_>>>()?;
        let (first, _) = *wanted.first()?;
        if wanted.iter().all(|&(part, _)| part == first) {
            let indices = wanted.into_iter().map(|(_, at)| at).collect();
            return Some(self.push(&node.name, Operator::Select { indices }, vec![parts[first]], node.shape.clone()));
        }
        let widths: Vec<usize> = parts.iter().map(|&part| self.width(part)).collect();
        let divides = |rows: &usize| widths.iter().all(|width| width.is_multiple_of(*rows));
        let smallest = widths.iter().copied().min()?;
        let rows = (1..=smallest).filter(divides).find(|&rows| self.places(rows, parts) == wanted)?;
        Some(self.push(&node.name, Operator::Concat { rows }, parts.to_vec(), node.shape.clone()))
    }

    fn concat(&mut self, node: &Node, rows: usize) -> Option<ValueId> {
        let parts = &node.inputs;
        if let &[only] = &parts[..] {
            return Some(only);
        }
        let is_nested =
            |part: &ValueId| matches!(self.operator(*part), Some(Operator::Concat { rows: inner }) if *inner == rows);
        if parts.iter().any(|part| is_nested(part) && self.is_sole(*part)) {
            let flat = |&part: &ValueId| match self.out.node(part) {
                Some(inner) if is_nested(&part) => inner.inputs.clone(),
                _ => vec![part],
            };
            let flat = parts.iter().flat_map(flat).collect();
            return Some(self.push(&node.name, Operator::Concat { rows }, flat, node.shape.clone()));
        }
        let roots: Vec<ValueId> =
            parts.iter().map(|&part| self.select_of(part).map_or(part, |(root, _)| root)).collect();
        if roots == *parts {
            return None;
        }
        let at_root = |(part, at): (usize, usize)| match self.select_of(parts[part]) {
            Some((_, indices)) => indices.get(at).copied(),
            None => Some(at),
        };
        let places = self.places(rows, parts);
        if roots.iter().all(|&root| root == roots[0]) {
            let indices = places.into_iter().map(at_root).collect::<Option<Vec<_>>>()?;
            return Some(self.push(&node.name, Operator::Select { indices }, vec![roots[0]], node.shape.clone()));
        }
        // Channels of images are joined pixel by pixel, and what reorders them comes after.
        let pixels = |&root: &ValueId| match self.out.shape(root)[..] {
            [height, width, _] => Some(height * width),
            _ => None,
        };
        let pixels = roots.iter().map(pixels).collect::<Option<Vec<_>>>()?;
        let is_whole = |part: usize| match self.select_of(parts[part]) {
            Some((root, indices)) => is_permutation(indices, self.width(root)),
            None => true,
        };
        let joined = pixels[0];
        if pixels.iter().any(|&other| other != joined) || !(0..parts.len()).all(is_whole) {
            return None;
        }
        let mut place_of = std::collections::HashMap::new();
        self.places(joined, &roots).into_iter().enumerate().for_each(|(at, place)| {
            place_of.insert(place, at);
        });
        let indices = places.into_iter().map(|(part, at)| place_of.get(&(part, at_root((part, at))?)).copied());
        let indices = indices.collect::<Option<Vec<_>>>()?;
        let channels = self.out.shape(roots[0])[..2].to_vec();
        let all: usize = roots.iter().map(|&root| self.width(root)).sum();
        let shape = channels.into_iter().chain([all / joined.max(1)]).collect();
        let concat = self.push(&node.name, Operator::Concat { rows: joined }, roots, shape);
        Some(self.push(&node.name, Operator::Select { indices }, vec![concat], node.shape.clone()))
    }

    /// A function of each element, before the reordering instead of behind it.
    fn sunk(&mut self, node: &Node) -> Option<ValueId> {
        let (source, indices) = self.select_of(*node.inputs.first()?)?;
        let width = self.width(source);
        if indices.len() < width {
            return None;
        }
        let indices = indices.to_vec();
        let operator = match &node.operator {
            Operator::Affine { factor, offset } => {
                let spread = |values: &[f64]| -> Option<Vec<f64>> {
                    if is_permutation(&indices, width) {
                        return Some(inverse(&indices).iter().map(|&at| values[at]).collect());
                    }
                    let first = values.first()?;
                    values.iter().all(|value| value == first).then(|| vec![*first; width])
                };
                Operator::Affine { factor: spread(factor)?, offset: spread(offset)? }
            }
            operator => operator.clone(),
        };
        let shape = self.out.shape(source);
        let made = self.push(&node.name, operator, vec![source], shape);
        Some(self.push(&node.name, Operator::Select { indices }, vec![made], node.shape.clone()))
    }

    /// A pair of reordered values, in the order of one of them.
    fn sunk_pair(&mut self, node: &Node) -> Option<ValueId> {
        let &[first, second] = &node.inputs[..] else { return None };
        let permutes = |value: ValueId| {
            let (source, indices) = self.select_of(value)?;
            is_permutation(indices, self.width(source)).then(|| (source, indices.to_vec()))
        };
        let of = |value: ValueId| self.select_of(value).map(|(source, indices)| (source, indices.to_vec()));
        if self.width(second) == 1 && self.width(first) > 1 {
            let (source, indices) = of(first).filter(|(source, indices)| indices.len() >= self.width(*source))?;
            return Some(self.paired(node, [source, second], source, indices));
        }
        // Of the other value, the elements in the order that the first has before it is reordered.
        let turned = |order: &[usize], (source, indices): (ValueId, Vec<usize>)| {
            (source, inverse(order).iter().map(|&at| indices[at]).collect::<Vec<_>>())
        };
        match (permutes(first), of(second), permutes(second), of(first)) {
            (Some((source, order)), Some(other), _, _) => {
                let (root, indices) = turned(&order, other);
                let other = self.selected(node, root, indices, source);
                Some(self.paired(node, [source, other], source, order))
            }
            (_, _, Some((source, order)), Some(other)) => {
                let (root, indices) = turned(&order, other);
                let other = self.selected(node, root, indices, source);
                Some(self.paired(node, [other, source], source, order))
            }
            // The other one is there in that order already.
            (Some((source, order)), None, _, _) => {
                let other = self.existing(second, &inverse(&order))?;
                Some(self.paired(node, [source, other], source, order))
            }
            (_, _, Some((source, order)), None) => {
                let other = self.existing(first, &inverse(&order))?;
                Some(self.paired(node, [other, source], source, order))
            }
            _ => None,
        }
    }

    fn paired(&mut self, node: &Node, inputs: [ValueId; 2], like: ValueId, indices: Vec<usize>) -> ValueId {
        let shape = self.out.shape(like);
        let made = self.push(&node.name, node.operator.clone(), inputs.to_vec(), shape);
        self.push(&node.name, Operator::Select { indices }, vec![made], node.shape.clone())
    }

    fn selected(&mut self, node: &Node, source: ValueId, indices: Vec<usize>, like: ValueId) -> ValueId {
        if indices.len() == self.width(source) && indices.iter().enumerate().all(|(at, &index)| at == index) {
            return source;
        }
        let shape = self.out.shape(like);
        self.push(&node.name, Operator::Select { indices }, vec![source], shape)
    }

    fn existing(&self, source: ValueId, indices: &[usize]) -> Option<ValueId> {
        let is_it = |node: &Node| {
            node.inputs[..] == [source]
                && matches!(&node.operator, Operator::Select { indices: found } if found == indices)
        };
        self.out.nodes.iter().position(is_it).map(|at| at + 1)
    }

    /// A Select becomes columns of the weights that read it, unless those grow for a slice that costs nothing.
    fn read_by_dense(&mut self, node: &Node, weights: &Matrix, bias: &[f64]) -> Option<ValueId> {
        let input = *node.inputs.first()?;
        if let Some((source, indices)) = self.select_of(input) {
            let (width, taken) = (self.width(source), indices.len());
            let is_slice = indices.windows(2).all(|pair| pair[1] == pair[0] + 1);
            if width > taken && (is_slice || width > 4 * taken) {
                return None;
            }
            let weights = scattered(weights, indices, width);
            let dense = Operator::Dense { weights, bias: bias.to_vec() };
            return Some(self.push(&node.name, dense, vec![source], node.shape.clone()));
        }
        let Operator::Concat { rows } = *self.operator(input)? else { return None };
        let parts = self.out.node(input)?.inputs.clone();
        let root = |&part: &ValueId| {
            let (source, indices) = self.select_of(part)?;
            is_permutation(indices, self.width(source)).then_some(source)
        };
        let roots: Vec<Option<ValueId>> = parts.iter().map(root).collect();
        if roots.iter().all(Option::is_none) {
            return None;
        }
        let mut firsts = vec![0];
        parts.iter().for_each(|&part| firsts.push(firsts[firsts.len() - 1] + self.width(part)));
        let at = |(part, at): (usize, usize)| {
            let inner = roots[part].and_then(|_| self.select_of(parts[part])).map_or(at, |(_, indices)| indices[at]);
            firsts[part] + inner
        };
        let indices: Vec<usize> = self.places(rows, &parts).into_iter().map(at).collect();
        let weights = scattered(weights, &indices, weights.columns);
        let joined: Vec<ValueId> = roots.iter().zip(&parts).map(|(root, &part)| root.unwrap_or(part)).collect();
        let concat = self.push(&node.name, Operator::Concat { rows: 1 }, joined, vec![weights.columns]);
        let dense = Operator::Dense { weights, bias: bias.to_vec() };
        Some(self.push(&node.name, dense, vec![concat], node.shape.clone()))
    }

    fn read_by_trees(&mut self, node: &Node, ensemble: &Ensemble) -> Option<ValueId> {
        let (source, indices) = self.select_of(*node.inputs.first()?)?;
        let split = |tree_node: &TreeNode| match tree_node {
            &TreeNode::Split { feature, threshold, left, right, missing_left } => {
                let feature = *indices.get(feature)?;
                Some(TreeNode::Split { feature, threshold, left, right, missing_left })
            }
            leaf => Some(leaf.clone()),
        };
        let tree = |tree: &Tree| Some(Tree { nodes: tree.nodes.iter().map(split).collect::<Option<_>>()? });
        let trees = ensemble.trees.iter().map(tree).collect::<Option<_>>()?;
        let trees = Operator::Trees(Ensemble { trees, bases: ensemble.bases.clone() });
        Some(self.push(&node.name, trees, vec![source], node.shape.clone()))
    }

    /// A permutation becomes the order of centroids' elements, or of a cell's input weights.
    fn read_by_columns(&mut self, node: &Node) -> Option<ValueId> {
        let (source, indices) = self.select_of(*node.inputs.first()?)?;
        let width = self.width(source);
        if !is_permutation(indices, width) {
            return None;
        }
        let operator = match &node.operator {
            Operator::Distance { centroids, weights, bias } => Operator::Distance {
                centroids: scattered(centroids, indices, width),
                weights: weights.as_ref().map(|weights| scattered(weights, indices, width)),
                bias: bias.clone(),
            },
            Operator::Cell(cell) => {
                let w = Matrix { columns: width, data: cell.w.clone() };
                Operator::Cell(Cell { w: scattered(&w, indices, width).data, ..cell.clone() })
            }
            _ => return None,
        };
        Some(self.push(&node.name, operator, vec![source], node.shape.clone()))
    }
}

/// Columns moved to where a Select took their elements from; columns of the same element are summed.
fn scattered(matrix: &Matrix, indices: &[usize], width: usize) -> Matrix {
    let mut scattered = Matrix::zeros(matrix.rows(), width);
    for row in 0..matrix.rows() {
        for (&to, &value) in indices.iter().zip(matrix.row(row)) {
            scattered.row_mut(row)[to] += value;
        }
    }
    scattered
}

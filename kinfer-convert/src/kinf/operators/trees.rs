//! Decision trees, as nodes that name their children.

use kinfer::format::Leaves;

use super::record::{Data, OperatorRecord};

/// Decision trees, summed.
#[derive(Clone, Debug)]
pub struct TreesSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes: a score a class.
    pub output: u16,
    /// Whether a leaf holds one value, for the tree's class, or one for every class.
    pub leaves: Leaves,
    /// Whether -32768 is a missing value, which goes where each node says.
    pub missing: bool,
    /// The trees. Those of a class lie together, in the order of the classes: see [`TreesSpec::sort`].
    pub trees: Vec<TreeSpec>,
    /// The scores before any tree, one a class.
    pub bases: Vec<i32>,
}

/// One tree.
#[derive(Clone, Debug)]
pub struct TreeSpec {
    /// The class whose score it adds to; 0 where leaves hold a value for every class.
    pub class: u16,
    /// Nodes and leaves in any order; the root is the first. What the root does not lead to is left out.
    pub nodes: Vec<TreeNodeSpec>,
}

/// A node or a leaf.
#[derive(Clone, Debug)]
pub enum TreeNodeSpec {
    /// `input[feature] <= threshold` goes to `left`.
    Split {
        /// Element of the input, at most 8191.
        feature: u16,
        /// The largest value that goes left: the floor of a float threshold.
        threshold: i16,
        /// Where it goes on when the value is small: an index into the tree's nodes.
        left: usize,
        /// Where it goes on when the value is large.
        right: usize,
        /// Whether a missing value goes right.
        missing_right: bool,
    },
    /// The values added, one or one a class.
    Leaf(Vec<i32>),
}

/// Nodes of a tree that the file's `u16` can count; a list of nodes with a cycle in it is cut there.
const MOST_NODES: usize = u16::MAX as usize;

impl TreeSpec {
    /// The longest way from the root to a leaf, in comparisons. A list of nodes with a cycle has none, and gives the
    /// number of its nodes.
    pub fn depth(&self) -> usize {
        let mut level = vec![0];
        for depth in 0..self.nodes.len() {
            level = level.iter().flat_map(|&at| self.children(at)).flatten().collect();
            if level.is_empty() {
                return depth;
            }
        }
        self.nodes.len()
    }

    fn children(&self, at: usize) -> Option<[usize; 2]> {
        match self.nodes.get(at) {
            Some(&TreeNodeSpec::Split { left, right, .. }) => Some([left, right]),
            _ => None,
        }
    }

    /// Nodes and leaf values in level order: a node's bytes are its feature, with which of its children are nodes in the
    /// upper bits, and its threshold.
    fn write(&self, nodes: &mut Vec<[u8; 4]>, values: &mut Vec<i32>) -> u16 {
        let (first, mut queue) = (nodes.len(), std::collections::VecDeque::from([0]));
        while let Some(at) = queue.pop_front() {
            match self.nodes.get(at) {
                Some(&TreeNodeSpec::Split { feature, threshold, left, right, missing_right }) => {
                    let is_node = |child| u16::from(self.children(child).is_some());
                    let bits = u16::from(missing_right) << 13 | is_node(left) << 14 | is_node(right) << 15;
                    let ([a, b], [c, d]) = ((feature | bits).to_le_bytes(), threshold.to_le_bytes());
                    nodes.push([a, b, c, d]);
                    queue.extend([left, right]);
                }
                Some(TreeNodeSpec::Leaf(leaf)) => values.extend(leaf),
                None => {}
            }
            if nodes.len() - first == MOST_NODES {
                break;
            }
        }
        (nodes.len() - first) as u16
    }
}

impl TreesSpec {
    /// Puts the trees into the order of their classes, which the format asks for, and those of a class into that of their
    /// depths, which is fastest: the packed backend runs neighbours together. The sum does not depend on it.
    pub fn sort(&mut self) {
        self.trees.sort_by_cached_key(|tree| (tree.class, tree.depth()));
    }

    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        record.variant = self.leaves as u8;
        record.flags = u16::from(self.missing);
        record.numbers[0] = self.trees.len() as i32;
        let (mut nodes, mut values) = (Vec::new(), Vec::new());
        let table: Vec<[u16; 2]> =
            self.trees.iter().map(|tree| [tree.write(&mut nodes, &mut values), tree.class]).collect();
        record.offsets = [
            data.place(8, table.as_flattened().iter().map(|field| field.to_le_bytes())),
            data.place(8, nodes.into_iter()),
            data.place_i32(&values),
            data.place_i32(&self.bases),
        ];
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(feature: u16, threshold: i16, left: usize, right: usize) -> TreeNodeSpec {
        TreeNodeSpec::Split { feature, threshold, left, right, missing_right: false }
    }

    fn leaf(value: i32) -> TreeNodeSpec {
        TreeNodeSpec::Leaf(vec![value])
    }

    #[test]
    fn a_tree_is_written_level_by_level() {
        let tree =
            TreeSpec { class: 0, nodes: vec![split(1, 10, 2, 1), leaf(3), split(2, -1, 4, 3), leaf(5), leaf(4)] };
        let (mut nodes, mut values) = (vec![], vec![]);
        assert_eq!((tree.write(&mut nodes, &mut values), tree.depth()), (2, 2));
        assert_eq!(nodes, [[1, 0x40, 10, 0], [2, 0, 0xff, 0xff]]);
        assert_eq!(values, [3, 4, 5]);
    }

    #[test]
    fn a_cycle_is_cut_where_the_count_ends() {
        let tree = TreeSpec { class: 0, nodes: vec![split(0, 0, 0, 1), leaf(0)] };
        assert_eq!(tree.write(&mut vec![], &mut vec![]), u16::MAX);
    }
}

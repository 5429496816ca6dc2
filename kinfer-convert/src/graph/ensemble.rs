//! Decision trees of the float graph: ai.onnx.ml TreeEnsemble.

use super::Affine;

/// Trees that add to scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    /// In any order.
    pub trees: Vec<Tree>,
    /// The scores before any tree, one a score.
    pub bases: Vec<f64>,
}

/// A binary tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The root is the first; a child comes after its parent.
    pub nodes: Vec<TreeNode>,
}

/// A node of a tree.
#[derive(Clone, Debug, PartialEq)]
pub enum TreeNode {
    /// `x[feature] <= threshold` goes left; a comparison in f32, as ONNX has it.
    Split {
        /// Element of the input.
        feature: usize,
        /// The largest value that goes left.
        threshold: f32,
        /// Node where it goes on when the value is small.
        left: usize,
        /// Node where it goes on when the value is large.
        right: usize,
        /// Whether a missing value (NaN) goes left.
        missing_left: bool,
    },
    /// What it adds, as pairs of score and value.
    Leaf(Vec<(usize, f64)>),
}

impl Ensemble {
    /// Scores of one row.
    pub fn scores(&self, x: &[f64]) -> Vec<f64> {
        let mut scores = self.bases.clone();
        for tree in &self.trees {
            for &(score, value) in tree.leaf(x) {
                if let Some(sum) = scores.get_mut(score) {
                    *sum += value;
                }
            }
        }
        scores
    }

    /// Scores and values of all leaves.
    pub fn values(&self) -> impl Iterator<Item = (usize, f64)> {
        self.trees
            .iter()
            .flat_map(|tree| &tree.nodes)
            .flat_map(|node| match node {
                TreeNode::Split { .. } => &[],
                TreeNode::Leaf(values) => values.as_slice(),
            })
            .copied()
    }

    /// Puts an affine map behind each score.
    pub fn scale(&mut self, maps: &[Affine]) {
        self.bases.iter_mut().zip(maps).for_each(|(base, map)| *base = map.at(*base));
        for node in self.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            if let TreeNode::Leaf(values) = node {
                values.iter_mut().for_each(|(score, value)| *value *= maps.get(*score).map_or(1.0, |map| map.factor));
            }
        }
    }

    /// The largest element of the input that a tree reads, and one more.
    pub fn inputs(&self) -> usize {
        let features = self.trees.iter().flat_map(|tree| &tree.nodes).map(|node| match node {
            TreeNode::Split { feature, .. } => feature + 1,
            TreeNode::Leaf(_) => 0,
        });
        features.max().unwrap_or(0)
    }
}

impl Tree {
    /// The leaf that a row comes to. Children come after their parents, so the way ends.
    pub fn leaf(&self, x: &[f64]) -> &[(usize, f64)] {
        let mut at = 0;
        loop {
            match self.nodes.get(at) {
                Some(&TreeNode::Split { feature, threshold, left, right, missing_left }) => {
                    let value = x.get(feature).map_or(f32::NAN, |&x| x as f32);
                    let goes_left = if value.is_nan() { missing_left } else { value <= threshold };
                    let next = if goes_left { left } else { right };
                    if next <= at {
                        return &[];
                    }
                    at = next;
                }
                Some(TreeNode::Leaf(values)) => return values,
                None => return &[],
            }
        }
    }
}

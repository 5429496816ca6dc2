//! Random forests, grown on a made-up question about counters, as scikit-learn's `RandomForestClassifier` grows them:
//! bootstrap samples, a few random features a node, the split of least Gini impurity.

use crate::rng::Rng;

/// Values of a feature are in `0..RANGE`.
pub const RANGE: i32 = 1000;
/// What a leaf that is sure of class 1 adds to the score.
pub const SURE: i32 = 65535;

/// A tree of which each inner node asks `row[feature] <= threshold`, yes going left.
#[derive(Clone, Debug)]
pub enum Node {
    /// An inner node.
    Split {
        /// Which element of the row.
        feature: usize,
        /// Largest value that goes left.
        threshold: i32,
        /// Left and right.
        children: Box<[Node; 2]>,
    },
    /// Share of class 1, of [`SURE`].
    Leaf(i32),
}

impl Node {
    /// The value of the leaf that `row` reaches.
    pub fn value(&self, row: &[i32]) -> i32 {
        match self {
            Self::Leaf(value) => *value,
            Self::Split { feature, threshold, children } => {
                children[usize::from(row[*feature] > *threshold)].value(row)
            }
        }
    }

    /// Depth of the deepest leaf.
    pub fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Split { children, .. } => 1 + children.iter().map(Self::depth).max().unwrap_or(0),
        }
    }
}

/// A forest and the rows it is measured on.
#[derive(Clone, Debug)]
pub struct Forest {
    /// Its trees; a row's score is the sum of their values.
    pub trees: Vec<Node>,
    /// Elements of a row.
    pub features: usize,
    /// Rows, other than those it was grown on.
    pub rows: Vec<Vec<i32>>,
}

impl Forest {
    /// Grows `trees` trees no deeper than `depth` and draws `rows` rows.
    pub fn random(seed: u64, trees: usize, depth: usize, rows: usize) -> Self {
        const FEATURES: usize = 12;
        const SAMPLES: usize = 4000;
        let mut rng = Rng::new(seed);
        let draw = |rng: &mut Rng| (0..FEATURES).map(|_| rng.int(0, RANGE - 1)).collect::<Vec<i32>>();
        let samples: Vec<Sample> = (0..SAMPLES)
            .map(|_| {
                let row = draw(&mut rng);
                let class = slow(&row, &mut rng);
                Sample { row, class }
            })
            .collect();
        let trees = (0..trees)
            .map(|_| {
                let mut bag: Vec<&Sample> =
                    (0..SAMPLES).map(|_| &samples[rng.int(0, SAMPLES as i32 - 1) as usize]).collect();
                grow(&mut bag, depth, &mut rng)
            })
            .collect();
        Self { trees, features: FEATURES, rows: (0..rows).map(|_| draw(&mut rng)).collect() }
    }

    /// Real size of a unit of the score, which is the mean share of class 1.
    pub fn unit(&self) -> f64 {
        1.0 / (self.trees.len() as f64 * f64::from(SURE))
    }

    /// The sum of the trees' values.
    pub fn score(&self, row: &[i32]) -> i32 {
        self.trees.iter().map(|tree| tree.value(row)).sum()
    }
}

struct Sample {
    row: Vec<i32>,
    class: bool,
}

/// The question: a linear term, a product and a wave, with noise.
fn slow(row: &[i32], rng: &mut Rng) -> bool {
    let x = |i: usize| f64::from(row[i]);
    let noise: f64 = (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0;
    0.7 * x(0) + x(1) * x(2) / 900.0 + 100.0 * (x(3) / 90.0).sin() + 80.0 * noise > 640.0
}

fn grow(bag: &mut [&Sample], depth: usize, rng: &mut Rng) -> Node {
    let slow = bag.iter().filter(|sample| sample.class).count();
    if depth == 0 || slow == 0 || slow == bag.len() {
        return Node::Leaf((slow * SURE as usize / bag.len().max(1)) as i32);
    }
    let features = bag[0].row.len() as i32;
    let tried: Vec<usize> = (0..3).map(|_| rng.int(0, features - 1) as usize).collect();
    let Some((feature, threshold)) = best_split(bag, &tried) else {
        return Node::Leaf((slow * SURE as usize / bag.len()) as i32);
    };
    bag.sort_by_key(|sample| sample.row[feature] > threshold);
    let (left, right) = bag.split_at_mut(bag.partition_point(|sample| sample.row[feature] <= threshold));
    let children = Box::new([grow(left, depth - 1, rng), grow(right, depth - 1, rng)]);
    Node::Split { feature, threshold, children }
}

/// The split into two sides that are not empty whose weighted Gini impurity is least.
fn best_split(bag: &[&Sample], tried: &[usize]) -> Option<(usize, i32)> {
    let mut best: Option<(f64, usize, i32)> = None;
    for &feature in tried {
        let mut counts = vec![[0u32; 2]; RANGE as usize];
        for sample in bag {
            counts[sample.row[feature] as usize][usize::from(sample.class)] += 1;
        }
        let all = counts.iter().fold([0, 0], |sum, count| [sum[0] + count[0], sum[1] + count[1]]);
        let mut left = [0, 0];
        for (threshold, count) in counts.iter().enumerate() {
            left = [left[0] + count[0], left[1] + count[1]];
            let right = [all[0] - left[0], all[1] - left[1]];
            if left == [0, 0] || right == [0, 0] || *count == [0, 0] {
                continue;
            }
            let impurity = impurity(left) + impurity(right);
            if best.is_none_or(|(least, ..)| impurity < least) {
                best = Some((impurity, feature, threshold as i32));
            }
        }
    }
    best.map(|(_, feature, threshold)| (feature, threshold))
}

/// Gini impurity times the number of samples, halved.
fn impurity([no, yes]: [u32; 2]) -> f64 {
    f64::from(no) * f64::from(yes) / f64::from(no + yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grown_forest_answers_its_question() {
        let forest = Forest::random(1, 10, 6, 1000);
        assert!(forest.trees.iter().all(|tree| tree.depth() == 6));
        let mut rng = Rng::new(2);
        let half = SURE * 5;
        let right = forest.rows.iter().filter(|row| slow(row, &mut rng) == (forest.score(row) > half)).count();
        assert!(right > 750, "{right} of 1000 right");
    }
}

//! The cases by name.

use kinfer::format::ElementType;
use kinfer_convert::kinf::ModelSpec;

use crate::forest::Forest;
use crate::network::{Activation, Network, Scaling, Shape};
use crate::spec;

/// Rows of each case: more than a branch predictor learns.
pub const ROWS: usize = 1024;

/// What one call of a case does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Quantised inputs to quantised scores.
    Network,
    /// Raw counters to a decision.
    Decision,
    /// A file's bytes to a model that can run.
    Load,
}

/// What runs.
#[derive(Clone, Debug)]
pub enum Body {
    /// Layers.
    Network(Network),
    /// Trees.
    Forest(Forest),
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in tables and JSON.
    pub name: &'static str,
    /// What a call does.
    pub work: Work,
    /// The model in plain numbers, from which peers are made.
    pub body: Body,
    /// The model file.
    pub spec: ModelSpec,
    /// Raw counters of each row.
    pub raw: Vec<Vec<i64>>,
}

impl Case {
    /// Quantised inputs of each row.
    pub fn rows(&self) -> &[Vec<i32>] {
        match &self.body {
            Body::Network(network) => &network.rows,
            Body::Forest(forest) => &forest.rows,
        }
    }

    /// The scores of every row, by the definition of the operators.
    pub fn expected(&self) -> Vec<Vec<i32>> {
        match &self.body {
            Body::Network(network) => network.rows.iter().map(|row| network.scores(row)).collect(),
            Body::Forest(forest) => forest.rows.iter().map(|row| vec![forest.score(row)]).collect(),
        }
    }

    /// Scores of a row.
    pub fn outputs(&self) -> usize {
        match &self.body {
            Body::Network(network) => network.layers.last().map_or(0, |layer| layer.outputs),
            Body::Forest(_) => 1,
        }
    }

    /// Where a single score changes the class: of a random network the middle, so that both classes are there.
    pub fn boundary(&self, expected: &[Vec<i32>]) -> f64 {
        match &self.body {
            Body::Network(_) => {
                expected.iter().flatten().map(|&score| f64::from(score)).sum::<f64>() / expected.len() as f64
            }
            Body::Forest(forest) => forest.trees.len() as f64 * f64::from(crate::forest::SURE) / 2.0,
        }
    }

    /// Real size of a unit of an input and of a score.
    pub fn scales(&self) -> (f64, f64) {
        match &self.body {
            Body::Network(network) => {
                (network.layers[0].input_scale, network.layers.last().map_or(1.0, |layer| layer.output_scale))
            }
            Body::Forest(forest) => (1.0, forest.unit()),
        }
    }
}

/// Every case, in the order of the tables.
pub fn all() -> Vec<Case> {
    let linnos = |input, zeros, scaling, element| Shape {
        sizes: vec![31, 256, 2],
        hidden: Activation::Relu,
        scaling,
        element,
        input,
        zeros,
    };
    let relu = |sizes: &[usize]| Shape {
        sizes: sizes.to_vec(),
        hidden: Activation::Relu,
        scaling: Scaling::PerChannel,
        element: ElementType::I8,
        input: (-128, 127),
        zeros: 0.0,
    };
    let (int8, int16) = (ElementType::I8, ElementType::I16);
    let (per_channel, power_of_two) = (Scaling::PerChannel, Scaling::PowerOfTwo);
    vec![
        network("linnos_31_256_2", 1, &linnos((-128, 127), 0.0, per_channel, int8)),
        network("linnos_digits", 2, &linnos((0, 9), 0.0, power_of_two, int8)),
        network("linnos_sparse", 3, &linnos((0, 9), 0.56, power_of_two, int8)),
        network("linnos_w8a16", 4, &linnos((-32768, 32767), 0.0, per_channel, int16)),
        network("heimdall", 5, &relu(&[12, 128, 16, 1])),
        network("kml", 6, &Shape { hidden: Activation::Sigmoid, ..relu(&[5, 15, 5, 4]) }),
        network("mllb", 7, &relu(&[15, 10, 1])),
        forest("forest_100x6", 8, 100, 6),
        forest("forest_16x8", 9, 16, 8),
        linnos_raw("linnos_raw", 2, &linnos((0, 9), 0.0, power_of_two, int8)),
        // 64·130 + 130·12 + 12·1 weights, 143 biases: 10,035 parameters.
        Case { work: Work::Load, ..network("load_10k", 10, &relu(&[64, 130, 12, 1])) },
    ]
}

fn network(name: &'static str, seed: u64, shape: &Shape) -> Case {
    let network = Network::random(seed, shape, ROWS);
    let raw = network.rows.iter().map(|row| row.iter().map(|&x| i64::from(x)).collect()).collect();
    Case { name, work: Work::Network, spec: spec::network(&network), body: Body::Network(network), raw }
}

fn linnos_raw(name: &'static str, seed: u64, shape: &Shape) -> Case {
    let network = Network::random(seed, shape, ROWS);
    let raw = network.rows.iter().map(|row| spec::linnos_counters(row)).collect();
    Case { name, work: Work::Decision, spec: spec::linnos_raw(&network), body: Body::Network(network), raw }
}

fn forest(name: &'static str, seed: u64, trees: usize, depth: usize) -> Case {
    let forest = Forest::random(seed, trees, depth, ROWS);
    let raw = forest.rows.iter().map(|row| row.iter().map(|&x| i64::from(x)).collect()).collect();
    Case { name, work: Work::Network, spec: spec::forest(&forest), body: Body::Forest(forest), raw }
}

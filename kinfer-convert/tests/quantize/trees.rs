//! Trees on raw counters decide exactly as in float.

use kinfer_convert::graph::ensemble::{Tree, TreeNode};
use kinfer_convert::graph::{Affine, Ensemble, Function, Graph, Operator};
use kinfer_convert::quantize::Precision;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Random, float_scores, integer_scores, made};

/// A tree with leaves that are multiples of a sixteenth, so that float sums are exact too.
fn tree(random: &mut Random, features: usize, depth: usize, scores: usize, thresholds: &[f32]) -> Tree {
    let mut nodes = vec![];
    grow(random, features, depth, scores, thresholds, &mut nodes);
    Tree { nodes }
}

fn grow(
    random: &mut Random,
    features: usize,
    depth: usize,
    scores: usize,
    thresholds: &[f32],
    nodes: &mut Vec<TreeNode>,
) {
    let at = nodes.len();
    nodes.push(TreeNode::Leaf(vec![]));
    if depth == 0 || random.integer(0, 5) == 0 {
        let value = |random: &mut Random| random.integer(-64, 64) as f64 / 16.0;
        nodes[at] = TreeNode::Leaf((0..scores).map(|score| (score, value(random))).collect());
        return;
    }
    let feature = random.integer(0, features as i64 - 1) as usize;
    let threshold = thresholds[random.integer(0, thresholds.len() as i64 - 1) as usize];
    let left = nodes.len();
    grow(random, features, depth - 1, scores, thresholds, nodes);
    let right = nodes.len();
    grow(random, features, depth - 1, scores, thresholds, nodes);
    nodes[at] = TreeNode::Split { feature, threshold, left, right, missing_left: false };
}

#[track_caller]
fn assert_equal(graph: &Graph, counters: &[i64]) {
    let quantized = made(graph, counters, Precision::W8A8);
    let integer = integer_scores(&quantized, graph.features, counters);
    for (row, (float, integer)) in float_scores(graph, counters).iter().zip(&integer).enumerate() {
        assert_eq!(float, integer, "row {row}: {:?}", &counters[row * graph.features..][..graph.features]);
    }
}

fn counter() -> impl Strategy<Value = i64> {
    prop_oneof![
        -10i64..10,
        -40_000i64..40_000,
        any::<i64>(),
        (0i64..64, -2i64..3).prop_map(|(shift, near)| (1i64 << shift.min(62)).saturating_add(near)),
        (24i64..63, -2i64..3).prop_map(|(shift, near)| -(1i64 << shift.min(62)) + near),
        Just(i64::MIN),
        Just(i64::MAX),
    ]
}

fn threshold() -> impl Strategy<Value = f32> {
    prop_oneof![
        (-12i32..12).prop_map(|whole| whole as f32),
        (-12i32..12).prop_map(|whole| whole as f32 + 0.5),
        (-50_000f32..50_000.0),
        counter().prop_map(|counter| counter as f32),
        Just(-1e30f32),
        Just(1e30f32),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forests_on_counters_are_exact(
        seed in 1u64..,
        thresholds in vec(threshold(), 1..40),
        counters in vec(counter(), 3 * 40..3 * 60),
        scores in 1usize..4,
    ) {
        let mut random = Random(seed);
        let trees = (0..5).map(|_| tree(&mut random, 3, 5, scores, &thresholds)).collect();
        let mut graph = Graph::new(3);
        let operator = Operator::Trees(Ensemble { trees, bases: vec![0.25; scores] });
        graph.push("forest", operator, vec![0], vec![scores]);
        // Counters beside every threshold, too.
        let beside = thresholds.iter().flat_map(|&threshold| {
            let whole = threshold as i64;
            [whole.saturating_sub(1), whole, whole.saturating_add(1)]
        });
        let mut counters: Vec<i64> = counters.into_iter().chain(beside).collect();
        counters.truncate(counters.len() / 3 * 3);
        assert_equal(&graph, &counters);
    }

    #[test]
    fn forests_on_scaled_counters_are_exact(
        seed in 1u64..,
        factors in vec(prop_oneof![Just(-0.001), Just(0.0), Just(1e-9), Just(3.7), Just(-12.0)], 3),
        offsets in vec(-5.0f64..5.0, 3),
        counters in vec(counter(), 3 * 60..3 * 80),
    ) {
        let mut random = Random(seed);
        let thresholds: Vec<f32> = (0..20).map(|_| random.real() as f32 * 8.0).collect();
        let trees = (0..4).map(|_| tree(&mut random, 3, 4, 1, &thresholds)).collect();
        let mut graph = Graph::new(3);
        graph.push("scaler", Operator::Affine { factor: factors, offset: offsets }, vec![0], vec![3]);
        let operator = Operator::Trees(Ensemble { trees, bases: vec![0.0] });
        graph.push("forest", operator, vec![1], vec![1]);
        let mut counters = counters;
        counters.truncate(counters.len() / 3 * 3);
        assert_equal(&graph, &counters);
    }
}

#[test]
fn many_thresholds_are_ranks_of_sixteen_bits() {
    let mut random = Random(3);
    let thresholds: Vec<f32> = (0..2000).map(|_| random.real() as f32 * 1e9).collect();
    let trees = (0..300).map(|_| tree(&mut random, 2, 5, 1, &thresholds)).collect();
    let mut graph = Graph::new(2);
    graph.push("forest", Operator::Trees(Ensemble { trees, bases: vec![0.0] }), vec![0], vec![1]);
    assert_equal(&graph, &random.rows(500, 2, -1_000_000_000, 1_000_000_000));
}

#[test]
fn trees_on_categories_and_logarithms_are_exact() {
    let mut random = Random(4);
    let mut graph = Graph::new(2);
    graph.push("kind", Operator::Select { indices: vec![0] }, vec![0], vec![1]);
    graph.push("categories", Operator::OneHot { categories: vec![1.0, 3.0, 7.0] }, vec![1], vec![3]);
    graph.push("size", Operator::Select { indices: vec![1] }, vec![0], vec![1]);
    graph.push("log", Operator::Map(Function::Log1p), vec![3], vec![1]);
    graph.push("all", Operator::Concat { rows: 1 }, vec![2, 4], vec![4]);
    let thresholds = [0.5, 1.25, 3.5, 8.0, 12.0, 20.5, -1.0];
    let trees = (0..20).map(|_| tree(&mut random, 4, 5, 2, &thresholds)).collect();
    graph.push("forest", Operator::Trees(Ensemble { trees, bases: vec![0.0; 2] }), vec![5], vec![2]);
    let mut counters = random.rows(300, 2, 0, 1 << 20);
    counters.chunks_exact_mut(2).for_each(|row| row[0] = row[0].rem_euclid(9));
    assert_equal(&graph, &counters);
}

#[test]
fn what_is_behind_the_leaves_is_part_of_them() {
    let mut random = Random(5);
    let trees: Vec<_> = (0..4).map(|_| tree(&mut random, 2, 3, 2, &[5.0, 10.0, 15.0])).collect();
    let mut graph = Graph::new(2);
    graph.push("forest", Operator::Trees(Ensemble { trees, bases: vec![1.0, 2.0] }), vec![0], vec![2]);
    let maps = [Affine { factor: 0.25, offset: 1.0 }, Affine { factor: -2.0, offset: 0.5 }];
    let factor = maps.iter().map(|map| map.factor).collect();
    let offset = maps.iter().map(|map| map.offset).collect();
    graph.push("mean", Operator::Affine { factor, offset }, vec![1], vec![2]);
    let counters = random.rows(200, 2, 0, 20);
    assert_eq!(made(&graph, &counters, Precision::W8A8).operators.len(), 1);
    assert_equal(&graph, &counters);
}

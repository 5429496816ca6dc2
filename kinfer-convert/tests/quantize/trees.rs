//! Trees on raw counters decide exactly as in float.

use kinfer_convert::graph::ensemble::{Tree, TreeNode};
use kinfer_convert::graph::{Affine, Ensemble, Function, Graph, Operator};
use kinfer_convert::quantize::{Plan, Precision, Rows, quantize};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::operators::dense;
use crate::support::{Random, assert_close, float_scores, integer_scores, made};

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

#[test]
fn trees_and_layers_read_the_same_features() {
    let mut random = Random(6);
    let trees: Vec<_> = (0..4).map(|_| tree(&mut random, 3, 3, 2, &[100.5, 900.0, -50.0, 400.0])).collect();
    let mut graph = Graph::new(3);
    graph.push("forest", Operator::Trees(Ensemble { trees, bases: vec![0.0; 2] }), vec![0], vec![2]);
    let operator = Operator::Affine { factor: vec![0.001; 3], offset: vec![0.0; 3] };
    graph.push("normalise", operator, vec![0], vec![3]);
    let layer = dense(&mut random, 3, 2);
    graph.push("layer", layer, vec![2], vec![2]);
    // As scores of their own, added, and with a layer over both.
    let joined = graph.push("joined", Operator::Concat { rows: 1 }, vec![1, 3], vec![4]);
    let counters = random.rows(300, 3, -200, 1500);
    let quantized = made(&graph, &counters, Precision::W16A16);
    for (float, integer) in float_scores(&graph, &counters).iter().zip(integer_scores(&quantized, 3, &counters)) {
        assert_eq!(float[..2], integer[..2], "trees are exact beside a layer");
    }
    assert_close(&graph, &counters, 0.02, 0.0002);

    let mut added = graph.clone();
    added.push("sum", Operator::Add, vec![1, 3], vec![2]);
    assert_close(&added, &counters, 0.02, 0.0002);

    let layer = dense(&mut random, 4, 2);
    graph.push("over", layer, vec![joined], vec![2]);
    assert_close(&graph, &counters, 0.02, 0.0002);
}

#[test]
fn trees_on_hidden_values_differ_only_beside_their_thresholds() {
    let mut random = Random(7);
    let mut graph = Graph::new(3);
    let operator = Operator::Affine { factor: vec![0.001; 3], offset: vec![0.0; 3] };
    graph.push("normalise", operator, vec![0], vec![3]);
    let layer = dense(&mut random, 3, 4);
    graph.push("layer", layer, vec![1], vec![4]);
    let trees = (0..3).map(|_| tree(&mut random, 4, 3, 1, &[0.1, 0.5, -0.3, 0.9])).collect();
    graph.push("forest", Operator::Trees(Ensemble { trees, bases: vec![0.0] }), vec![2], vec![1]);
    let counters = random.rows(1000, 3, 0, 1000);
    let quantized = made(&graph, &counters, Precision::W16A16);
    let integer = integer_scores(&quantized, 3, &counters);
    let equal =
        float_scores(&graph, &counters).iter().zip(&integer).filter(|(float, integer)| float == integer).count();
    assert!(equal >= 998, "{equal} of 1000");
}

#[test]
fn real_features_are_counters_times_their_resolution() {
    let mut random = Random(8);
    let thresholds: Vec<f32> = (-20..20).map(|tenth| tenth as f32 * 0.1).collect();
    let trees = (0..5).map(|_| tree(&mut random, 2, 4, 1, &thresholds)).collect();
    let mut graph = Graph::new(2);
    graph.push("forest", Operator::Trees(Ensemble { trees, bases: vec![0.0] }), vec![0], vec![1]);
    let counters = random.rows(400, 2, -30, 30);
    let resolutions = [0.1, 0.1];
    let rows = Rows { counters: &counters, width: 2, resolutions: &resolutions };
    let quantized = quantize(&graph, &rows, &Plan::uniform(&graph, Precision::W8A8)).unwrap();
    let integer = integer_scores(&quantized, 2, &counters);
    for (row, integer) in integer.iter().enumerate() {
        // 0.3 is a threshold, and three tenths are beside it: the comparison in f32 says on which side.
        assert_eq!(&graph.scores(&rows.features(row), &mut vec![]), integer, "{:?}", &counters[2 * row..][..2]);
    }
}

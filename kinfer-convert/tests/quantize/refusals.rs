//! What cannot be made integer is refused with its place, and features that reach nothing are named.

use kinfer_convert::Error;
use kinfer_convert::graph::ensemble::{Tree, TreeNode};
use kinfer_convert::graph::{Ensemble, Function, Graph, Matrix, Operator};
use kinfer_convert::quantize::{Plan, Precision, Rows, quantize};

use crate::support::{Random, made};

fn refusal(graph: &Graph, counters: &[i64]) -> (String, String) {
    let resolutions = vec![1.0; graph.features];
    let rows = Rows { counters, width: graph.features, resolutions: &resolutions };
    match quantize(graph, &rows, &Plan::uniform(graph, Precision::W8A8)) {
        Err(Error::Range { place, what, .. }) => (place, what),
        other => panic!("{other:?}"),
    }
}

fn layer(weights: Vec<f64>, inputs: usize) -> Operator {
    let bias = vec![0.0; weights.len() / inputs];
    Operator::Dense { weights: Matrix { columns: inputs, data: weights }, bias }
}

#[test]
fn weights_that_are_no_numbers() {
    for weight in [f64::NAN, f64::INFINITY] {
        let mut graph = Graph::new(1);
        graph.push("layer", layer(vec![1.0, weight], 1), vec![0], vec![2]);
        let (place, what) = refusal(&graph, &[1, 2]);
        assert_eq!(place, "node `layer`");
        assert!(what.contains("infinite or not a number"), "{what}");
    }
}

#[test]
fn values_that_are_no_numbers() {
    let mut graph = Graph::new(2);
    graph.push("layer", layer(vec![1.0, -1.0], 2), vec![0], vec![1]);
    graph.push("log", Operator::Map(Function::Log), vec![1], vec![1]);
    graph.push("head", layer(vec![1.0], 1), vec![2], vec![1]);
    assert_eq!(refusal(&graph, &[5, 1, 7, 7]).0, "node `log`");
}

#[test]
fn sizes_that_do_not_fit() {
    let mut graph = Graph::new(2);
    graph.push("layer", layer(vec![1.0; 3], 3), vec![0], vec![1]);
    assert_eq!(refusal(&graph, &[1, 2]), ("node `layer`".into(), "its sizes do not fit its inputs".into()));
    let mut graph = Graph::new(2);
    graph.push("layer", layer(vec![1.0; 2], 2), vec![3], vec![1]);
    assert_eq!(refusal(&graph, &[1, 2]).1, "it reads a value that is not there before it");
}

#[test]
fn trees_that_are_too_deep_and_features_with_too_many_thresholds() {
    let chain = |depth: usize| {
        let split = |at: usize| TreeNode::Split {
            feature: 0,
            threshold: -(at as f32) - 0.5,
            left: 2 * at + 2,
            right: 2 * at + 1,
            missing_left: false,
        };
        let leaf = |value| TreeNode::Leaf(vec![(0, value)]);
        let mut nodes: Vec<_> = (0..depth).flat_map(|at| [split(at), leaf(at as f64)]).collect();
        nodes.push(leaf(-1.0));
        Tree { nodes }
    };
    let forest = |trees| {
        let mut graph = Graph::new(1);
        graph.push("forest", Operator::Trees(Ensemble { trees, bases: vec![0.0] }), vec![0], vec![1]);
        graph
    };
    let (place, what) = refusal(&forest(vec![chain(33)]), &[1, 2]);
    assert_eq!((place.as_str(), what.as_str()), ("node `forest`", "tree 0 is 33 comparisons deep, and 32 is the most"));

    let stump = |at: usize| {
        let leaf = |value| TreeNode::Leaf(vec![(0, value)]);
        let threshold = at as f32 * 1000.0;
        let split = TreeNode::Split { feature: 0, threshold, left: 1, right: 2, missing_left: false };
        Tree { nodes: vec![split, leaf(0.0), leaf(1.0)] }
    };
    let (place, what) = refusal(&forest((0..5000).map(stump).collect()), &[1, 2]);
    assert_eq!(place, "feature 0");
    assert!(what.contains("5000 different thresholds"), "{what}");
}

#[test]
fn features_that_reach_nothing_are_named() {
    let mut graph = Graph::new(4);
    // The reciprocal of feature 1's range is zero; feature 2 has no weight; feature 3 is read by nobody.
    graph.push("some", Operator::Select { indices: vec![0, 1, 2] }, vec![0], vec![3]);
    let operator = Operator::Affine { factor: vec![0.01, 0.0, 0.01], offset: vec![0.0; 3] };
    graph.push("normalise", operator, vec![1], vec![3]);
    graph.push("layer", layer(vec![1.0, 1.0, 0.0, -1.0, 1.0, 0.0], 3), vec![2], vec![2]);
    let counters = Random(31).rows(50, 4, 0, 100);
    assert_eq!(made(&graph, &counters, Precision::W8A8).silent, [1, 2, 3]);
}

#[test]
fn trees_hear_the_features_that_they_compare() {
    let mut graph = Graph::new(3);
    let nodes = vec![
        TreeNode::Split { feature: 1, threshold: 5.0, left: 1, right: 2, missing_left: false },
        TreeNode::Leaf(vec![(0, 1.0)]),
        TreeNode::Leaf(vec![(0, 2.0)]),
    ];
    let ensemble = Ensemble { trees: vec![Tree { nodes }], bases: vec![0.0] };
    graph.push("tree", Operator::Trees(ensemble), vec![0], vec![1]);
    let counters = Random(32).rows(50, 3, 0, 10);
    let quantized = made(&graph, &counters, Precision::W8A8);
    assert_eq!((quantized.silent, quantized.program.len()), (vec![0, 2], 1));
}

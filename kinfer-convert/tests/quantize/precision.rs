//! Precisions, ranges, and the search for them.

use kinfer_convert::graph::{Graph, Matrix, Operator};
use kinfer_convert::quantize::search::{Found, Goal, Measured, search};
use kinfer_convert::quantize::{Plan, Precision, Prepared, Ranges, Rows};

use crate::operators::dense;
use crate::support::{Random, error, file, made, with_plan};

const RELU: Operator = Operator::Clip { lo: 0.0, hi: f64::INFINITY };

/// Three layers, the second of which subtracts numbers that are almost the same: int8 is too coarse for it.
fn cancelling(random: &mut Random) -> Graph {
    let mut graph = Graph::new(4);
    let operator = Operator::Affine { factor: vec![0.001; 4], offset: vec![0.0; 4] };
    graph.push("normalise", operator, vec![0], vec![4]);
    let layer = dense(random, 4, 6);
    graph.push("first", layer, vec![1], vec![6]);
    graph.push("relu", RELU, vec![2], vec![6]);
    let mut copies = Matrix::zeros(8, 6);
    for row in 0..8 {
        copies.row_mut(row).copy_from_slice(&[1.0, 0.5, 0.7, -0.2, 0.4, 0.9]);
        copies.row_mut(row)[row % 6] += 0.01;
    }
    graph.push("copies", Operator::Dense { weights: copies, bias: vec![0.0; 8] }, vec![3], vec![8]);
    let mut difference = Matrix::zeros(2, 8);
    difference.row_mut(0).copy_from_slice(&[40.0, -40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    difference.row_mut(1).copy_from_slice(&[0.0, 0.0, 40.0, -40.0, 0.0, 0.0, 0.0, 0.0]);
    graph.push("difference", Operator::Dense { weights: difference, bias: vec![0.0; 2] }, vec![4], vec![2]);
    graph
}

fn found(graph: &Graph, counters: &[i64], goal: Goal) -> Found {
    let resolutions = vec![1.0; graph.features];
    let rows = Rows { counters, width: graph.features, resolutions: &resolutions };
    let prepared = Prepared::new(graph, &rows).unwrap();
    search(&prepared, goal, |quantized| {
        let figure = error(graph, quantized, counters);
        let bytes = file(quantized, graph.features, 0).len();
        Ok(Measured { figure, operations: 1000, bytes })
    })
    .unwrap()
}

#[test]
fn a_search_ends_at_once_where_int8_is_good_enough() {
    let mut random = Random(21);
    let graph = cancelling(&mut random);
    let counters = random.rows(200, 4, 0, 1000);
    let found = found(&graph, &counters, Goal::AtMost(10.0));
    assert_eq!((found.steps.len(), found.blame), (1, None));
    assert!(found.plan.precision.iter().all(|precision| *precision == Precision::W8A8));
}

#[test]
fn a_search_raises_what_needs_it_and_no_more() {
    let mut random = Random(22);
    let graph = cancelling(&mut random);
    let counters = random.rows(200, 4, 0, 1000);
    let narrow = error(&graph, &made(&graph, &counters, Precision::W8A8), &counters);
    let wide = error(&graph, &made(&graph, &counters, Precision::W16A16), &counters);
    assert!(wide < narrow / 20.0, "{narrow} {wide}");
    let goal = Goal::AtMost(narrow / 4.0);
    let found = found(&graph, &counters, goal);
    assert!(goal.is_met(found.measured.figure), "{:#?}", found.steps);
    assert_eq!(found.blame, None);
    let raised = found.plan.precision.iter().filter(|precision| **precision != Precision::W8A8).count();
    assert!((1..=2).contains(&raised), "{:?}", found.plan);
    // What was found is what was measured.
    assert_eq!(error(&graph, &with_plan(&graph, &counters, &found.plan), &counters), found.measured.figure);
}

#[test]
fn a_goal_out_of_reach_has_somebody_to_blame() {
    let mut random = Random(23);
    let graph = cancelling(&mut random);
    let counters = random.rows(200, 4, 0, 1000);
    let found = found(&graph, &counters, Goal::AtMost(0.0));
    // Layers: 3 of them, 3 conversions each at most, besides ranges and all at once with each of them.
    assert!(found.steps.len() <= 1 + 3 * 3 + 4 + 5, "{:#?}", found.steps);
    let blamed = found.blame.map(|node| graph.nodes[node].name.as_str());
    assert!(matches!(blamed, Some("copies" | "difference")), "{blamed:?} {:#?}", found.steps);
    let best = found.steps.iter().map(|step| step.measured.figure).fold(f64::INFINITY, f64::min);
    assert_eq!(found.measured.figure, best);
}

#[test]
fn layers_of_a_model_have_types_of_their_own() {
    let mut random = Random(24);
    let graph = cancelling(&mut random);
    let counters = random.rows(200, 4, 0, 1000);
    let mut plan = Plan::uniform(&graph, Precision::W8A8);
    plan.precision[4] = Precision::W16A16;
    let quantized = with_plan(&graph, &counters, &plan);
    let elements: Vec<_> = quantized.tensors.iter().map(|tensor| tensor.element.name()).collect();
    assert_eq!(elements, ["int8", "int8", "int16", "int32"]);
    let mixed = error(&graph, &quantized, &counters);
    let narrow = error(&graph, &made(&graph, &counters, Precision::W8A8), &counters);
    assert!(mixed < narrow / 2.0, "{mixed} {narrow}");
}

#[test]
fn ranges_without_outliers_are_finer() {
    let mut random = Random(25);
    let mut graph = Graph::new(3);
    let operator = Operator::Affine { factor: vec![0.001; 3], offset: vec![0.0; 3] };
    graph.push("normalise", operator, vec![0], vec![3]);
    let layer = dense(&mut random, 3, 8);
    graph.push("first", layer, vec![1], vec![8]);
    graph.push("relu", RELU, vec![2], vec![8]);
    let layer = dense(&mut random, 8, 2);
    graph.push("second", layer, vec![3], vec![2]);
    let usual = random.rows(2000, 3, 0, 1000);
    let mut counters = usual.clone();
    counters.extend([60_000, 60_000, 60_000]);
    let of = |ranges| {
        let plan = Plan { ranges, ..Plan::uniform(&graph, Precision::W8A8) };
        error(&graph, &with_plan(&graph, &counters, &plan), &usual)
    };
    let (all, middle, least) = (of(Ranges::MinMax), of(Ranges::Percentile(99.8)), of(Ranges::LeastError));
    assert!(middle < all / 5.0, "{all} {middle}");
    assert!(least.is_finite());
}

#[test]
fn reports_tell_ranges_and_noise() {
    let mut random = Random(26);
    let graph = cancelling(&mut random);
    let counters = random.rows(200, 4, 0, 1000);
    let of = |precision| made(&graph, &counters, precision).layers;
    let (narrow, wide) = (of(Precision::W8A8), of(Precision::W16A16));
    let names: Vec<_> = narrow.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["features", "first", "copies", "difference"]);
    assert_eq!(narrow[0].seen, (0.0, 1.0));
    for (narrow, wide) in narrow.iter().zip(&wide) {
        assert_eq!(narrow.histogram.iter().sum::<u64>(), wide.histogram.iter().sum::<u64>());
        assert!(wide.signal_to_noise > narrow.signal_to_noise + 20.0, "{}", wide.name);
        assert!(narrow.chosen.0 <= narrow.seen.0 + 1e-9 || narrow.chosen.1 <= narrow.seen.1 + 1e-9);
    }
}

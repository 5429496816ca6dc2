//! Data at the edge of what is meant: used, and decided as in float.

use crate::support::{Graph, int};
use crate::{Done, Place, best_of_three, rows, value};

fn agrees(graph: &Graph, data: &str) -> Done {
    let done = Place::new(&graph.bytes(), data.as_bytes()).convert(&[]);
    let line = done.is_done().stdout.lines().find(|line| line.starts_with("agreement"));
    assert_eq!(line, Some("agreement  100.0000 % of decisions (0 differ)"), "{}", done.stdout);
    done
}

#[test]
fn constant_features_are_used_and_told() {
    for graph in [value([0.5, -0.25], 0.1), best_of_three()] {
        let done = agrees(&graph, &("a,b\n".to_owned() + &rows(20, |_| "3,0".into())));
        done.warns("feature `a` is 3 in all of the calibration data")
            .warns("feature `b` is 0 in all of the calibration data");
        agrees(&graph, "a,b\n7,-2\n");
    }
}

#[test]
fn columns_that_are_all_the_same_may_cancel() {
    let same = "a,b\n".to_owned() + &rows(40, |at| format!("{at},{at}"));
    // Every score is 0.1, in float too only up to its rounding.
    agrees(&value([1.0, -1.0], 0.1), &same);
    agrees(&best_of_three(), &same);
}

#[test]
fn a_decision_may_be_constant() {
    let constant = value([0.0, 0.0], 0.1);
    let done = agrees(&constant, &("a,b\n".to_owned() + &rows(20, |at| format!("{at},{}", at % 3))));
    done.warns("feature `a` cannot reach the decision").warns("feature `b` cannot reach the decision");
    // A dead class among live ones.
    let dead = Graph::new(2)
        .floats("w", &[2, 3], &[1.0, 0.0, -0.5, -1.0, 0.0, 0.5])
        .floats("b", &[3], &[0.0, 0.25, 1.0])
        .node("Gemm", &["x", "w", "b"], "y", &[])
        .node("ArgMax", &["y"], "class", &[int("axis", 1)])
        .output("class");
    agrees(&dead, &("a,b\n".to_owned() + &rows(40, |at| format!("{},{}", at % 7, at % 5))));
}

#[test]
fn features_of_any_magnitude_are_used() {
    let large = "a,b\n".to_owned() + &rows(40, |at| format!("{},{}", at * 100_000_000_000_000_000, at % 5));
    agrees(&value([1e-18, 0.5], 0.1), &large);
    let tiny = "a,b\n".to_owned() + &rows(40, |at| format!("{}.1e-12,{}", at, at % 5));
    agrees(&value([1e12, 0.5], 0.1), &tiny);
    agrees(&value([0.5, 0.5], 0.1), &tiny);
}

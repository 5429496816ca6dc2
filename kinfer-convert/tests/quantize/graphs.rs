//! Random graphs of layers, functions, sums and joined values.

use kinfer_convert::graph::{Function, Graph, Operator};
use kinfer_convert::kinf::functions::Function as Tabled;
use kinfer_convert::quantize::Precision;
use proptest::prelude::*;

use crate::operators::dense;
use crate::support::{Random, error, float_scores, made};

/// A graph of values of `WIDTH` elements, each from some of those before it.
fn random_graph(random: &mut Random, nodes: usize) -> Graph {
    const WIDTH: usize = 6;
    let mut graph = Graph::new(WIDTH);
    let operator = Operator::Affine { factor: vec![0.001; WIDTH], offset: vec![-0.5; WIDTH] };
    let first = graph.push("normalise", operator, vec![0], vec![WIDTH]);
    let mut values = vec![first];
    for number in 0..nodes {
        let pick = |random: &mut Random| values[random.integer(0, values.len() as i64 - 1) as usize];
        let name = format!("node{number}");
        let (x, y) = (pick(random), pick(random));
        let mut push = |operator, inputs| graph.push(name.clone(), operator, inputs, vec![WIDTH]);
        let value = match random.integer(0, 8) {
            0..=2 => push(dense(random, WIDTH, WIDTH), vec![x]),
            3 => push(Operator::Clip { lo: 0.0, hi: f64::INFINITY }, vec![x]),
            4 => push(Operator::Map(Function::Table(Tabled::Tanh)), vec![x]),
            5 => push(Operator::Add, vec![x, y]),
            6 => push(Operator::Map(Function::LeakyRelu { alpha: 0.1 }), vec![x]),
            7 => {
                let both = graph.push(name.clone(), Operator::Concat { rows: 2 }, vec![x, y], vec![2 * WIDTH]);
                let layer = dense(random, 2 * WIDTH, WIDTH);
                graph.push(format!("{name}-dense"), layer, vec![both], vec![WIDTH])
            }
            _ => {
                let start = random.integer(0, 2) as usize;
                let half = graph.push(
                    name.clone(),
                    Operator::Select { indices: (start..start + 3).collect() },
                    vec![x],
                    vec![3],
                );
                let layer = dense(random, 3, WIDTH);
                graph.push(format!("{name}-dense"), layer, vec![half], vec![WIDTH])
            }
        };
        values.push(value);
    }
    let layer = dense(random, WIDTH, 2);
    graph.push("scores", layer, vec![*values.last().unwrap_or(&first)], vec![2]);
    graph
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_graphs_are_close_to_float(seed in 1u64.., nodes in 1usize..9) {
        let mut random = Random(seed);
        let graph = random_graph(&mut random, nodes);
        let counters = random.rows(150, 6, 0, 1200);
        let float = float_scores(&graph, &counters);
        let spread = float.iter().map(|row| row[0]).fold((f64::MAX, f64::MIN), |all, x| (all.0.min(x), all.1.max(x)));
        prop_assume!(spread.1 - spread.0 > 0.05); // else the error is a share of nothing
        let wide = error(&graph, &made(&graph, &counters, Precision::W16A16), &counters);
        let narrow = error(&graph, &made(&graph, &counters, Precision::W8A8), &counters);
        // Errors add up from layer to layer: of int8 a few hundredths, of int16 a few ten-thousandths.
        prop_assert!(wide < 0.002, "int16: {wide} for {graph:#?}");
        prop_assert!(narrow < 0.15, "int8: {narrow} for {graph:#?}");
    }
}

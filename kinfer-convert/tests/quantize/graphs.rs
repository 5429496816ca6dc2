//! Random graphs of layers, functions, sums and joined values.

use kinfer_convert::graph::{Conv, Function, Graph, Matrix, Operator, Pool, PoolKind};
use kinfer_convert::kinf::WindowSpec;
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

/// Convolutions over one and two dimensions, pools, sums, and the ways from an image to scores.
fn random_image_graph(random: &mut Random, nodes: usize) -> Graph {
    let [height, width, channels] = [3usize, 4, 4];
    let size = height * width * channels;
    let mut graph = Graph::new(size);
    let operator = Operator::Affine { factor: vec![0.001; size], offset: vec![-0.3; size] };
    let shape = vec![height, width, channels];
    let mut x = graph.push("normalise", operator, vec![0], shape.clone());
    let mut skip = x;
    let padded = WindowSpec { before: [1, 1], after: [1, 1], ..WindowSpec::valid([3, 3]) };
    for number in 0..nodes {
        let name = format!("node{number}");
        let before = x;
        x = match random.integer(0, 4) {
            0 | 1 => {
                let groups = [1, 2, channels][random.integer(0, 2) as usize];
                let columns = 9 * channels / groups;
                let weights = random.reals(channels * columns, (2.0 / columns as f64).sqrt());
                let weights = Matrix { columns, data: weights };
                let image = [height, width, channels];
                let conv = Conv { weights, bias: random.reals(channels, 0.2), image, window: padded, groups };
                let conv = graph.push(name.clone(), Operator::Conv(conv), vec![x], shape.clone());
                let relu = Operator::Clip { lo: 0.0, hi: f64::INFINITY };
                graph.push(format!("{name}-relu"), relu, vec![conv], shape.clone())
            }
            2 => {
                let kind = [PoolKind::Max, PoolKind::Mean, PoolKind::MeanWithPadding][random.integer(0, 2) as usize];
                let pool = Pool { kind, image: [height, width, channels], window: padded };
                graph.push(name, Operator::Pool(pool), vec![x], shape.clone())
            }
            3 => graph.push(name, Operator::Add, vec![x, skip], shape.clone()),
            _ => {
                let factor = [1.5, -0.7, 0.9, 1.1].repeat(height * width);
                let operator = Operator::Affine { factor, offset: [0.1, 0.0, -0.2, 0.3].repeat(height * width) };
                graph.push(name, operator, vec![x], shape.clone())
            }
        };
        skip = before;
    }
    let turned = (0..size).map(|at| at % (height * width) * channels + at / (height * width)).collect();
    let x = graph.push("nchw", Operator::Select { indices: turned }, vec![x], vec![channels, height, width]);
    let layer = dense(random, size, 2);
    graph.push("scores", layer, vec![x], vec![2]);
    graph
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn random_image_graphs_are_close_to_float(seed in 1u64.., nodes in 1usize..6) {
        let mut random = Random(seed);
        let graph = random_image_graph(&mut random, nodes);
        let counters = random.rows(100, graph.features, 0, 1200);
        let wide = error(&graph, &made(&graph, &counters, Precision::W16A16), &counters);
        let narrow = error(&graph, &made(&graph, &counters, Precision::W8A8), &counters);
        prop_assert!(wide < 0.002, "int16: {wide} for {graph:#?}");
        prop_assert!(narrow < 0.15, "int8: {narrow} for {graph:#?}");
    }
}

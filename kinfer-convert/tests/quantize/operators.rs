//! Every operator, within a stated share of the range of the scores.

use kinfer_convert::graph::{Cell, CellKind, Conv, Function, Graph, Matrix, Operator, Pool, PoolKind};
use kinfer_convert::kinf::WindowSpec;
use kinfer_convert::kinf::functions::Function as Tabled;
use kinfer_convert::quantize::Precision;

use crate::support::{Random, assert_close, error, made};

pub(crate) fn dense(random: &mut Random, inputs: usize, outputs: usize) -> Operator {
    let most = (3.0 / inputs as f64).sqrt();
    let weights = Matrix { columns: inputs, data: random.reals(inputs * outputs, most) };
    Operator::Dense { weights, bias: random.reals(outputs, 0.5) }
}

const RELU: Operator = Operator::Clip { lo: 0.0, hi: f64::INFINITY };

/// Features of some magnitudes brought to about one.
fn normalised(features: usize) -> Graph {
    let mut graph = Graph::new(features);
    let operator = Operator::Affine { factor: vec![1.0 / 1000.0; features], offset: vec![-0.25; features] };
    graph.push("normalise", operator, vec![0], vec![features]);
    graph
}

#[test]
fn layers_with_and_without_clips() {
    let mut random = Random(1);
    for clip in [RELU, Operator::Clip { lo: 0.0, hi: 0.8 }, Operator::Clip { lo: -0.5, hi: 0.5 }] {
        let mut graph = normalised(5);
        let operator = dense(&mut random, 5, 12);
        graph.push("first", operator, vec![1], vec![12]);
        graph.push("clip", clip, vec![2], vec![12]);
        let operator = dense(&mut random, 12, 3);
        graph.push("second", operator, vec![3], vec![3]);
        let counters = random.rows(300, 5, 0, 2000);
        assert_close(&graph, &counters, 0.03, 0.0002);
    }
}

#[test]
fn features_alone_are_scores() {
    let mut random = Random(2);
    let graph = normalised(3);
    assert_close(&graph, &random.rows(100, 3, -500, 1500), 0.0001, 0.0001);
}

#[test]
fn images_through_convolutions_and_pools() {
    let mut random = Random(3);
    for kind in [PoolKind::Max, PoolKind::Mean, PoolKind::MeanWithPadding] {
        let mut graph = normalised(24);
        graph.push("image", Operator::Reshape, vec![1], vec![3, 4, 2]);
        let window = WindowSpec { before: [1, 1], after: [1, 1], ..WindowSpec::valid([3, 3]) };
        let weights = Matrix { columns: 18, data: random.reals(4 * 18, 0.4) };
        let conv = Conv { weights, bias: random.reals(4, 0.3), image: [3, 4, 2], window, groups: 1 };
        graph.push("conv", Operator::Conv(conv), vec![2], vec![3, 4, 4]);
        graph.push("relu", RELU, vec![3], vec![3, 4, 4]);
        let window = WindowSpec { before: [1, 0], stride: [1, 2], ..WindowSpec::valid([2, 2]) };
        let pool = Pool { kind, image: [3, 4, 4], window };
        let [rows, columns, channels] = pool.output();
        graph.push("pool", Operator::Pool(pool), vec![4], vec![rows, columns, channels]);
        let weights = Matrix { columns: 2, data: random.reals(12, 0.7) };
        let window = WindowSpec::valid([1, 1]);
        let conv = Conv { weights, bias: random.reals(6, 0.2), image: [rows, columns, 4], window, groups: 2 };
        graph.push("grouped", Operator::Conv(conv), vec![5], vec![rows, columns, 6]);
        graph.push("flat", Operator::Reshape, vec![6], vec![rows * columns * 6]);
        let operator = dense(&mut random, rows * columns * 6, 2);
        graph.push("head", operator, vec![7], vec![2]);
        let counters = random.rows(200, 24, 0, 1500);
        assert_close(&graph, &counters, 0.03, 0.0003);
    }
}

#[test]
fn a_batch_normalisation_is_part_of_its_convolution() {
    let mut random = Random(4);
    let mut graph = normalised(12);
    graph.push("image", Operator::Reshape, vec![1], vec![1, 6, 2]);
    let weights = Matrix { columns: 6, data: random.reals(18, 0.6) };
    let conv = Conv { weights, bias: vec![0.0; 3], image: [1, 6, 2], window: WindowSpec::valid([1, 3]), groups: 1 };
    graph.push("conv", Operator::Conv(conv), vec![2], vec![1, 4, 3]);
    let factor = [2.0, -0.5, 1.0].repeat(4);
    let operator = Operator::Affine { factor, offset: [0.1, 0.2, -0.3].repeat(4) };
    graph.push("norm", operator, vec![3], vec![1, 4, 3]);
    graph.push("relu", RELU, vec![4], vec![1, 4, 3]);
    let window = WindowSpec::valid([1, 4]);
    let pool = Pool { kind: PoolKind::Mean, image: [1, 4, 3], window };
    graph.push("pool", Operator::Pool(pool), vec![5], vec![1, 1, 3]);
    let operator = dense(&mut random, 3, 2);
    graph.push("head", operator, vec![6], vec![2]);
    let counters = random.rows(200, 12, 0, 1500);
    let quantized = made(&graph, &counters, Precision::W8A8);
    // A reshape to an image at most, conv, pool, dense.
    assert!(quantized.operators.len() <= 4, "{:?}", quantized.layers);
    assert_close(&graph, &counters, 0.03, 0.0003);
}

#[test]
fn functions_of_one_value() {
    let functions = [
        Function::Table(Tabled::Sigmoid),
        Function::Table(Tabled::Tanh),
        Function::Table(Tabled::HardSigmoid { alpha: 0.2, beta: 0.5 }),
        Function::Table(Tabled::HardSwish),
        Function::Table(Tabled::Silu),
        Function::Table(Tabled::Gelu),
        Function::Table(Tabled::Elu { alpha: 1.0 }),
        Function::Table(Tabled::Softplus),
        Function::LeakyRelu { alpha: 0.1 },
        Function::Exp,
        Function::Abs,
        Function::GeluTanh,
        Function::Selu { alpha: 1.673, scale: 1.0507 },
        Function::Softsign,
        Function::Mish,
        Function::Square,
    ];
    let mut random = Random(5);
    for function in functions {
        // In the middle of a model, and as its scores.
        for last in [false, true] {
            let mut graph = normalised(4);
            let operator = dense(&mut random, 4, 6);
            graph.push("first", operator, vec![1], vec![6]);
            graph.push("map", Operator::Map(function), vec![2], vec![6]);
            if !last {
                let operator = dense(&mut random, 6, 2);
                graph.push("second", operator, vec![3], vec![2]);
            }
            let counters = random.rows(200, 4, 0, 2000);
            println!("{function:?}");
            assert_close(&graph, &counters, 0.04, 0.0005);
        }
    }
}

#[test]
fn functions_that_are_defined_above_zero_only() {
    let mut random = Random(6);
    for function in [Function::Log, Function::Sqrt, Function::Reciprocal, Function::Log1p] {
        let mut graph = normalised(4);
        let operator = dense(&mut random, 4, 6);
        graph.push("first", operator, vec![1], vec![6]);
        graph.push("clip", Operator::Clip { lo: 0.25, hi: 4.0 }, vec![2], vec![6]);
        graph.push("map", Operator::Map(function), vec![3], vec![6]);
        let operator = dense(&mut random, 6, 2);
        graph.push("second", operator, vec![4], vec![2]);
        println!("{function:?}");
        assert_close(&graph, &random.rows(200, 4, 0, 2000), 0.05, 0.0005);
    }
}

#[test]
fn sums_products_and_differences() {
    let mut random = Random(7);
    for (operator, second) in [
        (Operator::Add, 6),
        (Operator::Sub, 6),
        (Operator::Mul, 6),
        (Operator::Add, 1),
        (Operator::Sub, 1),
        (Operator::Mul, 1),
    ] {
        for last in [false, true] {
            let mut graph = normalised(4);
            let layer = dense(&mut random, 4, 6);
            graph.push("one", layer, vec![1], vec![6]);
            let layer = dense(&mut random, 4, second);
            graph.push("other", layer, vec![1], vec![second]);
            graph.push("both", operator.clone(), vec![2, 3], vec![6]);
            if !last {
                graph.push("relu", RELU, vec![4], vec![6]);
                let layer = dense(&mut random, 6, 2);
                graph.push("head", layer, vec![5], vec![2]);
            }
            println!("{operator:?} {second} {last}");
            assert_close(&graph, &random.rows(200, 4, 0, 2000), 0.03, 0.0003);
        }
    }
}

#[test]
fn a_residual_block() {
    let mut random = Random(8);
    let mut graph = normalised(6);
    let layer = dense(&mut random, 6, 8);
    graph.push("stem", layer, vec![1], vec![8]);
    graph.push("relu", RELU, vec![2], vec![8]);
    let layer = dense(&mut random, 8, 8);
    graph.push("branch", layer, vec![3], vec![8]);
    graph.push("sum", Operator::Add, vec![4, 3], vec![8]);
    graph.push("relu2", RELU, vec![5], vec![8]);
    let layer = dense(&mut random, 8, 3);
    graph.push("head", layer, vec![6], vec![3]);
    assert_close(&graph, &random.rows(300, 6, 0, 2000), 0.03, 0.0003);
}

#[test]
fn pieces_side_by_side_and_taken_apart() {
    let mut random = Random(9);
    let mut graph = normalised(4);
    let layer = dense(&mut random, 4, 6);
    graph.push("first", layer, vec![1], vec![6]);
    graph.push("tanh", Operator::Map(Function::Table(Tabled::Tanh)), vec![2], vec![6]);
    // Rows of three, features beside them, and then some of all.
    graph.push("beside", Operator::Concat { rows: 2 }, vec![3, 1], vec![2, 5]);
    graph.push("some", Operator::Select { indices: vec![9, 0, 3, 5, 6] }, vec![4], vec![5]);
    graph.push("slice", Operator::Select { indices: vec![1, 3] }, vec![5], vec![2]);
    graph.push("sum", Operator::Add, vec![6, 6], vec![2]);
    let layer = dense(&mut random, 5, 2);
    graph.push("head", layer, vec![5], vec![2]);
    graph.push("all", Operator::Concat { rows: 1 }, vec![8, 7], vec![4]);
    assert_close(&graph, &random.rows(300, 4, 0, 1500), 0.03, 0.0003);
}

#[test]
fn a_selection_of_many_pieces_is_a_dense_layer() {
    let mut random = Random(10);
    let mut graph = normalised(4);
    let layer = dense(&mut random, 4, 20);
    graph.push("first", layer, vec![1], vec![20]);
    graph.push("tanh", Operator::Map(Function::Table(Tabled::Tanh)), vec![2], vec![20]);
    let shuffled = (0..20).map(|index| index * 7 % 20).collect();
    graph.push("shuffle", Operator::Select { indices: shuffled }, vec![3], vec![20]);
    graph.push("square", Operator::Mul, vec![4, 3], vec![20]);
    assert_close(&graph, &random.rows(200, 4, 0, 1500), 0.03, 0.0003);
}

#[test]
fn softmax_in_the_middle_and_at_the_end() {
    let mut random = Random(11);
    for last in [false, true] {
        let mut graph = normalised(4);
        let layer = dense(&mut random, 4, 6);
        graph.push("first", layer, vec![1], vec![6]);
        graph.push("softmax", Operator::Softmax { row: 3 }, vec![2], vec![6]);
        if !last {
            let layer = dense(&mut random, 6, 2);
            graph.push("head", layer, vec![3], vec![2]);
        }
        assert_close(&graph, &random.rows(200, 4, 0, 3000), 0.03, 0.0005);
    }
}

#[test]
fn distances_and_squared_errors() {
    let mut random = Random(12);
    for weighted in [false, true] {
        let mut graph = Graph::new(4);
        let factor = vec![1.0 / 1000.0, 1.0 / 500.0, 1.0 / 2000.0, 0.003];
        graph.push("normalise", Operator::Affine { factor, offset: vec![0.0; 4] }, vec![0], vec![4]);
        let centroids = Matrix { columns: 4, data: random.reals(12, 1.0).iter().map(|x| x + 1.0).collect() };
        let positive = random.reals(12, 0.5).iter().map(|x| x + 0.6).collect();
        let weights = weighted.then_some(Matrix { columns: 4, data: positive });
        let bias = if weighted { random.reals(3, 1.0) } else { vec![0.0; 3] };
        graph.push("distance", Operator::Distance { centroids, weights, bias }, vec![1], vec![3]);
        assert_close(&graph, &random.rows(200, 4, 0, 1000), 0.03, 0.0005);
    }
    let mut graph = normalised(4);
    let layer = dense(&mut random, 4, 2);
    graph.push("narrow", layer, vec![1], vec![2]);
    graph.push("relu", RELU, vec![2], vec![2]);
    let layer = dense(&mut random, 2, 4);
    graph.push("wide", layer, vec![3], vec![4]);
    graph.push("error", Operator::SquaredError, vec![1, 4], vec![1]);
    graph.push("mean", Operator::Affine { factor: vec![0.25], offset: vec![0.0] }, vec![5], vec![1]);
    assert_close(&graph, &random.rows(200, 4, 0, 2000), 0.05, 0.0005);
}

#[test]
fn cells_keep_their_state() {
    let mut random = Random(13);
    for kind in
        [CellKind::Gru { linear_before_reset: true }, CellKind::Gru { linear_before_reset: false }, CellKind::Lstm]
    {
        let gates = if kind == CellKind::Lstm { 4 } else { 3 };
        let mut graph = normalised(3);
        let cell = Cell {
            kind,
            hidden: 5,
            w: random.reals(gates * 5 * 3, 0.5),
            r: random.reals(gates * 5 * 5, 0.4),
            b: random.reals(2 * gates * 5, 0.2),
        };
        graph.push("cell", Operator::Cell(cell), vec![1], vec![5]);
        let layer = dense(&mut random, 5, 2);
        graph.push("head", layer, vec![2], vec![2]);
        let counters = random.rows(150, 3, 0, 2000);
        let wide = error(&graph, &made(&graph, &counters, Precision::W16A16), &counters);
        // int8 weights and inputs: errors that the state keeps.
        let narrow = error(&graph, &made(&graph, &counters, Precision::W8A8), &counters);
        assert!(wide < 0.001 && narrow < 0.1, "{kind:?}: {wide} {narrow}");
    }
}

#[test]
fn logarithms_and_categories_are_steps_of_the_program() {
    let mut random = Random(14);
    let mut graph = Graph::new(3);
    graph.push("numbers", Operator::Select { indices: vec![0, 1] }, vec![0], vec![2]);
    graph.push("log", Operator::Map(Function::Log1p), vec![1], vec![2]);
    let operator = Operator::Affine { factor: vec![0.2, 0.1], offset: vec![-1.0, -0.5] };
    graph.push("scale", operator, vec![2], vec![2]);
    graph.push("kind", Operator::Select { indices: vec![2] }, vec![0], vec![1]);
    graph.push("categories", Operator::OneHot { categories: vec![0.0, 1.0, 2.0, 5.0] }, vec![4], vec![4]);
    graph.push("all", Operator::Concat { rows: 1 }, vec![3, 5], vec![6]);
    let layer = dense(&mut random, 6, 3);
    graph.push("head", layer, vec![6], vec![3]);
    let mut counters = random.rows(300, 3, 0, 1 << 40);
    counters.chunks_exact_mut(3).for_each(|row| row[2] = row[2].rem_euclid(6));
    let quantized = made(&graph, &counters, Precision::W16A16);
    assert_eq!((quantized.operators.len(), quantized.silent.len()), (1, 0));
    assert_close(&graph, &counters, 0.03, 0.0003);
}

#[test]
fn other_functions_of_one_feature_are_stairs() {
    let mut random = Random(15);
    let mut graph = normalised(2);
    graph.push("curve", Operator::Map(Function::Exp), vec![1], vec![2]);
    let layer = dense(&mut random, 2, 2);
    graph.push("head", layer, vec![2], vec![2]);
    let counters = random.rows(300, 2, 0, 3000);
    assert_eq!(made(&graph, &counters, Precision::W8A8).operators.len(), 1);
    assert_close(&graph, &counters, 0.03, 0.002);
}

#[test]
fn squares_of_features_of_all_magnitudes() {
    // As Gaussian naive Bayes is written: squares over variances, a transposition, a mean.
    let mut random = Random(16);
    let mut graph = Graph::new(3);
    graph.push("copies", Operator::Select { indices: vec![0, 1, 2, 0, 1, 2] }, vec![0], vec![2, 3]);
    let offset = vec![-10.0, -5000.0, -2e6, -20.0, -9000.0, -1e6];
    graph.push("centred", Operator::Affine { factor: vec![1.0; 6], offset }, vec![1], vec![2, 3]);
    graph.push("square", Operator::Map(Function::Square), vec![2], vec![2, 3]);
    let factor = vec![1e-2, 1e-7, 1e-12, 2e-2, 5e-8, 3e-12];
    graph.push("weighed", Operator::Affine { factor, offset: vec![0.0; 6] }, vec![3], vec![2, 3]);
    graph.push("turned", Operator::Select { indices: vec![0, 3, 1, 4, 2, 5] }, vec![4], vec![1, 3, 2]);
    let pool = Pool { kind: PoolKind::Mean, image: [1, 3, 2], window: WindowSpec::valid([1, 3]) };
    graph.push("mean", Operator::Pool(pool), vec![5], vec![1, 1, 2]);
    graph.push("sum", Operator::Affine { factor: vec![-3.0; 2], offset: vec![0.5, -0.25] }, vec![6], vec![2]);
    let mut counters = random.rows(300, 3, 0, 30);
    counters.chunks_exact_mut(3).for_each(|row| (row[1], row[2]) = (row[1] * 400, row[2] * 100_000));
    assert_eq!(made(&graph, &counters, Precision::W8A8).operators.len(), 2);
    assert_close(&graph, &counters, 0.03, 0.0003);
}

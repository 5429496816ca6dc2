//! A small model of every family, together with every operator: what the tests in the kernel decide with.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Leaves, PoolMode, Rounding};
use kinfer_convert::kinf::functions::{Function, softmax};
use kinfer_convert::kinf::*;

use crate::models::{feature, tensor};

/// Every model, with a name that fits a file.
pub fn all() -> Vec<(&'static str, ModelSpec)> {
    vec![
        ("zoo-image", image()),
        ("zoo-centroids", centroids()),
        ("zoo-autoencoder", autoencoder()),
        ("zoo-additive", additive()),
        ("zoo-trees", trees()),
        ("zoo-features", features()),
    ]
}

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, lo: i32, hi: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lo + ((self.0 >> 33) % (i64::from(hi) - i64::from(lo) + 1) as u64) as i32
    }

    fn i8s(&mut self, count: usize) -> Vec<i8> {
        (0..count).map(|_| self.next(-127, 127) as i8).collect()
    }
}

fn rows(numbers: &mut Numbers, channels: usize, row: usize, rounding: Rounding, (lo, hi): (i32, i32)) -> RowsSpec {
    RowsSpec {
        weights: numbers.i8s(channels * row).into(),
        biases: (0..channels).map(|_| i64::from(numbers.next(-500, 500))).collect(),
        multipliers: (0..channels)
            .map(|_| if rounding == Rounding::Shift { 1 } else { numbers.next(1 << 30, i32::MAX) })
            .collect(),
        shifts: vec![if rounding == Rounding::Shift { 7 } else { 38 }; channels],
        rounding,
        lo,
        hi,
    }
}

fn shaped(dims: &[u32]) -> TensorSpec {
    TensorSpec { element: ElementType::I8, dims: dims.to_vec(), zero_point: 0, scale: U32F96::ONE / 16 }
}

fn model(
    inputs: usize,
    tensors: Vec<TensorSpec>,
    operators: Vec<OperatorSpec>,
    kind: HeadKind,
    outcomes: usize,
) -> ModelSpec {
    ModelSpec {
        features: (0..inputs).map(|i| feature(&format!("x{i}"), -100, 100)).collect(),
        program: (0..inputs as u16).map(|source| StepSpec::Copy { source, lo: -128, hi: 127 }).collect(),
        head: HeadSpec { kind, scores: tensors.len() as u16 - 1, low_margin: I32F32::ZERO },
        tensors,
        operators,
        outcomes: (0..outcomes).map(|class| format!("class{class}")).collect(),
        provenance: vec![],
    }
}

/// Convolutions, pooling, shapes, everything element-wise, a dense layer of each rounding, softmax.
fn image() -> ModelSpec {
    let mut numbers = Numbers(1);
    let window = |kernel: u16, stride: u16, padding: u16| WindowSpec {
        stride: [stride; 2],
        before: [padding; 2],
        after: [padding; 2],
        ..WindowSpec::valid([kernel; 2])
    };
    let int8 = (-128, 127);
    let tensors = vec![
        shaped(&[4, 4, 2]),
        shaped(&[4, 4, 4]),
        shaped(&[4, 4, 4]),
        shaped(&[2, 2, 4]),
        shaped(&[1, 1, 4]),
        shaped(&[16]),
        shaped(&[16]),
        shaped(&[16]),
        shaped(&[8]),
        shaped(&[8]),
        shaped(&[8]),
        shaped(&[8]),
        shaped(&[16]),
        shaped(&[12]),
        shaped(&[5]),
        shaped(&[4]),
        TensorSpec { scale: U32F96::ONE / 256, zero_point: -128, ..shaped(&[4]) },
    ];
    let dense = |numbers: &mut Numbers, input: u16, row, channels, rounding, lo| {
        let rows = rows(numbers, channels, row, rounding, (lo, 127));
        OperatorSpec::Dense(DenseSpec { input, output: input + 1, rows, skip_zeros: false })
    };
    let operators = vec![
        OperatorSpec::Conv(ConvSpec {
            input: 0,
            output: 1,
            rows: rows(&mut numbers, 4, 18, Rounding::HalfEven, int8),
            window: window(3, 1, 1),
            groups: 1,
        }),
        OperatorSpec::Conv(ConvSpec {
            input: 1,
            output: 2,
            rows: rows(&mut numbers, 4, 9, Rounding::TfliteDouble, int8),
            window: window(3, 1, 1),
            groups: 4,
        }),
        OperatorSpec::Pool(PoolSpec {
            input: 2,
            output: 3,
            mode: PoolMode::Max,
            rounding: Rounding::HalfEven,
            window: window(2, 2, 0),
        }),
        OperatorSpec::Pool(PoolSpec {
            input: 3,
            output: 4,
            mode: PoolMode::Average,
            rounding: Rounding::HalfEven,
            window: window(2, 2, 0),
        }),
        OperatorSpec::Reshape(ReshapeSpec { input: 3, output: 5 }),
        OperatorSpec::Rescale(RescaleSpec {
            input: 5,
            output: 6,
            above: (3 << 29, 30),
            below: (1 << 29, 32),
            rounding: Rounding::HalfEven,
            lo: -128,
            hi: 127,
        }),
        OperatorSpec::Table(TableSpec {
            input: 6,
            output: 7,
            entries: Function::HardSwish.entries(&tensors[6], &tensors[7], 0),
        }),
        OperatorSpec::Slice(SliceSpec { input: 7, output: 8, rows: 1, start: 0, count: 8, stride: 2 }),
        OperatorSpec::Slice(SliceSpec { input: 7, output: 9, rows: 1, start: 1, count: 8, stride: 2 }),
        OperatorSpec::Add(AddSpec {
            inputs: (8, 9),
            output: 10,
            multipliers: (3 << 20, 5 << 20),
            shift: 22,
            rounding: Rounding::HalfEven,
            lo: -128,
            hi: 127,
        }),
        OperatorSpec::Mul(MulSpec {
            inputs: (8, 10),
            output: 11,
            factor: (1 << 30, 34),
            rounding: Rounding::HalfEven,
            lo: -128,
            hi: 127,
        }),
        OperatorSpec::Concat(ConcatSpec { input: 10, second: 11, output: 12, rows: 1 }),
        dense(&mut numbers, 12, 16, 12, Rounding::Shift, 0),
        dense(&mut numbers, 13, 12, 5, Rounding::TfliteSingle, -128),
        dense(&mut numbers, 14, 5, 4, Rounding::TfliteDouble, -128),
        OperatorSpec::Softmax(softmax((15, &tensors[15]), (16, &tensors[16]), 4)),
    ];
    model(32, tensors, operators, HeadKind::TopK(2), 4)
}

/// k-means with weights: the nearest of three.
fn centroids() -> ModelSpec {
    let mut numbers = Numbers(2);
    let scores = TensorSpec { element: ElementType::I32, ..shaped(&[3]) };
    let distance = DistanceSpec {
        input: 0,
        output: 1,
        centroids: numbers.i8s(15).into(),
        weights: Some((0..15).map(|_| numbers.next(0, 9)).collect()),
        biases: None,
        scaling: unscaled(),
    };
    model(5, vec![shaped(&[5]), scores], vec![OperatorSpec::Distance(distance)], HeadKind::ArgMin, 3)
}

/// Squared error between the inputs and what a bottleneck leaves of them.
fn autoencoder() -> ModelSpec {
    let mut numbers = Numbers(3);
    let narrow = rows(&mut numbers, 2, 6, Rounding::HalfEven, (0, 127));
    let wide = rows(&mut numbers, 6, 2, Rounding::HalfEven, (-128, 127));
    let error = SquaredErrorSpec { input: 0, second: 2, output: 3, weights: None, scaling: unscaled() };
    let tensors =
        vec![shaped(&[6]), shaped(&[2]), shaped(&[6]), TensorSpec { element: ElementType::I32, ..shaped(&[1]) }];
    let operators = vec![
        OperatorSpec::Dense(DenseSpec { input: 0, output: 1, rows: narrow, skip_zeros: true }),
        OperatorSpec::Dense(DenseSpec { input: 1, output: 2, rows: wide, skip_zeros: false }),
        OperatorSpec::SquaredError(error),
    ];
    model(6, tensors, operators, HeadKind::Anomaly(I32F32::from_num(1_200)), 2)
}

fn unscaled() -> ScalingSpec {
    ScalingSpec { multiplier: 1, shift: 0, rounding: Rounding::HalfEven, lo: i32::MIN, hi: i32::MAX }
}

/// Two tables of one feature and one of a pair.
fn additive() -> ModelSpec {
    let mut numbers = Numbers(4);
    let mut term = |elements, bins: [u16; 2]| {
        let entries = usize::from(bins[0]) * usize::from(bins[1]);
        TermSpec { elements, bins, table: (0..entries).map(|_| numbers.next(-1_000, 1_000)).collect() }
    };
    let terms = vec![term([0, 0], [7, 1]), term([1, 1], [50, 1]), term([0, 1], [4, 5])];
    let additive = AdditiveSpec { input: 0, output: 1, bases: vec![12], terms };
    let scores = TensorSpec { element: ElementType::I32, ..shaped(&[1]) };
    model(2, vec![shaped(&[2]), scores], vec![OperatorSpec::Additive(additive)], HeadKind::Value, 1)
}

/// A forest of shallow trees and one deep tree, so that both backends run, with missing values.
fn trees() -> ModelSpec {
    let mut numbers = Numbers(5);
    let shallow = (0..11).map(|tree| grown(&mut numbers, 1 + tree % 6)).collect();
    let deep = vec![grown(&mut numbers, 10)];
    let scores = |elements| TensorSpec { element: ElementType::I32, ..shaped(&[elements]) };
    let forest = |trees, output| {
        OperatorSpec::Trees(TreesSpec { input: 0, output, leaves: Leaves::Value, missing: true, trees, bases: vec![5] })
    };
    let both = ConcatSpec { input: 1, second: 2, output: 3, rows: 1 };
    let tensors = vec![tensor(ElementType::I16, 4, 0), scores(1), scores(1), scores(2)];
    let operators = vec![forest(shallow, 1), forest(deep, 2), OperatorSpec::Concat(both)];
    let mut spec = model(4, tensors, operators, HeadKind::ArgMax, 2);
    spec.program = (0..4).map(|source| StepSpec::Copy { source, lo: -32_768, hi: 32_767 }).collect();
    spec
}

/// A perfect tree over four features.
fn grown(numbers: &mut Numbers, depth: u32) -> TreeSpec {
    let inner = (1usize << depth) - 1;
    let split = |at: usize, numbers: &mut Numbers| TreeNodeSpec::Split {
        feature: numbers.next(0, 3) as u16,
        threshold: numbers.next(-90, 90) as i16,
        left: 2 * at + 1,
        right: 2 * at + 2,
        missing_right: numbers.next(0, 1) == 1,
    };
    let mut nodes: Vec<_> = (0..inner).map(|at| split(at, numbers)).collect();
    nodes.extend((0..=inner).map(|_| TreeNodeSpec::Leaf(vec![numbers.next(-1_000, 1_000)])));
    TreeSpec { class: 0, nodes }
}

/// Every step of the feature program that needs no state, before a dense layer of 16-bit weights.
fn features() -> ModelSpec {
    let mut numbers = Numbers(6);
    let (lo, hi) = (-32_768, 32_767);
    let program = vec![
        StepSpec::Log2 { source: 0, one_plus: true },       // value 3
        StepSpec::Difference { source: 0, second: 1 },      // value 4
        StepSpec::Ratio { source: 1, second: 2, shift: 8 }, // value 5
        StepSpec::Clamp { source: 4, lo: -50, hi: 50 },     // value 6
        StepSpec::affine(3, 1, -1_000, 6, ElementType::I16),
        StepSpec::Copy { source: 5, lo, hi },
        StepSpec::Copy { source: 6, lo, hi },
        StepSpec::Bucketise { source: 0, thresholds: vec![-70, -3, 0, 4, 60], base: -2 },
        StepSpec::OneHot { source: 2, count: 3, first: -1, off: 0, on: 100 },
        StepSpec::Digits { source: 1, count: 3, base: 0 },
    ];
    let inputs = 10;
    let weights: Vec<i16> = (0..inputs * 3).map(|_| numbers.next(-32_768, 32_767) as i16).collect();
    let rows = RowsSpec {
        weights: weights.into(),
        biases: vec![7, -900, 12_345],
        multipliers: vec![1 << 30, 1_500_000_000, 2_000_000_000],
        shifts: vec![34, 35, 35],
        rounding: Rounding::HalfEven,
        lo: i32::MIN,
        hi: i32::MAX,
    };
    let scores = TensorSpec { element: ElementType::I32, ..shaped(&[3]) };
    let dense = OperatorSpec::Dense(DenseSpec { input: 0, output: 1, rows, skip_zeros: false });
    let mut spec = model(3, vec![tensor(ElementType::I16, inputs, 0), scores], vec![dense], HeadKind::ArgMax, 3);
    spec.program = program;
    spec
}

#[cfg(test)]
mod tests {
    use kinfer::format::OperatorKind;
    use kinfer::{Limits, Model, verify};

    #[test]
    fn the_kernel_accepts_each_and_all_stateless_operators_are_among_them() {
        let mut kinds: Vec<OperatorKind> = Vec::new();
        for (name, spec) in super::all() {
            let bytes = spec.to_bytes();
            let model = Model::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            verify(&model, &Limits::KERNEL).unwrap_or_else(|error| panic!("{name}: {error}"));
            kinds.extend(model.operators().iter().map(|operator| operator.kind()));
        }
        let clip_and_state = [OperatorKind::Clip, OperatorKind::Recall, OperatorKind::Remember];
        for kind in OperatorKind::ALL.iter().filter(|kind| !clip_and_state.contains(kind)) {
            assert!(kinds.contains(kind), "no model has {}", kind.name());
        }
    }
}

//! Small layers that run as one record give the scores of the wide reference, and only those are joined that may be.

use kinfer::format::{ElementType, Rounding};
use kinfer::{Limits, Model, Packed, Report, verify};
use kinfer_convert::kinf::{
    AddSpec, DenseSpec, EntriesSpec, ModelSpec, OperatorSpec, RowsSpec, TableSpec, TensorSpec, WeightsSpec,
};
use kinfer_suite::{models, wide};
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// A dense layer of int8 weights. Its inputs are as wide as `weight_bits` leaves them, so that all numbers of lanes come up.
#[derive(Clone, Debug)]
struct Layer {
    outputs: usize,
    element: ElementType,
    zero_point: i8,
    rounding: Rounding,
    factors: Vec<(i32, u8)>,
    weights: Vec<i8>,
    biases: Vec<i64>,
    clamp: [i8; 2],
    table: Option<Vec<i8>>,
}

fn layer(inputs: usize, outputs: usize) -> impl Strategy<Value = Layer> {
    let rounding = prop_oneof![
        4 => Just(Rounding::HalfEven),
        2 => Just(Rounding::TfliteSingle),
        1 => Just(Rounding::TfliteDouble),
        2 => Just(Rounding::Shift)
    ];
    let element = prop_oneof![4 => Just(ElementType::I8), 1 => Just(ElementType::I16)];
    let factor = ((1i32 << 30)..=i32::MAX, prop_oneof![4 => 34u8..44, 1 => 20u8..62]);
    let table = prop::option::of(vec(any::<i8>(), 256));
    let weights = (0u32..8, vec(any::<i8>(), inputs * outputs));
    let numbers = (any::<i8>(), any::<[i8; 2]>(), vec(-5_000i64..5_000, outputs));
    (element, rounding, vec(factor, outputs), weights, numbers, table).prop_map(
        move |(element, rounding, factors, (shift, weights), (zero_point, clamp, biases), table)| Layer {
            outputs,
            element,
            zero_point,
            rounding,
            factors: match rounding {
                Rounding::Shift => factors.iter().map(|&(_, shift)| (1, shift % 16)).collect(),
                Rounding::TfliteDouble => factors.iter().map(|&(factor, shift)| (factor, shift.max(31))).collect(),
                _ => factors,
            },
            weights: weights.into_iter().map(|weight| weight >> shift).collect(),
            biases,
            clamp,
            table: table.filter(|_| element == ElementType::I8),
        },
    )
}

/// Layers of one to 30 rows, of which those of at most four words are joined.
fn network() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let size = prop_oneof![4 => 1usize..8, 4 => 8usize..20, 1 => 20usize..70];
    vec(size, 2..6).prop_flat_map(|sizes| {
        let layers: Vec<_> = sizes.windows(2).map(|pair| layer(pair[0], pair[1])).collect();
        let row = vec(prop_oneof![6 => -128i64..128, 1 => Just(i64::MIN), 1 => Just(i64::MAX)], sizes[0]);
        (layers, vec(row, 1..6)).prop_map(move |(layers, rows)| (spec(sizes[0], &layers), rows))
    })
}

fn spec(inputs: usize, layers: &[Layer]) -> ModelSpec {
    let (mut tensors, mut operators) = (vec![models::whole(ElementType::I8, inputs, 3)], vec![]);
    for layer in layers {
        let input = operators.len() as u16;
        let clamp = layer.clamp.map(i32::from);
        let (multipliers, shifts) = layer.factors.iter().copied().unzip();
        tensors.push(models::whole(layer.element, layer.outputs, i32::from(layer.zero_point)));
        operators.push(OperatorSpec::Dense(DenseSpec {
            input,
            output: input + 1,
            rows: RowsSpec {
                weights: WeightsSpec::I8(layer.weights.clone()),
                biases: layer.biases.clone(),
                multipliers,
                shifts,
                rounding: layer.rounding,
                lo: clamp[0].min(clamp[1]),
                hi: clamp[0].max(clamp[1]),
            },
            skip_zeros: false,
        }));
        if let Some(entries) = &layer.table {
            tensors.push(tensors[usize::from(input) + 1].clone());
            let entries = EntriesSpec::I8(entries.clone());
            operators.push(OperatorSpec::Table(TableSpec { input: input + 1, output: input + 2, entries }));
        }
    }
    models::on_counters(tensors, operators)
}

fn report(spec: &ModelSpec) -> Report {
    verify(&Model::parse(&spec.to_bytes()).unwrap(), &Limits::KERNEL).unwrap()
}

/// Operators that each record runs, 0 for those that run in the record of another.
fn records(spec: &ModelSpec) -> Vec<(bool, u16)> {
    report(spec).operators.iter().map(|operator| (operator.need.chained, operator.need.records)).collect()
}

fn equals_the_reference(spec: &ModelSpec, rows: &[Vec<i64>]) {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    // Wide sums do not fit TensorFlow Lite's 32 bits.
    let Ok(report) = verify(&model, &Limits::KERNEL) else { return };
    let packed = Packed::new(&model, &report, vec![-1; report.packed_words]).unwrap();
    let mut scratch = vec![i64::MIN; report.scratch_words];
    for row in rows {
        let expected = wide::decide(spec, row);
        let scores: Vec<i32> = expected.outputs.last().unwrap().iter().map(|q| q.to_i32().unwrap()).collect();
        let decision = packed.decide(&mut scratch, row);
        assert_eq!((decision.class, decision.value.to_bits()), (expected.class, expected.value));
        let inputs: Vec<i32> = row.iter().map(|&raw| raw.clamp(-128, 127) as i32).collect();
        scratch.fill(i64::MAX);
        assert_eq!(packed.infer(&mut scratch, &mut [], &inputs), scores);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn small_networks_equal_the_wide_reference((spec, rows) in network()) {
        equals_the_reference(&spec, &rows);
    }
}

/// Weights and tables of no meaning.
fn plain(inputs: usize, outputs: usize, table: bool) -> Layer {
    Layer {
        outputs,
        element: ElementType::I8,
        zero_point: -7,
        rounding: Rounding::HalfEven,
        factors: vec![(0x5555_5555, 40); outputs],
        weights: (0..inputs * outputs).map(|i| (i * 37 % 251) as i8).collect(),
        biases: (0..outputs as i64).map(|i| i * 100 - 300).collect(),
        clamp: [-128, 127],
        table: table.then(|| (0..256).map(|i| (i * 91 % 256) as u8 as i8).collect()),
    }
}

#[test]
fn a_small_network_with_tables_is_one_record() {
    let spec = spec(5, &[plain(5, 15, true), plain(15, 5, true), plain(5, 4, false)]);
    assert_eq!(records(&spec), [(true, 1), (true, 0), (true, 0), (true, 0), (true, 0)]);
    equals_the_reference(&spec, &[vec![0, 1, -1, 127, -128], vec![50, -50, 3, 3, 3]]);
}

#[test]
fn a_large_layer_parts_a_chain() {
    let spec = spec(5, &[plain(5, 8, false), plain(8, 90, false), plain(90, 4, false), plain(4, 3, false)]);
    let joined: Vec<bool> = records(&spec).iter().map(|&(chained, _)| chained).collect();
    assert_eq!(joined, [true, false, false, true]);
    equals_the_reference(&spec, &[vec![0, 1, -1, 127, -128]]);
}

#[test]
fn a_tensor_that_another_operator_reads_ends_a_chain() {
    let mut spec = spec(5, &[plain(5, 4, false), plain(4, 4, false)]);
    assert_eq!(records(&spec), [(true, 1), (true, 0)]);
    // Tensor 3 is the sum of tensors 1 and 2.
    let sum: TensorSpec = spec.tensors[2].clone();
    spec.tensors.push(sum);
    spec.operators.push(OperatorSpec::Add(AddSpec {
        inputs: (1, 2),
        output: 3,
        multipliers: (1 << 10, 1 << 10),
        shift: 10,
        rounding: Rounding::HalfEven,
        lo: -128,
        hi: 127,
    }));
    spec.head.scores = 3;
    assert_eq!(records(&spec), [(true, 1), (true, 1), (false, 1)]);
    equals_the_reference(&spec, &[vec![0, 1, -1, 127, -128]]);
}

#[test]
fn scores_of_the_middle_of_a_network_are_written() {
    let mut spec = spec(5, &[plain(5, 4, false), plain(4, 4, false)]);
    spec.head.scores = 1;
    assert_eq!(records(&spec), [(true, 1), (true, 1)]);
}

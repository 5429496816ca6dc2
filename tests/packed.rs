//! The packed backend gives the bits of the plain one, whatever the weights, sizes, scales and roundings.

use fixed::types::U32F96;
use kinfer::backend::{Backend, Io, PackedWords, Reference};
use kinfer::format::{ElementType, HeadKind, OperatorKind, Rounding};
use kinfer::{Limits, Model, verify};
use kinfer_convert::kinf::{
    DenseSpec, FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, RowsSpec, StepSpec, TensorSpec, WeightsSpec,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![
        1 => Just(Rounding::HalfEven),
        1 => Just(Rounding::TfliteSingle),
        1 => Just(Rounding::TfliteDouble),
        2 => Just(Rounding::Shift)
    ]
}

/// Weights of a size of their own a row, so that blocks of every number of lanes come up.
fn weights(inputs: usize, rows: usize) -> impl Strategy<Value = WeightsSpec> {
    let row = (0u32..16, vec(any::<i16>(), inputs))
        .prop_map(|(shift, row)| row.into_iter().map(|weight| weight >> shift).collect::<Vec<i16>>());
    (vec(row, rows), any::<bool>()).prop_map(|(rows, wide)| {
        let all = rows.concat();
        match wide {
            true => WeightsSpec::I16(all),
            false => WeightsSpec::I8(all.iter().map(|&weight| weight.clamp(-128, 127) as i8).collect()),
        }
    })
}

fn multiplier(rounding: Rounding) -> BoxedStrategy<(i32, u8)> {
    match rounding {
        Rounding::Shift => (0u8..30).prop_map(|shift| (1, shift)).boxed(),
        // Accumulators of TensorFlow Lite are 32 bits, and its shifts to the left rare.
        Rounding::TfliteDouble => ((1i32 << 30)..=i32::MAX, 31u8..50).boxed(),
        _ => prop_oneof![
            ((1i32 << 30)..=i32::MAX, 25u8..62),
            (0u32..8, 0u8..20).prop_map(|(power, shift)| (1 << power, shift)),
            (any::<i32>().prop_map(|m| m & i32::MAX), 0u8..=94),
        ]
        .boxed(),
    }
}

fn dense() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i32>>)> {
    let sizes = (prop_oneof![1usize..8, 1usize..70], prop_oneof![1usize..6, 1usize..40]);
    (sizes, rounding(), any::<[bool; 4]>(), any::<[i16; 3]>()).prop_flat_map(
        |((inputs, rows), rounding, [wide_in, wide_out, skip, same_shift], [zero_in, a, b])| {
            let element = if wide_in { ElementType::I16 } else { ElementType::I8 };
            let element_out = if wide_out { ElementType::I16 } else { ElementType::I8 };
            let (lo_in, hi_in) = element.range();
            let (lo_out, hi_out) = element_out.range();
            let clamp = move |value: i16| i32::from(value).clamp(lo_out, hi_out);
            let zero_in = i32::from(zero_in).clamp(lo_in, hi_in);
            let row = prop_oneof![
                vec(lo_in..=hi_in, inputs),
                vec(prop_oneof![Just(zero_in), Just(lo_in), Just(hi_in)], inputs)
            ];
            let factors = vec(multiplier(rounding), rows);
            let biases = vec((any::<i32>(), 0u32..32).prop_map(|(bias, shift)| i64::from(bias >> shift)), rows);
            (weights(inputs, rows), factors, biases, vec(row, 1..6)).prop_map(
                move |(weights, mut factors, biases, inputs_of)| {
                    if same_shift {
                        factors = vec![factors[0]; rows];
                    }
                    let (multipliers, shifts) = factors.into_iter().unzip();
                    let tensor = |element, elements: usize, zero_point| TensorSpec {
                        element,
                        dims: vec![elements as u32],
                        zero_point,
                        scale: U32F96::ONE,
                    };
                    let step = StepSpec::affine(0, 1, 0, 0, element);
                    let spec = ModelSpec {
                        features: vec![FeatureSpec { name: "x".into(), unit: "1".into(), lo: 0, hi: 1 }],
                        program: vec![step; inputs],
                        tensors: vec![tensor(element, inputs, zero_in), tensor(element_out, rows, clamp(a))],
                        operators: vec![OperatorSpec::Dense(DenseSpec {
                            input: 0,
                            output: 1,
                            rows: RowsSpec {
                                weights,
                                biases,
                                multipliers,
                                shifts,
                                rounding,
                                lo: clamp(a.min(b)),
                                hi: clamp(a.max(b)),
                            },
                            skip_zeros: skip,
                        })],
                        head: HeadSpec { kind: HeadKind::ArgMax, scores: 1, low_margin: Default::default() },
                        outcomes: (0..rows.max(2)).map(|class| class.to_string()).collect(),
                        provenance: vec![],
                    };
                    (spec, inputs_of)
                },
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn packed_words_give_the_bits_of_the_reference((spec, rows) in dense()) {
        let mut spec = spec;
        let outputs = spec.tensors[1].dims[0];
        if outputs == 1 {
            spec.head.kind = HeadKind::Threshold(Default::default());
        }
        let bytes = spec.to_bytes();
        let model = Model::parse(&bytes).unwrap();
        let limits = Limits { operations: u64::MAX, ..Limits::KERNEL };
        let report = match verify(&model, &limits) {
            Ok(report) => report,
            Err(error) => {
                // Wide sums do not fit TensorFlow Lite's 32 bits.
                let OperatorSpec::Dense(dense) = &spec.operators[0] else { unreachable!() };
                prop_assert!(dense.rows.rounding == Rounding::TfliteDouble, "{}", error);
                return Ok(());
            }
        };
        let operator = model.operators().get(0).unwrap();
        let node = verify::node(&model, &operator, &report).unwrap();
        let run = |backend: &dyn Runs, inputs: &[i32]| backend.outputs(&node, inputs);
        for inputs in &rows {
            prop_assert_eq!(run(&Reference, inputs), run(&PackedWords, inputs));
        }
    }
}

/// A backend that packs and runs one operator.
trait Runs {
    fn outputs(&self, node: &verify::Node<'_>, inputs: &[i32]) -> Vec<i32>;
}

impl<B: Backend> Runs for B {
    fn outputs(&self, node: &verify::Node<'_>, inputs: &[i32]) -> Vec<i32> {
        let need = self.need(node).unwrap();
        let mut memory = vec![-1; need.words as usize];
        self.pack(node, &mut memory);
        let mut output = vec![i32::MIN; node.outputs()];
        let mut workspace = vec![-1; need.workspace as usize];
        let io = Io { input: inputs, second: &[], output: &mut output, workspace: &mut workspace, state: &mut [] };
        self.run(OperatorKind::Dense, &memory, io);
        output
    }
}

/// Found by the property above: the product and the half fit 64 bits, and the product with the zero point does not.
#[test]
fn a_sum_that_leaves_64_bits_with_the_zero_point_alone_is_taken_in_full() {
    let mut spec = kinfer_suite::models::two_counters();
    spec.tensors[1].zero_point = -128;
    if let OperatorSpec::Dense(dense) = &mut spec.operators[0] {
        dense.rows.weights = vec![0i8; 4].into();
        (dense.rows.biases, dense.rows.multipliers) = (vec![0, -63_666_225], vec![1_131_802_505; 2]);
        dense.rows.shifts = vec![56; 2];
    }
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let operator = model.operators().get(0).unwrap();
    let node = verify::node(&model, &operator, &report).unwrap();
    assert_eq!(Runs::outputs(&Reference, &node, &[0, 0]), [-128, -128]);
    assert_eq!(Runs::outputs(&PackedWords, &node, &[0, 0]), [-128, -128]);
}

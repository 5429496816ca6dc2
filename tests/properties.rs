//! Claims about all files and all inputs, against the wide-integer reference.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Rounding};
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::kinf::container::seal;
use kinfer_convert::kinf::{
    AffineSpec, ClipSpec, DenseSpec, FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, RowsSpec, StepSpec, TensorSpec,
    WeightsSpec,
};
use kinfer_suite::{models, wide};
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// Sizes of the layers between the inputs and the head.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1usize..=9, 2..=5)
}

fn element() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::I8), Just(ElementType::I16)]
}

/// Values with many bits and few bits equally likely, as well as the ends.
fn wild() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (any::<i64>(), 0u32..64).prop_map(|(value, shift)| value >> shift),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
    ]
}

fn tensor(elements: usize) -> impl Strategy<Value = TensorSpec> {
    (element(), any::<i16>(), 1u128..u128::MAX, 0u32..100).prop_map(move |(element, zero, scale, shift)| {
        let (lo, hi) = element.range();
        let scale = U32F96::from_bits((scale >> shift).max(1));
        TensorSpec { element, dims: vec![elements as u32], zero_point: i32::from(zero).clamp(lo, hi), scale }
    })
}

fn step(features: usize) -> impl Strategy<Value = AffineSpec> {
    (0..features, wild(), wild(), 0u32..64, 0u8..=96).prop_map(|(source, multiplier, bias, widen, shift)| {
        let bias = i128::from(bias) << (widen % 62);
        AffineSpec::new(source as u16, multiplier / 4, bias, shift, ElementType::I8)
    })
}

/// Bias, multiplier and shift of a channel: anything, or small ones that make ties and seldom saturate.
fn channel() -> impl Strategy<Value = (i64, i32, u8)> {
    prop_oneof![
        (wild(), 0i32..=i32::MAX, 0u8..=60).prop_map(|(bias, multiplier, shift)| (bias >> 8, multiplier, shift)),
        (-2_000i64..2_000, 0u32..4, 1u8..10).prop_map(|(bias, power, shift)| (bias, 1 << power, shift)),
    ]
}

fn dense(index: usize, inputs: usize, outputs: usize) -> impl Strategy<Value = DenseSpec> {
    let channels = vec(channel(), outputs).prop_map(|channels| {
        let (biases, factors): (_, Vec<_>) = channels.into_iter().map(|(bias, m, s)| (bias, (m, s))).unzip();
        let (multipliers, shifts) = factors.into_iter().unzip();
        (biases, multipliers, shifts)
    });
    (vec(any::<i8>(), inputs * outputs), channels, any::<[i8; 2]>()).prop_map(
        move |(weights, (biases, multipliers, shifts), clip)| DenseSpec {
            input: index as u16,
            output: index as u16 + 1,
            rows: RowsSpec {
                weights: WeightsSpec::I8(weights),
                biases,
                multipliers,
                shifts,
                rounding: Rounding::HalfEven,
                lo: i32::from(clip[0].min(clip[1])),
                hi: i32::from(clip[0].max(clip[1])),
            },
            skip_zeros: false,
        },
    )
}

/// A valid model: dense layers of random sizes, the last with its whole range, an optional clip, either head.
fn model() -> impl Strategy<Value = ModelSpec> {
    (sizes(), 1usize..=6, any::<bool>()).prop_flat_map(|(sizes, features, clip)| {
        let features_of = vec((wild(), wild()), features);
        let tensors: Vec<_> = sizes.iter().map(|&size| tensor(size)).collect();
        let operators: Vec<_> = sizes.windows(2).enumerate().map(|(i, pair)| dense(i, pair[0], pair[1])).collect();
        let program = vec(step(features), sizes[0]);
        (features_of, program, tensors, operators, wild(), wild()).prop_map(
            move |(ranges, program, mut tensors, operators, threshold, low_margin)| {
                let last = sizes.len() - 1;
                let (lo, hi) = tensors[0].element.range();
                let saturate = |step| AffineSpec { lo, hi, ..step };
                tensors[last].element = ElementType::I32;
                let mut operators: Vec<_> = operators.into_iter().map(OperatorSpec::Dense).collect();
                if let Some(OperatorSpec::Dense(scores)) = operators.last_mut() {
                    (scores.rows.lo, scores.rows.hi) = ElementType::I32.range();
                }
                if clip && last >= 2 {
                    // Between the first layer and the second: another tensor of the first layer's kind.
                    tensors.insert(2, tensors[1].clone());
                    for operator in &mut operators[1..] {
                        if let OperatorSpec::Dense(dense) = operator {
                            (dense.input, dense.output) = (dense.input + 1, dense.output + 1);
                        }
                    }
                    operators.insert(1, OperatorSpec::Clip(ClipSpec { input: 1, output: 2, lo: -20, hi: 33 }));
                }
                let scores = tensors.len() - 1;
                let kind = match sizes[last] {
                    1 => HeadKind::Threshold(I32F32::from_bits(threshold)),
                    _ => HeadKind::ArgMax,
                };
                ModelSpec {
                    features: (0..)
                        .zip(&ranges)
                        .map(|(i, &(a, b))| FeatureSpec {
                            name: format!("counter{i}"),
                            unit: "count".into(),
                            lo: a.min(b),
                            hi: a.max(b),
                        })
                        .collect(),
                    program: program.into_iter().map(saturate).map(StepSpec::Affine).collect(),
                    tensors,
                    operators,
                    head: HeadSpec {
                        kind,
                        scores: scores as u16,
                        low_margin: I32F32::from_bits(low_margin.saturating_abs()),
                    },
                    outcomes: (0..sizes[last].max(2)).map(|class| format!("outcome{class}")).collect(),
                    provenance: vec![],
                }
            },
        )
    })
}

fn model_and_rows() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    model().prop_flat_map(|spec| {
        let rows = vec(vec(wild(), spec.features.len()), 1..8);
        (Just(spec), rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_verified_model_equals_the_wide_reference_and_stays_in_its_proved_intervals((spec, rows) in model_and_rows()) {
        let bytes = spec.to_bytes();
        let model = Model::parse(&bytes).unwrap();
        let report = verify(&model, &Limits::KERNEL).unwrap();
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let mut scratch = vec![i64::MIN; report.scratch_words];
        for row in &rows {
            let decision = packed.decide(&mut scratch, row);
            let expected = wide::decide(&spec, row);
            prop_assert_eq!(decision.class, expected.class);
            prop_assert_eq!(decision.value.to_bits(), expected.value);
            prop_assert_eq!(decision.margin.to_bits(), expected.margin);
            prop_assert_eq!(decision.flags.bits(), expected.flags);
            let reached = expected.accumulators.iter().zip(&expected.outputs);
            for (proved, (accumulators, outputs)) in report.operators.iter().zip(reached) {
                for acc in accumulators {
                    prop_assert!(proved.accumulator.contains(acc.to_i64().unwrap()));
                }
                for output in outputs {
                    prop_assert!(proved.output.contains(output.to_i64().unwrap()));
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = Model::parse(&bytes);
    }

    #[test]
    fn damaged_files_are_refused_or_run(
        spec in model(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        shorten in prop::bool::weighted(0.1),
    ) {
        let mut bytes = spec.to_bytes();
        for (index, value) in damage {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        seal(&mut bytes);
        let Ok(model) = Model::parse(&bytes) else { return Ok(()) };
        let Ok(report) = verify(&model, &Limits::KERNEL) else { return Ok(()) };
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let mut scratch = vec![0; report.scratch_words];
        for value in [i64::MIN, -1, 0, i64::MAX] {
            let decision = packed.decide(&mut scratch, &vec![value; report.inputs]);
            prop_assert!((decision.class as usize) < report.outcomes);
            prop_assert!(!decision.flags.contains(kinfer::Flags::FALLBACK));
        }
    }

    #[test]
    fn every_single_bit_flip_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = models::two_counters().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Model::parse(&bytes).is_err());
    }
}

//! Changes of scale, tables, softmax, sums and products: every file that the verifier accepts equals the wide reference
//! and stays in its proved intervals; what it must refuse is refused with its sentence.

use fixed::types::U32F96;
use kinfer::format::{ElementType, HeadKind, Rounding};
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::kinf::{
    AddSpec, ClipSpec, EntriesSpec, FeatureSpec, HeadSpec, KnotsSpec, ModelSpec, MulSpec, OperatorSpec, RescaleSpec,
    SoftmaxSpec, StepSpec, TableSpec, TensorSpec,
};
use kinfer_suite::wide;
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

const ROUNDINGS: [Rounding; 4] = [Rounding::HalfEven, Rounding::TfliteSingle, Rounding::TfliteDouble, Rounding::Shift];

/// A model whose raw counters are the elements of tensor 0, saturated.
fn model(tensors: Vec<TensorSpec>, operators: Vec<OperatorSpec>) -> ModelSpec {
    let elements = |tensor: &TensorSpec| tensor.dims.iter().product::<u32>();
    let inputs = elements(&tensors[0]);
    let outputs = elements(tensors.last().unwrap());
    let step = |source| StepSpec { source, multiplier: 1, bias: 0, shift: 0, rounding: Rounding::HalfEven };
    ModelSpec {
        features: (0..inputs)
            .map(|i| FeatureSpec { name: format!("x{i}"), unit: "1".into(), lo: i64::MIN, hi: i64::MAX })
            .collect(),
        program: (0..inputs).map(|source| step(source as u16)).collect(),
        head: HeadSpec {
            kind: if outputs == 1 { HeadKind::Threshold(Default::default()) } else { HeadKind::ArgMax },
            scores: tensors.len() as u16 - 1,
            low_margin: Default::default(),
        },
        tensors,
        operators,
        outcomes: (0..outputs.max(2)).map(|class| class.to_string()).collect(),
        provenance: vec![],
    }
}

/// `None` when the verifier refuses it: its sentence is in `Err`.
fn check(spec: &ModelSpec, rows: &[Vec<i64>]) -> Result<Result<(), String>, TestCaseError> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let report = match verify(&model, &Limits::KERNEL) {
        Ok(report) => report,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let packed = Packed::new(&model, &report, vec![-1; report.packed_words]).unwrap();
    let mut scratch = vec![i64::MIN; report.scratch_words];
    for row in rows {
        let decision = packed.decide_with(&mut scratch, &mut [], row);
        let expected = wide::decide(spec, row);
        let (lo, hi) = spec.tensors[0].element.range();
        let inputs: Vec<i32> = row.iter().map(|&raw| raw.clamp(lo.into(), hi.into()) as i32).collect();
        let scores = packed.infer(&mut scratch, &mut [], &inputs);
        let wide_scores: Vec<i32> = expected.outputs.last().unwrap().iter().map(|q| q.to_i32().unwrap()).collect();
        prop_assert_eq!(scores, &wide_scores[..]);
        prop_assert_eq!((decision.class, decision.value.to_bits()), (expected.class, expected.value));
        prop_assert_eq!(decision.margin.to_bits(), expected.margin);
        let reached = expected.accumulators.iter().zip(&expected.outputs);
        for (proved, (accumulators, outputs)) in report.operators.iter().zip(reached) {
            for acc in accumulators {
                prop_assert!(proved.accumulator.contains(acc.to_i64().unwrap()), "{} {:?}", acc, proved);
            }
            for output in outputs {
                prop_assert!(proved.output.contains(output.to_i64().unwrap()), "{} {:?}", output, proved);
            }
        }
    }
    Ok(Ok(()))
}

fn narrow() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::I8), Just(ElementType::I16)]
}

fn any_element() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::I8), Just(ElementType::I16), Just(ElementType::I32)]
}

fn tensor(element: ElementType, elements: usize, zero_point: i32) -> TensorSpec {
    let (lo, hi) = element.range();
    let scale = U32F96::ONE / 16;
    TensorSpec { element, dims: vec![elements as u32], zero_point: zero_point.clamp(lo, hi), scale }
}

/// Few and many bits alike, and the ends.
fn wild() -> impl Strategy<Value = i32> {
    prop_oneof![6 => (any::<i32>(), 0u32..32).prop_map(|(value, shift)| value >> shift), 1 => Just(i32::MIN), 1 => Just(i32::MAX)]
}

fn row(elements: usize) -> impl Strategy<Value = Vec<i64>> {
    vec((any::<i64>(), 0u32..64).prop_map(|(value, shift)| value >> shift), elements)
}

fn rows(elements: usize) -> impl Strategy<Value = Vec<Vec<i64>>> {
    let ends = [i64::MIN, i64::MAX, -1, 0, 1].map(|value| vec![value; elements]);
    vec(row(elements), 1..6).prop_map(move |mut rows| {
        rows.extend(ends.clone());
        rows
    })
}

/// A multiplier and shift that the rounding takes.
fn factor(rounding: Rounding) -> BoxedStrategy<(i32, u8)> {
    match rounding {
        Rounding::Shift => (0u32..31, 0u8..=62).prop_map(|(power, shift)| (1 << power, shift)).boxed(),
        Rounding::TfliteDouble => ((1i32 << 30)..=i32::MAX, 31u8..50).boxed(),
        _ => prop_oneof![
            ((1i32 << 28)..(1 << 30), 20u8..62),
            (0u32..8, 0u8..20).prop_map(|(power, shift)| (1 << power, shift)),
            (any::<i32>().prop_map(|m| m & i32::MAX), 0u8..=62),
            (0i32..100, 0u8..8),
        ]
        .boxed(),
    }
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(&ROUNDINGS[..])
}

fn bounds(output: &TensorSpec, a: i32, b: i32, whole: bool) -> (i32, i32) {
    let (lo, hi) = output.element.range();
    if whole { (lo, hi) } else { (a.min(b).clamp(lo, hi), a.max(b).clamp(lo, hi)) }
}

/// Input, perhaps clipped so that not all values reach the operator: tensors and operators so far.
fn source(
    element: ElementType,
    elements: usize,
    zero: i32,
    clip: Option<(i32, i32)>,
) -> (Vec<TensorSpec>, Vec<OperatorSpec>) {
    let input = tensor(element, elements, zero);
    match clip {
        None => (vec![input], vec![]),
        Some((a, b)) => {
            let (lo, hi) = bounds(&input, a, b, false);
            (vec![input.clone(), input], vec![OperatorSpec::Clip(ClipSpec { input: 0, output: 1, lo, hi })])
        }
    }
}

fn clip() -> impl Strategy<Value = Option<(i32, i32)>> {
    prop::option::of((any::<i16>(), any::<i16>()).prop_map(|(a, b)| (a.into(), b.into())))
}

type Case = (ModelSpec, Vec<Vec<i64>>);

fn rescales() -> impl Strategy<Value = Case> {
    (any_element(), any_element(), 1usize..20, rounding(), any::<bool>()).prop_flat_map(
        |(from, to, elements, rounding, whole)| {
            let factors = (factor(rounding), prop_oneof![2 => factor(rounding), 1 => Just((0, 3))]);
            (factors, [wild(), wild(), wild(), wild()], clip(), rows(elements)).prop_map(
                move |((above, below), [zero_in, zero_out, a, b], clip, rows)| {
                    // A tensor 0 of scores is not a thing that verifiers refuse.
                    let (mut tensors, mut operators) = source(from, elements, zero_in, clip);
                    let output = tensor(to, elements, zero_out);
                    let (lo, hi) = bounds(&output, a, b, whole);
                    let below = if rounding == Rounding::Shift && below.0 == 0 { above } else { below };
                    let input = tensors.len() as u16 - 1;
                    tensors.push(output);
                    let rescale = RescaleSpec { input, output: input + 1, above, below, rounding, lo, hi };
                    operators.push(OperatorSpec::Rescale(rescale));
                    (model(tensors, operators), rows)
                },
            )
        },
    )
}

fn pairs() -> impl Strategy<Value = Case> {
    (narrow(), any_element(), 1usize..20, rounding(), any::<[bool; 4]>()).prop_flat_map(
        |(from, to, elements, rounding, [whole, is_add, one, negative])| {
            let values = [wild(), wild(), wild(), wild(), wild()];
            (factor(rounding), factor(rounding), values, clip(), rows(elements)).prop_map(
                move |(first, second, [zero_a, zero_b, zero_out, a, b], clip, rows)| {
                    // The second operand is the first, rescaled, or a single element beside it.
                    let (mut tensors, mut operators) = source(from, elements, zero_a, clip);
                    let first_tensor = tensors.len() as u16 - 1;
                    tensors.push(tensor(ElementType::I16, elements, zero_b));
                    operators.push(OperatorSpec::Rescale(RescaleSpec {
                        input: first_tensor,
                        output: first_tensor + 1,
                        above: (3, 1),
                        below: (1, 1),
                        rounding: Rounding::HalfEven,
                        lo: -32_768,
                        hi: 32_767,
                    }));
                    let inputs = if one && elements == 1 {
                        (first_tensor, first_tensor)
                    } else {
                        (first_tensor, first_tensor + 1)
                    };
                    let output = tensor(to, elements, zero_out);
                    let (lo, hi) = bounds(&output, a, b, whole);
                    let out = tensors.len() as u16;
                    tensors.push(output);
                    operators.push(if is_add {
                        let rounding = if rounding == Rounding::TfliteDouble { Rounding::HalfEven } else { rounding };
                        let second = if negative { -second.0 } else { second.0 };
                        let multipliers = (first.0, second);
                        OperatorSpec::Add(AddSpec {
                            inputs,
                            output: out,
                            multipliers,
                            shift: first.1,
                            rounding,
                            lo,
                            hi,
                        })
                    } else {
                        OperatorSpec::Mul(MulSpec { inputs, output: out, factor: first, rounding, lo, hi })
                    });
                    (model(tensors, operators), rows)
                },
            )
        },
    )
}

fn tables() -> impl Strategy<Value = Case> {
    let direct = (any_element(), 1usize..20, clip()).prop_flat_map(|(to, elements, clip)| {
        (vec(wild(), 256), rows(elements), wild()).prop_map(move |(entries, rows, zero)| {
            let (mut tensors, mut operators) = source(ElementType::I8, elements, zero, clip);
            tensors.push(tensor(to, elements, zero));
            let entries = match to {
                ElementType::I8 => EntriesSpec::I8(entries.iter().map(|&entry| entry as i8).collect()),
                ElementType::I16 => EntriesSpec::I16(entries.iter().map(|&entry| entry as i16).collect()),
                ElementType::I32 => EntriesSpec::I32(entries),
            };
            let input = tensors.len() as u16 - 2;
            operators.push(OperatorSpec::Table(TableSpec { input, output: input + 1, entries }));
            (model(tensors, operators), rows)
        })
    });
    let knots = (any_element(), 1usize..20, clip(), 0i32..=8, 0i32..=30).prop_flat_map(
        |(to, elements, clip, segment_bits, fraction)| {
            let knots = vec(wild(), (1 << segment_bits) + 1);
            (knots, rows(elements), wild(), wild(), wild(), any::<bool>()).prop_map(
                move |(knots, rows, zero, a, b, whole)| {
                    let (mut tensors, mut operators) = source(ElementType::I16, elements, zero, clip);
                    let output = tensor(to, elements, zero);
                    let (lo, hi) = bounds(&output, a, b, whole);
                    tensors.push(output);
                    let entries = EntriesSpec::Interpolated(KnotsSpec { knots, segment_bits, fraction, lo, hi });
                    let input = tensors.len() as u16 - 2;
                    operators.push(OperatorSpec::Table(TableSpec { input, output: input + 1, entries }));
                    (model(tensors, operators), rows)
                },
            )
        },
    );
    prop_oneof![direct, knots]
}

fn softmaxes() -> impl Strategy<Value = Case> {
    (narrow(), any_element(), 1usize..8, 1usize..4, clip()).prop_flat_map(|(from, to, row, count, clip)| {
        let count_of = if from == ElementType::I8 { 256 } else { 512 };
        let units = prop_oneof![Just(256), Just(32_768), Just(i32::MAX), 1i32..100_000];
        let decay = prop_oneof![Just(None), (1.0f64..2.0).prop_map(Some)];
        (vec(0..=1i32 << 30, count_of), decay, units, rows(row * count), wild()).prop_map(
            move |(mut entries, decay, units, rows, zero)| {
                entries[0] = entries[0].max(1);
                if let Some(decay) = decay {
                    // What a real table is like.
                    let exp = |i: usize| (f64::from(1 << 30) * decay.powi(-((i % 256) as i32))) as i32;
                    entries = (0..count_of).map(exp).collect();
                } else if count_of == 512 {
                    (entries[0], entries[256]) = (1 << 30, 1 << 30);
                }
                let (mut tensors, mut operators) = source(from, row * count, zero, clip);
                tensors.push(tensor(to, row * count, zero));
                let input = tensors.len() as u16 - 2;
                let softmax = SoftmaxSpec { input, output: input + 1, row: row as i32, units, entries };
                operators.push(OperatorSpec::Softmax(softmax));
                (model(tensors, operators), rows)
            },
        )
    })
}

/// Refusals that a random factor may meet: what does not fit the exact arithmetic of its rounding.
fn only_too_large(refused: Result<(), String>) -> Result<(), TestCaseError> {
    let Err(sentence) = refused else { return Ok(()) };
    prop_assert!(sentence.contains("too large for exact arithmetic"), "{}", sentence);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn a_rescale_equals_the_wide_reference_and_stays_in_its_interval((spec, rows) in rescales()) {
        only_too_large(check(&spec, &rows)?)?;
    }

    #[test]
    fn sums_and_products_equal_the_wide_reference_and_stay_in_their_intervals((spec, rows) in pairs()) {
        only_too_large(check(&spec, &rows)?)?;
    }

    #[test]
    fn a_table_equals_the_wide_reference_and_stays_in_its_interval((spec, rows) in tables()) {
        prop_assert_eq!(check(&spec, &rows)?, Ok(()));
    }

    #[test]
    fn a_softmax_equals_the_wide_reference_and_stays_in_its_interval((spec, rows) in softmaxes()) {
        prop_assert_eq!(check(&spec, &rows)?, Ok(()));
    }
}

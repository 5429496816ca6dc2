//! Changes of scale, tables, softmax, sums and products: every file that the verifier accepts equals the wide reference
//! and stays in its proved intervals; what it must refuse is refused with its sentence.

use fixed::types::U32F96;
use kinfer::format::{ElementType, HeadKind, Rounding};
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::kinf::container::to_bytes;
use kinfer_convert::kinf::functions::{Function, softmax};
use kinfer_convert::kinf::{
    AddSpec, ClipSpec, DenseSpec, EntriesSpec, FeatureSpec, HeadSpec, KnotsSpec, ModelSpec, MulSpec, OperatorSpec,
    RescaleSpec, RowsSpec, SoftmaxSpec, StepSpec, TableSpec, TensorSpec,
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
    let (lo, hi) = tensors[0].element.range();
    let step = |source| StepSpec::Copy { source, lo, hi };
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

/// One element from all: their sum, less the zero points.
fn sum_of_all((input, output): (u16, u16), elements: usize, (lo, hi): (i32, i32)) -> OperatorSpec {
    OperatorSpec::Dense(DenseSpec {
        input,
        output,
        rows: RowsSpec {
            weights: vec![1i8; elements].into(),
            biases: vec![7],
            multipliers: vec![1],
            shifts: vec![1],
            rounding: Rounding::HalfEven,
            lo,
            hi,
        },
        skip_zeros: false,
    })
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
    (any_element(), any_element(), 1usize..20, rounding(), any::<[bool; 4]>()).prop_flat_map(
        |(from, to, elements, rounding, [whole, is_add, one, negative])| {
            // A sum may be of scores, which nothing multiplies or weighs.
            let from = if is_add || from != ElementType::I32 { from } else { ElementType::I16 };
            let scores = from == ElementType::I32;
            let (one, second_type) = (one && !scores, if scores { ElementType::I32 } else { ElementType::I16 });
            let values = [wild(), wild(), wild(), wild(), wild()];
            (factor(rounding), factor(rounding), values, clip(), rows(elements)).prop_map(
                move |(first, second, [zero_a, zero_b, zero_out, a, b], clip, rows)| {
                    // The second operand is made from the first: as many elements by a rescale, one by a dense layer.
                    let (mut tensors, mut operators) = source(from, elements, zero_a, clip);
                    let of = tensors.len() as u16 - 1;
                    let (inputs, (lo, hi)) = ((of, of + 1), second_type.range());
                    tensors.push(tensor(second_type, if one { 1 } else { elements }, zero_b));
                    operators.push(if one {
                        sum_of_all(inputs, elements, (lo, hi))
                    } else {
                        let rounding = Rounding::HalfEven;
                        OperatorSpec::Rescale(RescaleSpec {
                            input: inputs.0,
                            output: inputs.1,
                            above: (3, 1),
                            below: (1, 1),
                            rounding,
                            lo,
                            hi,
                        })
                    });
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
    fn a_network_of_sigmoids_equals_the_wide_reference((spec, rows) in sigmoid_network()) {
        prop_assert_eq!(check(&spec, &rows)?, Ok(()));
    }

    #[test]
    fn a_softmax_equals_the_wide_reference_and_stays_in_its_interval((spec, rows) in softmaxes()) {
        prop_assert_eq!(check(&spec, &rows)?, Ok(()));
    }
}

/// 5-15-5-4 with a sigmoid after each hidden layer and a softmax at the end: KML's network.
fn sigmoid_network() -> impl Strategy<Value = Case> {
    let weights = vec(any::<i8>(), 5 * 15 + 15 * 5 + 5 * 4);
    (narrow(), narrow(), weights, vec(-5_000i64..5_000, 24), 10u8..16, rows(5)).prop_map(
        |(hidden, out, weights, biases, shift, rows)| {
            let sum = tensor(hidden, 0, 0);
            let share = match hidden {
                I8 => TensorSpec { scale: U32F96::ONE / 256, ..tensor(I8, 0, -128) },
                _ => TensorSpec { scale: U32F96::ONE / 32_768, ..tensor(I16, 0, 0) },
            };
            let shares = TensorSpec { scale: U32F96::ONE / 256, ..tensor(out, 0, -128) };
            let sized =
                |tensor: &TensorSpec, elements: usize| TensorSpec { dims: vec![elements as u32], ..tensor.clone() };
            let (mut tensors, mut operators) = (vec![tensor(I8, 5, 3)], Vec::new());
            let (mut weights, mut biases) = (weights.into_iter(), biases.into_iter());
            for (inputs, outputs) in [(5, 15), (15, 5), (5, 4)] {
                let input = operators.len() as u16;
                let (lo, hi) = hidden.range();
                operators.push(OperatorSpec::Dense(DenseSpec {
                    input,
                    output: input + 1,
                    rows: RowsSpec {
                        weights: weights.by_ref().take(inputs * outputs).collect::<Vec<i8>>().into(),
                        biases: biases.by_ref().take(outputs).collect(),
                        multipliers: vec![1 << 8; outputs],
                        shifts: vec![shift; outputs],
                        rounding: Rounding::HalfEven,
                        lo,
                        hi,
                    },
                    skip_zeros: false,
                }));
                tensors.push(sized(&sum, outputs));
                let (input, from) = (input + 1, sized(&sum, outputs));
                if outputs == 4 {
                    let to = sized(&shares, outputs);
                    operators.push(OperatorSpec::Softmax(softmax((input, &from), (input + 1, &to), 4)));
                    tensors.push(to);
                } else {
                    let entries = Function::Sigmoid.entries(&from, &share, 6);
                    operators.push(OperatorSpec::Table(TableSpec { input, output: input + 1, entries }));
                    tensors.push(sized(&share, outputs));
                }
            }
            (model(tensors, operators), rows)
        },
    )
}

/// What a file is refused for, or that it is not.
fn verdict(spec: &ModelSpec) -> String {
    let bytes = spec.to_bytes();
    let verified = Model::parse(&bytes).and_then(|model| verify(&model, &Limits::KERNEL).map(drop));
    verified.map_or_else(|error| error.to_string(), |()| "accepted".into())
}

/// A model of one operator from tensor 0 to tensor 1.
fn one(from: ElementType, to: ElementType, elements: usize, operator: OperatorSpec) -> ModelSpec {
    model(vec![tensor(from, elements, 0), tensor(to, elements, 0)], vec![operator])
}

const I8: ElementType = ElementType::I8;
const I16: ElementType = ElementType::I16;
const I32: ElementType = ElementType::I32;

const RESCALE: RescaleSpec = RescaleSpec {
    input: 0,
    output: 1,
    above: (1 << 30, 31),
    below: (1 << 30, 34),
    rounding: Rounding::HalfEven,
    lo: -128,
    hi: 127,
};

#[test]
fn a_rescale_past_a_limit_is_refused() {
    let of = |from, spec: RescaleSpec| verdict(&one(from, I8, 3, OperatorSpec::Rescale(spec)));
    assert_eq!(of(I32, RESCALE), "accepted");
    assert_eq!(
        of(I8, RescaleSpec { above: (-1, 0), ..RESCALE }),
        "op 0 (rescale): the multiplier above the zero point is negative"
    );
    assert_eq!(
        of(I8, RescaleSpec { below: (i32::MIN, 0), ..RESCALE }),
        "op 0 (rescale): the multiplier below the zero point is negative"
    );
    assert_eq!(of(I8, RescaleSpec { below: (1, 63), ..RESCALE }), "op 0 (rescale): shift 63 is over 62");
    assert_eq!(of(I8, RescaleSpec { below: (1, 62), ..RESCALE }), "accepted");
    assert_eq!(of(I8, RescaleSpec { rounding: Rounding::Shift, ..RESCALE }), "accepted");
    assert_eq!(
        of(I8, RescaleSpec { rounding: Rounding::Shift, above: (3, 0), ..RESCALE }),
        "op 0 (rescale): the multiplier above the zero point is not a power of two, which rounding by shift asks for"
    );
    assert_eq!(
        of(I8, RescaleSpec { rounding: Rounding::Shift, below: (0, 0), ..RESCALE }),
        "op 0 (rescale): the multiplier below the zero point is not a power of two, which rounding by shift asks for"
    );
    assert_eq!(
        of(I16, RescaleSpec { rounding: Rounding::TfliteDouble, above: (1 << 30, 14), ..RESCALE }),
        "op 0 (rescale): the value that tflite-double rounds is too large for exact arithmetic"
    );
    assert_eq!(of(I16, RescaleSpec { rounding: Rounding::TfliteDouble, above: (1 << 30, 15), ..RESCALE }), "accepted");
    assert_eq!(
        of(I8, RescaleSpec { hi: 128, ..RESCALE }),
        "op 0 (rescale): clip range -128..128 is empty or outside the output's element type"
    );
    let shapes = model(vec![tensor(I8, 2, 0), tensor(I8, 3, 0)], vec![OperatorSpec::Rescale(RESCALE)]);
    assert_eq!(verdict(&shapes), "op 0 (rescale): input of 2 and output of 3 elements do not fit this operator");
}

const ADD: AddSpec = AddSpec {
    inputs: (0, 0),
    output: 1,
    multipliers: (1 << 30, -(1 << 30)),
    shift: 30,
    rounding: Rounding::HalfEven,
    lo: -128,
    hi: 127,
};

#[test]
fn a_sum_past_a_limit_is_refused() {
    let of = |from, spec: AddSpec| verdict(&one(from, I8, 3, OperatorSpec::Add(spec)));
    assert_eq!(of(I16, ADD), "accepted");
    assert_eq!(of(I16, AddSpec { multipliers: (i32::MIN, i32::MAX), ..ADD }), "accepted");
    assert_eq!(of(I8, AddSpec { rounding: Rounding::Shift, ..ADD }), "accepted");
    assert_eq!(
        of(I8, AddSpec { rounding: Rounding::Shift, multipliers: (1, -6), ..ADD }),
        "op 0 (add): the second multiplier is not a power of two, which rounding by shift asks for"
    );
    assert_eq!(
        of(I8, AddSpec { rounding: Rounding::TfliteDouble, ..ADD }),
        "op 0 (add): rounding tflite-double has no meaning for a sum"
    );
    assert_eq!(of(I8, AddSpec { shift: 255, ..ADD }), "op 0 (add): shift 255 is over 62");
    let units = AddSpec { multipliers: (1, -1), ..ADD };
    assert_eq!(of(I32, units), "accepted");
    assert_eq!(of(I32, AddSpec { multipliers: (1 << 29, 1 << 29), ..ADD }), "accepted");
    assert_eq!(
        of(I32, AddSpec { multipliers: (1 << 30, 1 << 30), ..ADD }),
        "op 0 (add): the sum is too large for exact arithmetic"
    );
    assert_eq!(
        of(I32, AddSpec { multipliers: (i32::MIN, i32::MIN), ..ADD }),
        "op 0 (add): the sum is too large for exact arithmetic"
    );
    assert_eq!(
        of(I8, AddSpec { lo: 5, hi: 4, ..ADD }),
        "op 0 (add): clip range 5..4 is empty or outside the output's element type"
    );
    // A first operand of one element is not spread over a second of more.
    let tensors = vec![tensor(I8, 3, 0), tensor(I8, 1, 0), tensor(I8, 3, 0)];
    let spread = |inputs, output_of: usize| {
        let mut tensors = tensors.clone();
        tensors[2] = tensor(I8, output_of, 0);
        let add = OperatorSpec::Add(AddSpec { inputs, output: 2, ..ADD });
        verdict(&model(tensors, vec![sum_of_all((0, 1), 3, (-128, 127)), add]))
    };
    assert_eq!(spread((0, 1), 3), "accepted");
    assert_eq!(spread((1, 0), 3), "op 1 (add): input of 1 and output of 3 elements do not fit this operator");
    assert_eq!(spread((1, 0), 1), "op 1 (add): input of 3 and output of 1 elements do not fit this operator");
    assert_eq!(spread((0, 2), 3), "op 1 (add): reads tensor 2 before anything writes it");
}

const MUL: MulSpec =
    MulSpec { inputs: (0, 0), output: 1, factor: (1 << 30, 45), rounding: Rounding::HalfEven, lo: -128, hi: 127 };

#[test]
fn a_product_past_a_limit_is_refused() {
    let of = |from, zero: i32, spec: MulSpec| {
        let mut model = one(from, I8, 3, OperatorSpec::Mul(spec));
        model.tensors[0].zero_point = zero;
        verdict(&model)
    };
    assert_eq!(of(I16, 0, MUL), "accepted");
    // With its zero point at an end, a tensor has values of 17 bits, and their products 33.
    assert_eq!(of(I16, -32_768, MUL), "accepted");
    assert_eq!(
        of(I16, -32_768, MulSpec { factor: (i32::MAX, 45), ..MUL }),
        "op 0 (mul): the product is too large for exact arithmetic"
    );
    assert_eq!(of(I16, 0, MulSpec { factor: (i32::MAX, 45), ..MUL }), "accepted");
    assert_eq!(of(I8, 0, MulSpec { factor: (-1, 45), ..MUL }), "op 0 (mul): the multiplier is negative");
    assert_eq!(of(I8, 0, MulSpec { factor: (1, 63), ..MUL }), "op 0 (mul): shift 63 is over 62");
    assert_eq!(of(I8, 0, MulSpec { rounding: Rounding::TfliteDouble, ..MUL }), "accepted");
    assert_eq!(
        of(I16, 100, MulSpec { rounding: Rounding::TfliteDouble, factor: (1 << 30, 30), ..MUL }),
        "op 0 (mul): the value that tflite-double rounds is too large for exact arithmetic"
    );
    assert_eq!(
        of(I8, 0, MulSpec { rounding: Rounding::Shift, factor: (12, 0), ..MUL }),
        "op 0 (mul): the multiplier is not a power of two, which rounding by shift asks for"
    );
    assert!(of(I32, 0, MUL).starts_with("op 0 (mul): reads tensor 0 of int32 scores"));
}

fn knots(segment_bits: i32, fraction: i32) -> KnotsSpec {
    let knots = vec![0; (1 << segment_bits.clamp(0, 16)) + 1];
    KnotsSpec { knots, segment_bits, fraction, lo: -128, hi: 127 }
}

#[test]
fn a_table_past_a_limit_is_refused() {
    let of =
        |from, to, entries| verdict(&one(from, to, 3, OperatorSpec::Table(TableSpec { input: 0, output: 1, entries })));
    let lines = |from, knots| of(from, I8, EntriesSpec::Interpolated(knots));
    assert_eq!(of(I8, I8, EntriesSpec::I8(vec![0; 256])), "accepted");
    assert_eq!(
        of(I8, I8, EntriesSpec::I8(vec![0; 255])),
        "op 0 (table): entries end at byte 256, section data has 255"
    );
    // Entries are as wide as the output.
    assert_eq!(
        of(I8, I16, EntriesSpec::I8(vec![0; 256])),
        "op 0 (table): entries end at byte 512, section data has 256"
    );
    assert_eq!(
        of(I16, I8, EntriesSpec::I8(vec![0; 256])),
        "op 0 (table): reads int16: a direct look-up takes int8, an interpolated one int16"
    );
    assert!(of(I32, I8, EntriesSpec::I8(vec![0; 256])).starts_with("op 0 (table): reads tensor 0 of int32 scores"));
    assert_eq!(lines(I16, knots(0, 30)), "accepted");
    assert_eq!(lines(I16, knots(16, 0)), "accepted");
    assert_eq!(
        lines(I8, knots(4, 0)),
        "op 0 (table): reads int8: a direct look-up takes int8, an interpolated one int16"
    );
    assert_eq!(lines(I16, knots(17, 0)), "op 0 (table): the table's segment bits are 17, 0 to 16 are allowed");
    assert_eq!(lines(I16, knots(-1, 0)), "op 0 (table): the table's segment bits are -1, 0 to 16 are allowed");
    assert_eq!(lines(I16, knots(4, 31)), "op 0 (table): the table's fraction bits are 31, 0 to 30 are allowed");
    assert_eq!(
        lines(I16, KnotsSpec { knots: vec![0; 16], ..knots(4, 0) }),
        "op 0 (table): entries end at byte 68, section data has 64"
    );
    assert_eq!(
        lines(I16, KnotsSpec { lo: -129, ..knots(4, 0) }),
        "op 0 (table): clip range -129..127 is empty or outside the output's element type"
    );
}

#[test]
fn a_softmax_past_a_limit_is_refused() {
    let softmax = |row, units, entries| SoftmaxSpec { input: 0, output: 1, row, units, entries };
    let of = |from, spec| verdict(&one(from, I8, 6, OperatorSpec::Softmax(spec)));
    let ones = |count| vec![1 << 30; count];
    assert_eq!(of(I8, softmax(3, 256, ones(256))), "accepted");
    assert_eq!(of(I16, softmax(6, i32::MAX, ones(512))), "accepted");
    for row in [0, -3, 4, 7, i32::MIN] {
        let sentence = format!("op 0 (softmax): rows of {row} do not divide 6 elements");
        assert_eq!(of(I8, softmax(row, 256, ones(256))), sentence);
    }
    for units in [0, -1] {
        let sentence = format!("op 0 (softmax): one is {units} units of the output, 1 to 2147483647 are allowed");
        assert_eq!(of(I8, softmax(3, units, ones(256))), sentence);
    }
    let with = |at: usize, entry, count| {
        let mut entries = ones(count);
        entries[at] = entry;
        entries
    };
    let entry = |index| format!("op 0 (softmax): entry {index} of the table is outside its range");
    assert_eq!(of(I8, softmax(3, 256, with(200, (1 << 30) + 1, 256))), entry(200));
    assert_eq!(of(I8, softmax(3, 256, with(7, -1, 256))), entry(7));
    assert_eq!(of(I8, softmax(3, 256, with(7, 0, 256))), "accepted");
    // The largest element would be nothing, and so might all: a division by zero.
    assert_eq!(of(I8, softmax(3, 256, with(0, 0, 256))), entry(0));
    assert_eq!(of(I16, softmax(3, 256, with(256, 0, 512))), entry(0));
    assert_eq!(of(I16, softmax(3, 256, ones(256))), "op 0 (softmax): entries end at byte 2048, section data has 1024");
    assert!(of(I32, softmax(3, 256, ones(512))).starts_with("op 0 (softmax): reads tensor 0 of int32 scores"));
}

#[test]
fn an_unknown_look_up_and_a_stray_half_of_a_pair_are_refused() {
    let doctored = |spec: &ModelSpec, at: usize, byte: u8| {
        let mut sections = spec.sections();
        sections[3].bytes[at] = byte;
        Model::parse(&to_bytes(&sections)).map(drop).unwrap_err().to_string()
    };
    let table = TableSpec { input: 0, output: 1, entries: EntriesSpec::I8(vec![0; 256]) };
    let table = one(I8, I8, 3, OperatorSpec::Table(table));
    assert_eq!(doctored(&table, 3, 3), "op 0 (table): look-up 3 is not known to this build");
    assert_eq!(doctored(&table, 28, 1), "op 0 (table): reserved bytes at 28 are not zero");
    let add = one(I8, I8, 3, OperatorSpec::Add(ADD));
    assert_eq!(doctored(&add, 46, 1), "op 0 (add): reserved bytes at 36 are not zero");
    let mul = one(I8, I8, 3, OperatorSpec::Mul(MUL));
    assert_eq!(doctored(&mul, 43, 1), "op 0 (mul): reserved bytes at 36 are not zero");
    let rescale = one(I8, I8, 3, OperatorSpec::Rescale(RESCALE));
    assert_eq!(doctored(&rescale, 2, 4), "op 0 (rescale): rounding 4 is not known to this build");
}

#[test]
fn a_tensor_without_elements_is_refused_before_any_operator_is_looked_at() {
    let mut spec = one(I8, I8, 1, OperatorSpec::Rescale(RESCALE));
    spec.tensors[1].dims = vec![0];
    assert_eq!(verdict(&spec), "tensor 1: the rank is not 1 to 4, or a dimension is zero or too large");
}

#[test]
fn a_proved_interval_is_that_of_the_reachable_inputs_alone() {
    let output = |spec: &ModelSpec| {
        let bytes = spec.to_bytes();
        let report = verify(&Model::parse(&bytes).unwrap(), &Limits::KERNEL).unwrap();
        report.operators.last().map(|last| (last.output.lo, last.output.hi)).unwrap()
    };
    let clipped = |element, operator: OperatorSpec| {
        let (mut tensors, mut operators) = source(element, 2, 0, Some((-3, 5)));
        tensors.push(tensor(I16, 2, 0));
        operators.push(operator);
        output(&model(tensors, operators))
    };
    let squares = (-128..128).map(|q: i32| (q * q) as i16).collect();
    let squares = OperatorSpec::Table(TableSpec { input: 1, output: 2, entries: EntriesSpec::I16(squares) });
    assert_eq!(clipped(I8, squares), (0, 25));
    // Knots at −32768, 0 and 32768: 5 inputs up the second line reach 5 · 320/32768 of it.
    let lines = KnotsSpec { knots: vec![32_768, 0, 320], segment_bits: 1, fraction: 0, lo: -9, hi: 999 };
    let lines = OperatorSpec::Table(TableSpec { input: 1, output: 2, entries: EntriesSpec::Interpolated(lines) });
    assert_eq!(clipped(I16, lines), (0, 3));
    let product = MulSpec { inputs: (1, 1), output: 2, factor: (1, 0), lo: -999, hi: 999, ..MUL };
    assert_eq!(clipped(I8, OperatorSpec::Mul(product)), (-15, 25));
    let difference = AddSpec { inputs: (1, 1), output: 2, multipliers: (2, -1), shift: 0, lo: -999, hi: 999, ..ADD };
    assert_eq!(clipped(I8, OperatorSpec::Add(difference)), (-11, 13));
    let leaky = RescaleSpec { input: 1, output: 2, above: (4, 0), below: (1, 1), lo: -999, hi: 999, ..RESCALE };
    assert_eq!(clipped(I8, OperatorSpec::Rescale(leaky)), (-2, 20));
}

#[test]
fn the_widest_factors_equal_the_wide_reference() {
    let ends: Vec<Vec<i64>> = [i64::MIN, -1, 0, 1, i64::MAX].map(|value| vec![value; 2]).into();
    for rounding in [Rounding::HalfEven, Rounding::TfliteSingle, Rounding::Shift] {
        let multipliers =
            if rounding == Rounding::Shift { [1 << 30, 1, 1 << 29] } else { [i32::MAX, 1 << 30, 3 << 29] };
        for (multiplier, shift) in multipliers.into_iter().flat_map(|m| [0, 1, 31, 61, 62].map(|shift| (m, shift))) {
            for zero_point in [i32::MIN, 0, i32::MAX] {
                let (above, below) = ((multiplier, shift), (multiplier, shift));
                let rescale = RescaleSpec { input: 0, output: 1, above, below, rounding, lo: i32::MIN, hi: i32::MAX };
                let tensors = vec![tensor(I32, 2, zero_point), tensor(I32, 2, -zero_point.max(-i32::MAX))];
                let spec = model(tensors, vec![OperatorSpec::Rescale(rescale)]);
                assert_eq!(check(&spec, &ends).unwrap(), Ok(()), "{rounding:?} {multiplier} >> {shift}, {zero_point}");
            }
        }
    }
}

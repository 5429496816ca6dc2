//! Additive models, distances and squared errors against the wide-integer reference. What they are for: `patterns.rs`.

use kinfer::format::{ElementType, Rounding};
use kinfer::{Flags, Limits, Model, Packed, Report, verify};
use kinfer_convert::kinf::{
    AdditiveSpec, DistanceSpec, ModelSpec, OperatorSpec, ScalingSpec, SquaredErrorSpec, TermSpec, WeightsSpec,
};
use kinfer_suite::models::{on_counters, whole};
use kinfer_suite::wide;
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// The same decisions, rankings and network outputs as the wide reference, inside the proved intervals.
fn check(spec: &ModelSpec, report: &Report, rows: &[Vec<i64>]) -> Result<(), TestCaseError> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let packed = Packed::new(&model, report, vec![-1; report.packed_words]).unwrap();
    let mut scratch = vec![i64::MIN; report.scratch_words];
    for row in rows {
        let decision = packed.decide_with(&mut scratch, &mut [], row);
        let expected = wide::decide(spec, row);
        prop_assert_eq!(decision.class, expected.class);
        prop_assert_eq!(decision.value.to_bits(), expected.value);
        prop_assert_eq!(decision.margin.to_bits(), expected.margin);
        prop_assert_eq!(decision.flags.bits(), expected.flags);

        let mut places = vec![kinfer::Ranked::default(); 8];
        let count = packed.top(&scratch, &mut places);
        let top: Vec<_> = places[..count].iter().map(|ranked| (ranked.class, ranked.value.to_bits())).collect();
        prop_assert_eq!(&top[..], &expected.top[..expected.top.len().min(8)]);

        let reached = expected.accumulators.iter().zip(&expected.outputs);
        for (proved, (accumulators, outputs)) in report.operators.iter().zip(reached) {
            for acc in accumulators {
                prop_assert!(proved.accumulator.contains(acc.to_i64().unwrap()), "{} {:?}", acc, proved);
            }
            for output in outputs {
                prop_assert!(proved.output.contains(output.to_i64().unwrap()), "{} {:?}", output, proved);
            }
        }
        let (lo, hi) = spec.tensors[0].element.range();
        let inputs: Vec<i32> = row.iter().map(|&raw| raw.clamp(lo.into(), hi.into()) as i32).collect();
        let scores: Vec<i64> = packed.infer(&mut scratch, &mut [], &inputs).iter().map(|&q| q.into()).collect();
        let wide_scores: Vec<i64> = expected.outputs.last().unwrap().iter().map(|q| q.to_i64().unwrap()).collect();
        prop_assert_eq!(scores, wide_scores);
    }
    Ok(())
}

/// Verifies and checks. What is refused must be refused for `allowed` reasons.
fn check_or_refused(spec: &ModelSpec, rows: &[Vec<i64>], allowed: &[&str]) -> Result<(), TestCaseError> {
    let bytes = spec.to_bytes();
    match verify(&Model::parse(&bytes).unwrap(), &Limits::KERNEL) {
        Ok(report) => check(spec, &report, rows),
        Err(error) => {
            let sentence = error.to_string();
            prop_assert!(allowed.iter().any(|allowed| sentence.contains(allowed)), "{}", sentence);
            Ok(())
        }
    }
}

fn element() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::I8), Just(ElementType::I16)]
}

/// With a zero point anywhere in the type, the ends often.
fn grid() -> impl Strategy<Value = (ElementType, i32)> {
    let zero = prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX), Just(0)];
    (element(), zero).prop_map(|(element, zero)| {
        let (lo, hi) = element.range();
        (element, i32::from(zero).clamp(lo, hi))
    })
}

/// Rows of counters: everywhere in the type, at its ends, outside.
fn rows(inputs: usize) -> impl Strategy<Value = Vec<Vec<i64>>> {
    let near = (any::<i16>(), 0u32..16).prop_map(|(value, shift)| i64::from(value >> shift));
    let raw = prop_oneof![8 => near, 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => -200i64..200];
    vec(vec(raw, inputs), 1..6)
}

fn weights(count: usize) -> impl Strategy<Value = Option<Vec<i32>>> {
    let weight =
        prop_oneof![4 => (any::<i32>(), 0u32..31).prop_map(|(w, shift)| (w & i32::MAX) >> shift), 1 => Just(0)];
    prop::option::of(vec(weight, count))
}

fn centroids(count: usize) -> impl Strategy<Value = WeightsSpec> {
    prop_oneof![
        vec(any::<i8>(), count).prop_map(WeightsSpec::I8),
        vec(prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX)], count).prop_map(WeightsSpec::I16),
    ]
}

/// Scaling into `element`: random factors, ties, powers of two, the four roundings.
fn scaling(element: ElementType) -> impl Strategy<Value = ScalingSpec> {
    let (min, max) = element.range();
    let factor = prop_oneof![
        ((1i32 << 30)..=i32::MAX, 20u8..=94).prop_map(|(m, s)| (m, s, Rounding::HalfEven)),
        ((1i32 << 30)..=i32::MAX, 20u8..=94).prop_map(|(m, s)| (m, s, Rounding::TfliteSingle)),
        ((1i32 << 30)..=i32::MAX, 31u8..=62).prop_map(|(m, s)| (m, s, Rounding::TfliteDouble)),
        (0u8..=62).prop_map(|s| (1, s, Rounding::Shift)),
        (0i32..4, 0u8..12).prop_map(|(power, s)| (1 << power, s, Rounding::HalfEven)),
        (0i32..=i32::MAX, 0u8..=94).prop_map(|(m, s)| (m, s, Rounding::HalfEven)),
    ];
    (factor, any::<[i32; 2]>(), any::<bool>()).prop_map(move |((multiplier, shift, rounding), [a, b], whole)| {
        let [a, b] = if whole { [min, max] } else { [a, b].map(|end| end.clamp(min, max)) };
        ScalingSpec { multiplier, shift, rounding, lo: a.min(b), hi: a.max(b) }
    })
}

/// With `fit`, a shift that brings a sum of `inputs` weighted squares of differences of `bits` to about the size of its
/// output, so that outputs differ.
fn fitted(scaling: ScalingSpec, fit: Option<u8>, inputs: usize, weights: &Option<Vec<i32>>, bits: u32) -> ScalingSpec {
    let Some(fit) = fit else { return scaling };
    let size = u64::from(scaling.hi.abs_diff(scaling.lo));
    let weight = weights.iter().flatten().max().copied().unwrap_or(1);
    let log2 = |value: u64| 64 - value.leading_zeros();
    let sum = 2 * bits + log2(inputs as u64) + log2(weight as u64);
    let product = sum + log2(scaling.multiplier as u64).saturating_sub(1);
    let shift = (product + u32::from(fit)).saturating_sub(log2(size) + 3).min(62) as u8;
    let least = if scaling.rounding == Rounding::TfliteDouble { 31 } else { 0 };
    ScalingSpec { shift: shift.max(least), ..scaling }
}

fn fit() -> impl Strategy<Value = Option<u8>> {
    prop::option::weighted(0.7, 0u8..8)
}

const fn bits(element: ElementType) -> u32 {
    if matches!(element, ElementType::I8) { 8 } else { 16 }
}

fn outputs() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::I8), Just(ElementType::I16), Just(ElementType::I32)]
}

fn distance() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let sizes = (prop_oneof![Just(1usize), 1usize..9, 1usize..40], prop_oneof![Just(1usize), 1usize..7]);
    (sizes, grid(), outputs(), any::<i16>()).prop_flat_map(|((inputs, count), (element, zero), to, zero_out)| {
        let (lo, hi) = to.range();
        let biases = prop::option::of(vec((any::<i64>(), 0u32..64).prop_map(|(bias, shift)| bias >> shift), count));
        let parameters = (centroids(inputs * count), weights(inputs * count), biases, scaling(to), fit());
        (parameters, rows(inputs)).prop_map(move |((centroids, weights, biases, scaling, fit), rows)| {
            let wide = matches!(centroids, WeightsSpec::I16(_));
            let bits = if wide { 16 } else { bits(element) };
            let scaling = fitted(scaling, fit, inputs, &weights, bits);
            let tensors = vec![whole(element, inputs, zero), whole(to, count, i32::from(zero_out).clamp(lo, hi))];
            let distance = DistanceSpec { input: 0, output: 1, centroids, weights, biases, scaling };
            (on_counters(tensors, vec![OperatorSpec::Distance(distance)]), rows)
        })
    })
}

/// The error between the counters and what one centroid's distance, or a clip, leaves of them.
fn squared_error() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let inputs = prop_oneof![Just(1usize), 1usize..9, 1usize..40];
    (inputs, grid(), grid(), outputs(), any::<i16>()).prop_flat_map(|(inputs, (element, zero), mid, to, zero_out)| {
        let (lo, hi) = to.range();
        let (element_mid, zero_mid) = mid;
        let parameters = (centroids(inputs * inputs), scaling(element_mid), weights(inputs), scaling(to), fit());
        (parameters, rows(inputs)).prop_map(move |((centroids, inner, weights, scaling, fit), rows)| {
            let inner = fitted(inner, fit, inputs, &None, 16);
            let scaling = fitted(scaling, fit, inputs, &weights, bits(element).max(bits(element_mid)));
            let tensors = vec![
                whole(element, inputs, zero),
                whole(element_mid, inputs, zero_mid),
                whole(to, 1, i32::from(zero_out).clamp(lo, hi)),
            ];
            let distance = DistanceSpec { input: 0, output: 1, centroids, weights: None, biases: None, scaling: inner };
            let error = SquaredErrorSpec { input: 0, second: 1, output: 2, weights, scaling };
            (on_counters(tensors, vec![OperatorSpec::Distance(distance), OperatorSpec::SquaredError(error)]), rows)
        })
    })
}

fn term(inputs: usize, scores: usize) -> impl Strategy<Value = TermSpec> {
    let bins = (prop_oneof![Just(1u16), 1u16..20, Just(200)], prop_oneof![3 => Just(1u16), 1 => 1u16..6]);
    (any::<[u16; 2]>(), bins).prop_flat_map(move |(elements, (first, second))| {
        let entry = prop_oneof![
            40 => (any::<i32>(), 4u32..31).prop_map(|(value, shift)| value >> shift),
            1 => Just(i32::MIN >> 3),
            1 => Just(i32::MAX >> 3),
        ];
        let table = vec(entry, usize::from(first) * usize::from(second) * scores);
        let elements = elements.map(|element| element % inputs as u16);
        table.prop_map(move |table| TermSpec { elements, bins: [first, second], table })
    })
}

fn additive() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    (prop_oneof![Just(1usize), 1usize..8], 1usize..5, grid(), outputs()).prop_flat_map(
        |(inputs, scores, (element, zero), to)| {
            let base = (any::<i32>(), 2u32..31).prop_map(|(value, shift)| value >> shift);
            let parts = (vec(base, scores), vec(term(inputs, scores), 1..8), rows(inputs), 0u32..40);
            parts.prop_map(move |(mut bases, mut terms, rows, small)| {
                if small > 20 || to != ElementType::I32 {
                    // Small enough for the output's type, most of the time.
                    let shift = match to {
                        ElementType::I8 => 28,
                        _ => 20,
                    };
                    bases.iter_mut().for_each(|base| *base >>= shift);
                    terms.iter_mut().flat_map(|term| &mut term.table).for_each(|entry| *entry >>= shift);
                }
                let tensors = vec![whole(element, inputs, zero), whole(to, scores, 0)];
                let additive = AdditiveSpec { input: 0, output: 1, bases, terms };
                (on_counters(tensors, vec![OperatorSpec::Additive(additive)]), rows)
            })
        },
    )
}

/// What random scales and sums may be refused for.
const WIDE: &[&str] = &["could overflow"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn distances_equal_the_wide_reference_and_stay_in_their_intervals((spec, rows) in distance()) {
        check_or_refused(&spec, &rows, WIDE)?;
    }

    #[test]
    fn squared_errors_equal_the_wide_reference_and_stay_in_their_intervals((spec, rows) in squared_error()) {
        check_or_refused(&spec, &rows, WIDE)?;
    }

    #[test]
    fn additive_models_equal_the_wide_reference_and_stay_in_their_intervals((spec, rows) in additive()) {
        check_or_refused(&spec, &rows, &["could leave the output's element type"])?;
    }

    #[test]
    fn damaged_files_are_refused_or_run(
        (spec, _) in prop_oneof![distance(), squared_error(), additive()],
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = spec.to_bytes();
        for (index, value) in damage {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        kinfer_convert::kinf::container::seal(&mut bytes);
        let Ok(model) = Model::parse(&bytes) else { return Ok(()) };
        let Ok(report) = verify(&model, &Limits::KERNEL) else { return Ok(()) };
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let mut scratch = vec![0; report.scratch_words];
        for value in [i64::MIN, -1, 0, i64::MAX] {
            let decision = packed.decide(&mut scratch, &vec![value; report.inputs]);
            prop_assert!((decision.class as usize) < report.outcomes);
            prop_assert!(!decision.flags.contains(Flags::FALLBACK));
        }
    }
}

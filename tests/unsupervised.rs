//! Additive models, distances and squared errors against the wide-integer reference, and what they are for: k-means,
//! Mahalanobis distances, reconstruction errors.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Rounding};
use kinfer::{Flags, Limits, Model, Packed, Report, verify};
use kinfer_convert::kinf::{
    AdditiveSpec, DistanceSpec, HeadSpec, ModelSpec, OperatorSpec, ScalingSpec, SquaredErrorSpec, StepSpec, TensorSpec,
    TermSpec, WeightsSpec,
};
use kinfer_suite::models::feature;
use kinfer_suite::wide;
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// Input `i` is counter `i`, saturated.
fn step(source: usize) -> StepSpec {
    StepSpec { source: source as u16, multiplier: 1, bias: 0, shift: 0, rounding: Rounding::HalfEven }
}

fn tensor(element: ElementType, elements: usize, zero_point: i32) -> TensorSpec {
    TensorSpec { element, dims: vec![elements as u32], zero_point, scale: U32F96::ONE }
}

/// A model whose inputs are its counters. The head takes the last tensor: a value where there is one score, else an argmin.
fn model(tensors: Vec<TensorSpec>, operators: Vec<OperatorSpec>) -> ModelSpec {
    let inputs = tensors[0].dims[0] as usize;
    let (lo, hi) = tensors[0].element.range();
    let scores = tensors.last().unwrap().dims[0];
    ModelSpec {
        features: (0..inputs).map(|i| feature(&format!("x{i}"), lo.into(), hi.into())).collect(),
        program: (0..inputs).map(step).collect(),
        head: HeadSpec {
            kind: if scores == 1 { HeadKind::Value } else { HeadKind::ArgMin },
            scores: tensors.len() as u16 - 1,
            low_margin: I32F32::ZERO,
        },
        tensors,
        operators,
        outcomes: (0..scores).map(|class| format!("class{class}")).collect(),
        provenance: vec![],
    }
}

fn refusal(spec: &ModelSpec) -> String {
    let bytes = spec.to_bytes();
    let refused = Model::parse(&bytes).and_then(|model| verify(&model, &Limits::KERNEL));
    refused.expect_err("a refusal").to_string()
}

/// Loads a model and decides on `rows`; the classes and values.
fn decisions(spec: &ModelSpec, rows: &[Vec<i64>]) -> Vec<kinfer::Decision> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let packed = Packed::new(&model, &report, vec![-1; report.packed_words]).unwrap();
    let mut scratch = vec![i64::MIN; report.scratch_words];
    rows.iter().map(|row| packed.decide(&mut scratch, row)).collect()
}

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

fn outputs() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::I8), Just(ElementType::I16), Just(ElementType::I32)]
}

fn distance() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let sizes = (prop_oneof![Just(1usize), 1usize..9, 1usize..40], prop_oneof![Just(1usize), 1usize..7]);
    (sizes, grid(), outputs(), any::<i16>()).prop_flat_map(|((inputs, count), (element, zero), to, zero_out)| {
        let (lo, hi) = to.range();
        let biases = prop::option::of(vec((any::<i64>(), 0u32..64).prop_map(|(bias, shift)| bias >> shift), count));
        let parameters = (centroids(inputs * count), weights(inputs * count), biases, scaling(to));
        (parameters, rows(inputs)).prop_map(move |((centroids, weights, biases, scaling), rows)| {
            let tensors = vec![tensor(element, inputs, zero), tensor(to, count, i32::from(zero_out).clamp(lo, hi))];
            let distance = DistanceSpec { input: 0, output: 1, centroids, weights, biases, scaling };
            (model(tensors, vec![OperatorSpec::Distance(distance)]), rows)
        })
    })
}

/// The error between the counters and what one centroid's distance, or a clip, leaves of them.
fn squared_error() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let inputs = prop_oneof![Just(1usize), 1usize..9, 1usize..40];
    (inputs, grid(), grid(), outputs(), any::<i16>()).prop_flat_map(|(inputs, (element, zero), mid, to, zero_out)| {
        let (lo, hi) = to.range();
        let (element_mid, zero_mid) = mid;
        let parameters = (centroids(inputs * inputs), scaling(element_mid), weights(inputs), scaling(to));
        (parameters, rows(inputs)).prop_map(move |((centroids, inner, weights, scaling), rows)| {
            let tensors = vec![
                tensor(element, inputs, zero),
                tensor(element_mid, inputs, zero_mid),
                tensor(to, 1, i32::from(zero_out).clamp(lo, hi)),
            ];
            let distance = DistanceSpec { input: 0, output: 1, centroids, weights: None, biases: None, scaling: inner };
            let error = SquaredErrorSpec { input: 0, second: 1, output: 2, weights, scaling };
            (model(tensors, vec![OperatorSpec::Distance(distance), OperatorSpec::SquaredError(error)]), rows)
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
                let tensors = vec![tensor(element, inputs, zero), tensor(to, scores, 0)];
                let additive = AdditiveSpec { input: 0, output: 1, bases, terms };
                (model(tensors, vec![OperatorSpec::Additive(additive)]), rows)
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

/// Numbers that look random, the same at every run.
fn noise(state: &mut u64) -> i64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as i64
}

#[test]
fn nearest_centroids_are_those_of_k_means_in_float() {
    let (mut state, count, size) = (7, 9, 12);
    let centroids: Vec<i16> = (0..count * size).map(|_| (noise(&mut state) % 2_001 - 1_000) as i16).collect();
    let rows: Vec<Vec<i64>> =
        (0..2_000).map(|_| (0..size).map(|_| noise(&mut state) % 2_401 - 1_200).collect()).collect();
    let distance = DistanceSpec {
        input: 0,
        output: 1,
        centroids: centroids.clone().into(),
        weights: None,
        biases: None,
        scaling: ScalingSpec::exact(i32::MIN, i32::MAX),
    };
    let tensors = vec![tensor(ElementType::I16, size, 77), tensor(ElementType::I32, count, 0)];
    let spec = model(tensors, vec![OperatorSpec::Distance(distance)]);
    for (row, decision) in rows.iter().zip(decisions(&spec, &rows)) {
        let squared = |centroid: &[i16]| -> f64 {
            centroid.iter().zip(row).map(|(&at, &x)| (x as f64 - f64::from(at)).powi(2)).sum()
        };
        let distances: Vec<f64> = centroids.chunks(size).map(squared).collect();
        let nearest = (0..count).min_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap();
        assert_eq!(decision.class as usize, nearest);
        assert_eq!(decision.value.to_num::<f64>(), distances[nearest]);
    }
}

#[test]
fn a_mahalanobis_distance_flags_what_is_far_in_units_of_its_spread() {
    // Means 10 and −20, standard deviations 2 and 8: weights 2^12/4 and 2^12/64, and the threshold at three deviations.
    let distance = DistanceSpec {
        input: 0,
        output: 1,
        centroids: vec![10i8, -20].into(),
        weights: Some(vec![1 << 10, 1 << 6]),
        biases: None,
        scaling: ScalingSpec { shift: 4, ..ScalingSpec::exact(i32::MIN, i32::MAX) },
    };
    let mut tensors = vec![tensor(ElementType::I8, 2, -5), tensor(ElementType::I32, 1, 0)];
    tensors[1].scale = U32F96::ONE >> 8;
    let mut spec = model(tensors, vec![OperatorSpec::Distance(distance)]);
    spec.head.kind = HeadKind::Anomaly(I32F32::lit("9"));
    spec.outcomes = vec!["normal".into(), "anomaly".into()];
    let cases =
        [([10, -20], "0", false), ([16, -20], "9", false), ([10, 5], "9.765625", true), ([13, 4], "11.25", true)];
    let rows: Vec<Vec<i64>> = cases.iter().map(|(row, ..)| row.to_vec()).collect();
    for ((row, value, strange), decision) in cases.iter().zip(decisions(&spec, &rows)) {
        assert_eq!(decision.value, value.parse::<I32F32>().unwrap(), "{row:?}");
        assert_eq!(decision.flags.contains(Flags::ANOMALY), *strange, "{row:?}");
        assert_eq!(decision.class, u32::from(*strange));
    }
}

#[test]
fn a_gaussian_a_class_is_distances_with_biases() {
    // One dimension, both means 0, deviations 1 and 4, equal priors: −2·log p = x²/σ² + 2·log σ, in 1/64.
    let distance = DistanceSpec {
        input: 0,
        output: 1,
        centroids: vec![0i8, 0].into(),
        weights: Some(vec![64, 4]),
        biases: Some(vec![0, 177]),
        scaling: ScalingSpec::exact(i32::MIN, i32::MAX),
    };
    let tensors = vec![tensor(ElementType::I8, 1, 0), tensor(ElementType::I32, 2, 0)];
    let spec = model(tensors, vec![OperatorSpec::Distance(distance)]);
    let rows: Vec<Vec<i64>> = (-4..=4).map(|x| vec![x]).collect();
    let classes: Vec<u32> = decisions(&spec, &rows).iter().map(|decision| decision.class).collect();
    assert_eq!(classes, [1, 1, 1, 0, 0, 0, 1, 1, 1]);
}

#[test]
fn a_reconstruction_error_is_the_float_sum_of_squares() {
    // The "reconstruction" is the input clamped to what training saw.
    let mut tensors = vec![tensor(ElementType::I8, 4, -9), tensor(ElementType::I8, 4, -9)];
    tensors.push(tensor(ElementType::I32, 1, 0));
    let clip = kinfer_convert::kinf::ClipSpec { input: 0, output: 1, lo: -50, hi: 60 };
    let error = SquaredErrorSpec {
        input: 0,
        second: 1,
        output: 2,
        weights: None,
        scaling: ScalingSpec::exact(i32::MIN, i32::MAX),
    };
    let mut spec = model(tensors, vec![OperatorSpec::Clip(clip), OperatorSpec::SquaredError(error)]);
    spec.head.kind = HeadKind::Anomaly(I32F32::lit("24.5"));
    spec.outcomes = vec!["seen".into(), "strange".into()];
    let mut state = 3;
    let rows: Vec<Vec<i64>> = (0..500).map(|_| (0..4).map(|_| noise(&mut state) % 256 - 128).collect()).collect();
    for (row, decision) in rows.iter().zip(decisions(&spec, &rows)) {
        let error: f64 = row.iter().map(|&x| (x as f64 - (x as f64).clamp(-50.0, 60.0)).powi(2)).sum();
        assert_eq!(decision.value.to_num::<f64>(), error);
        assert_eq!(decision.class == 1, error > 24.5);
    }
}

fn small_additive() -> ModelSpec {
    let terms = vec![
        TermSpec::one(0, vec![vec![1, -1], vec![20, 0], vec![300, 7]]),
        TermSpec { elements: [0, 1], bins: [2, 2], table: vec![0, 0, 1_000, 1_000, 2_000, 0, 4_000, -4_000] },
    ];
    let additive = AdditiveSpec { input: 0, output: 1, bases: vec![5, -5], terms };
    let tensors = vec![tensor(ElementType::I8, 2, 0), tensor(ElementType::I32, 2, 0)];
    let mut spec = model(tensors, vec![OperatorSpec::Additive(additive)]);
    spec.head.kind = HeadKind::ArgMax;
    spec
}

#[test]
fn an_additive_model_is_its_tables_by_hand() {
    let rows = [vec![0, 0], vec![1, 1], vec![9, -9], vec![-9, 9]];
    let decisions = decisions(&small_additive(), &rows);
    let values: Vec<i64> = decisions.iter().map(|decision| decision.value.to_num()).collect();
    assert_eq!(values, [6, 4_025, 2_305, 1_006]);
    assert_eq!(decisions[1].margin.to_num::<i64>(), 4_025 + 4_005);
}

#[test]
fn an_additive_model_counts_what_it_does_and_reaches() {
    let bytes = small_additive().to_bytes();
    let report = verify(&Model::parse(&bytes).unwrap(), &Limits::KERNEL).unwrap();
    let proved = report.operators[0];
    assert_eq!((proved.look_ups, report.look_ups), (4, 4));
    assert_eq!((proved.output.lo, proved.output.hi), (-5 - 1 - 4_000, 5 + 300 + 4_000));
}

#[test]
fn additive_models_past_a_limit_are_refused() {
    let doctored = |damage: &dyn Fn(&mut AdditiveSpec)| {
        let mut spec = small_additive();
        let OperatorSpec::Additive(additive) = &mut spec.operators[0] else { unreachable!() };
        damage(additive);
        refusal(&spec)
    };
    let cases: [(&dyn Fn(&mut AdditiveSpec), &str); 6] = [
        (&|a| a.terms[1].elements[1] = 2, "op 0 (additive): term 1 reads element 2, the input has 2"),
        (&|a| a.terms[0].bins[0] = 0, "op 0 (additive): term 0 has no bins"),
        (&|a| a.terms.clear(), "op 0 (additive): it has no terms"),
        (&|a| a.terms[1].bins = [2, 3], "op 0 (additive): tables end at byte 96, section data has 80"),
        (&|a| a.bases[1] = i32::MIN, "op 0 (additive): score 1 could leave the output's element type"),
        (&|a| a.terms[0].table[0] = i32::MAX, "op 0 (additive): score 0 could leave the output's element type"),
    ];
    for (damage, sentence) in cases {
        assert_eq!(doctored(damage), sentence);
    }
    let mut spec = small_additive();
    spec.tensors[0].dims = vec![0];
    assert_eq!(refusal(&spec), "tensor 0: the rank is not 1 to 4, or a dimension is zero or too large");
    let bins: u16 = u16::MAX;
    let wide = doctored(&|a| a.terms[0].bins = [bins, bins]);
    assert_eq!(wide, "op 0 (additive): tables end at byte 34358689856, section data has 80");
}

#[test]
fn a_bin_that_nothing_reaches_is_not_in_the_interval() {
    // A clip leaves bins 0 and 1 of three.
    let clip = kinfer_convert::kinf::ClipSpec { input: 0, output: 1, lo: -3, hi: 1 };
    let terms = vec![TermSpec::one(0, vec![vec![1], vec![2], vec![1_000_000]])];
    let additive = AdditiveSpec { input: 1, output: 2, bases: vec![0], terms };
    let tensors = vec![tensor(ElementType::I8, 1, 0), tensor(ElementType::I8, 1, 0), tensor(ElementType::I8, 1, 0)];
    let spec = model(tensors, vec![OperatorSpec::Clip(clip), OperatorSpec::Additive(additive)]);
    let bytes = spec.to_bytes();
    let report = verify(&Model::parse(&bytes).unwrap(), &Limits::KERNEL).unwrap();
    assert_eq!((report.operators[1].output.lo, report.operators[1].output.hi), (1, 2));
}

fn small_distance() -> ModelSpec {
    let distance = DistanceSpec {
        input: 0,
        output: 1,
        centroids: vec![1i8, 2, 3, 4].into(),
        weights: Some(vec![1, 2, 3, 4]),
        biases: Some(vec![0, 1]),
        scaling: ScalingSpec::exact(-128, 127),
    };
    let tensors = vec![tensor(ElementType::I8, 2, 0), tensor(ElementType::I8, 2, 0)];
    model(tensors, vec![OperatorSpec::Distance(distance)])
}

#[test]
fn distances_past_a_limit_are_refused() {
    let doctored = |damage: &dyn Fn(&mut DistanceSpec)| {
        let mut spec = small_distance();
        let OperatorSpec::Distance(distance) = &mut spec.operators[0] else { unreachable!() };
        damage(distance);
        refusal(&spec)
    };
    let cases: [(&dyn Fn(&mut DistanceSpec), &str); 9] = [
        (&|d| d.weights.as_mut().unwrap()[3] = -1, "op 0 (distance): a weight of channel 1 is negative"),
        (
            &|d| d.biases.as_mut().unwrap()[1] = i64::MAX - 1_000,
            "op 0 (distance): the accumulator of channel 1 could overflow",
        ),
        (&|d| d.scaling.shift = 95, "op 0 (distance): shift 95 is over 94"),
        (&|d| d.scaling.multiplier = -1, "op 0 (distance): the multiplier of channel 0 is negative"),
        (
            &|d| d.scaling.hi = 128,
            "op 0 (distance): clip range -128..128 is empty or outside the output's element type",
        ),
        (
            &|d| (d.scaling.rounding, d.scaling.multiplier) = (Rounding::Shift, 2),
            "op 0 (distance): the multiplier of channel 0 is not 1, which rounding by shift asks for",
        ),
        (
            &|d| (d.weights, d.biases) = (None, Some(vec![0])),
            "op 0 (distance): biases end at byte 24, section data has 16",
        ),
        (
            &|d| (d.weights, d.biases) = (Some(vec![0; 3]), None),
            "op 0 (distance): weights end at byte 24, section data has 20",
        ),
        (
            &|d| (d.weights, d.biases, d.centroids) = (None, None, vec![1i16, 2, 3].into()),
            "op 0 (distance): centroids end at byte 8, section data has 6",
        ),
    ];
    for (damage, sentence) in cases {
        assert_eq!(doctored(damage), sentence);
    }
}

#[test]
fn squared_errors_past_a_limit_are_refused() {
    let valid = || {
        let clip = kinfer_convert::kinf::ClipSpec { input: 0, output: 1, lo: -3, hi: 1 };
        let scaling = ScalingSpec::exact(-128, 127);
        let error = SquaredErrorSpec { input: 0, second: 1, output: 2, weights: Some(vec![1, 1]), scaling };
        let tensors = vec![tensor(ElementType::I8, 2, 0), tensor(ElementType::I8, 2, 0), tensor(ElementType::I8, 1, 0)];
        model(tensors, vec![OperatorSpec::Clip(clip), OperatorSpec::SquaredError(error)])
    };
    let doctored = |damage: &dyn Fn(&mut ModelSpec, &mut SquaredErrorSpec)| {
        let mut spec = valid();
        let OperatorSpec::SquaredError(mut error) = spec.operators.pop().unwrap() else { unreachable!() };
        damage(&mut spec, &mut error);
        spec.operators.push(OperatorSpec::SquaredError(error));
        refusal(&spec)
    };
    let cases: [(&dyn Fn(&mut ModelSpec, &mut SquaredErrorSpec), &str); 5] = [
        (&|_, e| e.weights.as_mut().unwrap()[1] = -5, "op 1 (squared-error): a weight of channel 0 is negative"),
        (&|_, e| e.second = 2, "op 1 (squared-error): reads tensor 2 before anything writes it"),
        (
            &|m, _| m.tensors[2].dims = vec![2],
            "op 1 (squared-error): input of 2 and output of 2 elements do not fit this operator",
        ),
        (&|_, e| e.weights = Some(vec![1]), "op 1 (squared-error): weights end at byte 8, section data has 4"),
        (&|_, e| e.scaling.shift = 200, "op 1 (squared-error): shift 200 is over 94"),
    ];
    for (damage, sentence) in cases {
        assert_eq!(doctored(damage), sentence);
    }
    // The error of a tensor of scores, of another scale, of another shape.
    let distance = |element, elements: usize, scale| {
        let mut spec = small_distance();
        spec.tensors[1] = TensorSpec { scale, ..tensor(element, elements, 0) };
        spec.tensors.push(tensor(ElementType::I32, 1, 0));
        let OperatorSpec::Distance(distance) = &mut spec.operators[0] else { unreachable!() };
        distance.weights = None;
        distance.centroids = vec![1i8; 2 * elements].into();
        distance.biases = None;
        let scaling = ScalingSpec::exact(i32::MIN, i32::MAX);
        let error = SquaredErrorSpec { input: 0, second: 1, output: 2, weights: None, scaling };
        spec.operators.push(OperatorSpec::SquaredError(error));
        (spec.head.kind, spec.head.scores, spec.outcomes) = (HeadKind::Value, 2, vec!["error".into()]);
        spec
    };
    let bytes = distance(ElementType::I8, 2, U32F96::ONE).to_bytes();
    assert!(verify(&Model::parse(&bytes).unwrap(), &Limits::KERNEL).is_ok());
    assert_eq!(
        refusal(&distance(ElementType::I8, 2, U32F96::ONE / 2)),
        "op 1 (squared-error): its two inputs differ in scale"
    );
    assert_eq!(
        refusal(&distance(ElementType::I8, 3, U32F96::ONE)),
        "op 1 (squared-error): input of 2 and output of 3 elements do not fit this operator"
    );
    assert!(refusal(&distance(ElementType::I32, 2, U32F96::ONE)).contains("int32 scores"));
}

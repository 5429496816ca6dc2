//! What additive models, distances and squared errors are for: k-means, Mahalanobis distances, Gaussians, reconstruction
//! errors, scorecards; and files of them that must be refused.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, OPERATOR_SIZE, Rounding, SectionKind};
use kinfer::{Flags, Limits, Model, Packed, verify};
use kinfer_convert::kinf::{
    AdditiveSpec, ClipSpec, DistanceSpec, ModelSpec, OperatorSpec, ScalingSpec, SquaredErrorSpec, TensorSpec, TermSpec,
};
use kinfer_suite::models::{on_counters, refusal, whole};

/// Damage to a valid operator, and the sentence that refuses it.
type Case<'a, T> = (&'a dyn Fn(&mut T), &'static str);

/// Loads a model and decides on `rows`.
fn decisions(spec: &ModelSpec, rows: &[Vec<i64>]) -> Vec<kinfer::Decision> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let packed = Packed::new(&model, &report, vec![-1; report.packed_words]).unwrap();
    let mut scratch = vec![i64::MIN; report.scratch_words];
    rows.iter().map(|row| packed.decide(&mut scratch, row)).collect()
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
    let tensors = vec![whole(ElementType::I16, size, 77), whole(ElementType::I32, count, 0)];
    let spec = on_counters(tensors, vec![OperatorSpec::Distance(distance)]);
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
    let mut tensors = vec![whole(ElementType::I8, 2, -5), whole(ElementType::I32, 1, 0)];
    tensors[1].scale = U32F96::ONE >> 8;
    let mut spec = on_counters(tensors, vec![OperatorSpec::Distance(distance)]);
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
    let tensors = vec![whole(ElementType::I8, 1, 0), whole(ElementType::I32, 2, 0)];
    let spec = on_counters(tensors, vec![OperatorSpec::Distance(distance)]);
    let rows: Vec<Vec<i64>> = (-4..=4).map(|x| vec![x]).collect();
    let classes: Vec<u32> = decisions(&spec, &rows).iter().map(|decision| decision.class).collect();
    assert_eq!(classes, [1, 1, 1, 0, 0, 0, 1, 1, 1]);
}

#[test]
fn a_reconstruction_error_is_the_float_sum_of_squares() {
    // The "reconstruction" is the input clamped to what training saw.
    let mut tensors = vec![whole(ElementType::I8, 4, -9), whole(ElementType::I8, 4, -9)];
    tensors.push(whole(ElementType::I32, 1, 0));
    let clip = ClipSpec { input: 0, output: 1, lo: -50, hi: 60 };
    let error = SquaredErrorSpec {
        input: 0,
        second: 1,
        output: 2,
        weights: None,
        scaling: ScalingSpec::exact(i32::MIN, i32::MAX),
    };
    let mut spec = on_counters(tensors, vec![OperatorSpec::Clip(clip), OperatorSpec::SquaredError(error)]);
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
    let tensors = vec![whole(ElementType::I8, 2, 0), whole(ElementType::I32, 2, 0)];
    let mut spec = on_counters(tensors, vec![OperatorSpec::Additive(additive)]);
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
        refusal(&spec.to_bytes())
    };
    let cases: [Case<AdditiveSpec>; 6] = [
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
    assert_eq!(refusal(&spec.to_bytes()), "tensor 0: the rank is not 1 to 4, or a dimension is zero or too large");
    let bins: u16 = u16::MAX;
    let wide = doctored(&|a| a.terms[0].bins = [bins, bins]);
    assert_eq!(wide, "op 0 (additive): tables end at byte 34358689856, section data has 80");
}

#[test]
fn a_bin_that_nothing_reaches_is_not_in_the_interval() {
    // A clip leaves bins 0 and 1 of three.
    let clip = ClipSpec { input: 0, output: 1, lo: -3, hi: 1 };
    let terms = vec![TermSpec::one(0, vec![vec![1], vec![2], vec![1_000_000]])];
    let additive = AdditiveSpec { input: 1, output: 2, bases: vec![0], terms };
    let tensors = vec![whole(ElementType::I8, 1, 0), whole(ElementType::I8, 1, 0), whole(ElementType::I8, 1, 0)];
    let spec = on_counters(tensors, vec![OperatorSpec::Clip(clip), OperatorSpec::Additive(additive)]);
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
    let tensors = vec![whole(ElementType::I8, 2, 0), whole(ElementType::I8, 2, 0)];
    on_counters(tensors, vec![OperatorSpec::Distance(distance)])
}

#[test]
fn distances_past_a_limit_are_refused() {
    let doctored = |damage: &dyn Fn(&mut DistanceSpec)| {
        let mut spec = small_distance();
        let OperatorSpec::Distance(distance) = &mut spec.operators[0] else { unreachable!() };
        damage(distance);
        refusal(&spec.to_bytes())
    };
    let cases: [Case<DistanceSpec>; 9] = [
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

fn small_error() -> ModelSpec {
    let clip = ClipSpec { input: 0, output: 1, lo: -3, hi: 1 };
    let scaling = ScalingSpec::exact(-128, 127);
    let error = SquaredErrorSpec { input: 0, second: 1, output: 2, weights: Some(vec![1, 1]), scaling };
    let tensors = vec![whole(ElementType::I8, 2, 0), whole(ElementType::I8, 2, 0), whole(ElementType::I8, 1, 0)];
    on_counters(tensors, vec![OperatorSpec::Clip(clip), OperatorSpec::SquaredError(error)])
}

#[test]
fn squared_errors_past_a_limit_are_refused() {
    let doctored = |damage: &dyn Fn(&mut (ModelSpec, SquaredErrorSpec))| {
        let mut spec = small_error();
        let OperatorSpec::SquaredError(error) = spec.operators.pop().unwrap() else { unreachable!() };
        let mut parts = (spec, error);
        damage(&mut parts);
        let (mut spec, error) = parts;
        spec.operators.push(OperatorSpec::SquaredError(error));
        refusal(&spec.to_bytes())
    };
    let cases: [Case<(ModelSpec, SquaredErrorSpec)>; 5] = [
        (&|(_, e)| e.weights.as_mut().unwrap()[1] = -5, "op 1 (squared-error): a weight of channel 0 is negative"),
        (&|(_, e)| e.second = 2, "op 1 (squared-error): reads tensor 2 before anything writes it"),
        (
            &|(m, _)| m.tensors[2].dims = vec![2],
            "op 1 (squared-error): input of 2 and output of 2 elements do not fit this operator",
        ),
        (&|(_, e)| e.weights = Some(vec![1]), "op 1 (squared-error): weights end at byte 8, section data has 4"),
        (&|(_, e)| e.scaling.shift = 200, "op 1 (squared-error): shift 200 is over 94"),
    ];
    for (damage, sentence) in cases {
        assert_eq!(doctored(damage), sentence);
    }
    // The error of a tensor of scores, of another scale, of another shape.
    let distance = |element, elements: usize, scale| {
        let mut spec = small_distance();
        spec.tensors[1] = TensorSpec { scale, ..whole(element, elements, 0) };
        spec.tensors.push(whole(ElementType::I32, 1, 0));
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
        refusal(&distance(ElementType::I8, 2, U32F96::ONE / 2).to_bytes()),
        "op 1 (squared-error): its two inputs differ in scale"
    );
    assert_eq!(
        refusal(&distance(ElementType::I8, 3, U32F96::ONE).to_bytes()),
        "op 1 (squared-error): input of 2 and output of 3 elements do not fit this operator"
    );
    assert!(refusal(&distance(ElementType::I32, 2, U32F96::ONE).to_bytes()).contains("int32 scores"));
}

/// The bytes of `docs/operators/unsupervised.md`.
#[test]
fn records_lie_as_the_specification_says() {
    let record = |spec: &ModelSpec| {
        let sections = spec.sections();
        let records = sections[SectionKind::Operators as usize - 1].bytes.chunks(OPERATOR_SIZE);
        records.last().unwrap().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let cases = [
        (
            small_additive(),
            "0e00 00 00 0000 ffff 0100 0000 00000000 10000000 18000000 00000000 00000000 00000000 02000000 00000000",
        ),
        (
            small_distance(),
            "0f00 00 01 0000 ffff 0100 0300 00000000 08000000 18000000 00000000 80ffffff 7f000000 01000000 00000000",
        ),
        (
            small_error(),
            "1000 00 00 0000 0100 0200 0100 00000000 00000000 00000000 00000000 80ffffff 7f000000 01000000 00000000",
        ),
    ];
    for (spec, literal) in cases {
        assert_eq!(record(&spec), literal.replace(' ', "") + &"00".repeat(20));
    }
}

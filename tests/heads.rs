//! Heads against the wide reference, on scores that are the quantised inputs themselves, and heads that must be refused.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HEAD_SIZE, HeadKind, SectionKind};
use kinfer::{Flags, Limits, Model, Packed, Ranked, verify};
use kinfer_convert::kinf::container::to_bytes;
use kinfer_convert::kinf::{ClipSpec, HeadSpec, ModelSpec, OperatorSpec, TensorSpec};
use kinfer_suite::models::{on_counters, refusal};
use kinfer_suite::wide;
use proptest::collection::vec;
use proptest::prelude::*;

/// Counter `i`, saturated, is score `i`.
fn model(kind: HeadKind, classes: usize, zero_point: i32, scale: U32F96, low_margin: I32F32) -> ModelSpec {
    let tensor = TensorSpec { element: ElementType::I16, dims: vec![classes as u32], zero_point, scale };
    let clip = OperatorSpec::Clip(ClipSpec { input: 0, output: 1, lo: -32_768, hi: 32_767 });
    let mut spec = on_counters(vec![tensor.clone(), tensor], vec![clip]);
    spec.features.iter_mut().for_each(|feature| (feature.lo, feature.hi) = (-1_000, 1_000));
    spec.head = HeadSpec { kind, scores: 1, low_margin };
    if let HeadKind::Threshold(_) | HeadKind::Anomaly(_) = kind {
        spec.outcomes = vec!["below".into(), "above".into()];
    }
    spec
}

fn plain(kind: HeadKind, classes: usize) -> ModelSpec {
    model(kind, classes, 0, U32F96::ONE, I32F32::ZERO)
}

fn any_model() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let scale = (1u128..u128::MAX, 0u32..128).prop_map(|(scale, shift)| U32F96::from_bits((scale >> shift).max(1)));
    let real = (any::<i64>(), 0u32..64).prop_map(|(bits, shift)| I32F32::from_bits(bits >> shift));
    let kind = prop_oneof![
        Just((HeadKind::ArgMax, 0)),
        Just((HeadKind::ArgMin, 0)),
        (2usize..12).prop_flat_map(|classes| (1..classes).prop_map(move |k| (HeadKind::TopK(k as u32), classes))),
        real.clone().prop_map(|threshold| (HeadKind::Threshold(threshold), 1)),
        real.clone().prop_map(|threshold| (HeadKind::Anomaly(threshold), 1)),
        Just((HeadKind::Value, 1)),
    ];
    (kind, 2usize..12, any::<i16>(), scale, real).prop_flat_map(|((kind, classes), many, zero, scale, margin)| {
        let classes = if classes == 0 { many } else { classes };
        let margin = if kind == HeadKind::Value { I32F32::ZERO } else { margin.saturating_abs() };
        // Few values, so that ties are the rule, as well as the ends.
        let score =
            prop_oneof![4 => -3i64..3, 2 => any::<i16>().prop_map(i64::from), 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
        (Just(model(kind, classes, zero.into(), scale, margin)), vec(vec(score, classes), 1..8))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn heads_equal_the_wide_reference((spec, rows) in any_model()) {
        let bytes = spec.to_bytes();
        let model = Model::parse(&bytes).unwrap();
        prop_assert_eq!(model.head().kind, spec.head.kind);
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
            prop_assert!(decision.margin >= I32F32::ZERO);
            for room in [0, 1, 3, 20] {
                let mut out = vec![Ranked::default(); room];
                let count = packed.top(&scratch, &mut out);
                let top: Vec<_> = out[..count].iter().map(|ranked| (ranked.class, ranked.value.to_bits())).collect();
                prop_assert_eq!(&top[..], &expected.top[..room.min(expected.top.len())]);
            }
        }
    }
}

#[test]
fn ties_of_a_top_k_are_in_the_order_of_their_classes() {
    let bytes = plain(HeadKind::TopK(3), 5).to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    let mut scratch = vec![0; report.scratch_words];
    let decision = packed.decide(&mut scratch, &[7, 9, 7, 7, 9]);
    assert_eq!((decision.class, decision.value, decision.margin), (1, I32F32::lit("9"), I32F32::ZERO));
    let mut out = [Ranked::default(); 5];
    assert_eq!(packed.top(&scratch, &mut out), 3);
    assert_eq!(out.map(|ranked| ranked.class)[..3], [1, 4, 0]);
    // A pass for each place and one behind them, over five scores; five steps, and the clip of five.
    assert_eq!(report.operations, 4 * 5 + 5 + 5);
}

#[test]
fn scratch_that_is_too_short_ranks_nothing() {
    let bytes = plain(HeadKind::TopK(1), 2).to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    assert_eq!(packed.top(&[], &mut [Ranked::default(); 2]), 0);
}

#[test]
fn every_head_has_its_code_and_its_fields() {
    let third = I32F32::lit("0.5");
    let cases = [
        (HeadKind::ArgMax, 3, "0100 0100 00000000 0000000000000000"),
        (HeadKind::Threshold(third), 1, "0200 0100 00000000 0000008000000000"),
        (HeadKind::ArgMin, 3, "0300 0100 00000000 0000000000000000"),
        (HeadKind::TopK(2), 3, "0400 0100 02000000 0000000000000000"),
        (HeadKind::Value, 1, "0500 0100 00000000 0000000000000000"),
        (HeadKind::Anomaly(third), 1, "0600 0100 00000000 0000008000000000"),
    ];
    for (kind, classes, literal) in cases {
        let sections = plain(kind, classes).sections();
        let record = &sections[SectionKind::Head as usize - 1].bytes;
        let hex: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((record.len(), hex), (HEAD_SIZE, literal.replace(' ', "") + "0000000000000000"), "{kind:?}");
        assert_eq!(u16::from_le_bytes([record[0], record[1]]), kind.code());
    }
}

#[test]
fn heads_that_do_not_fit_are_refused() {
    let wrong = |kind, classes, outcomes: usize| {
        let mut spec = plain(kind, classes);
        spec.outcomes.resize(outcomes, "other".into());
        refusal(&spec.to_bytes())
    };
    let zero = I32F32::ZERO;
    let cases = [
        (wrong(HeadKind::TopK(0), 3, 3), "head: top 0 of 3 scores: it takes at least 1, and fewer than all"),
        (wrong(HeadKind::TopK(3), 3, 3), "head: top 3 of 3 scores: it takes at least 1, and fewer than all"),
        (
            wrong(HeadKind::TopK(u32::MAX), 3, 3),
            "head: top 4294967295 of 3 scores: it takes at least 1, and fewer than all",
        ),
        (wrong(HeadKind::TopK(1), 3, 2), "head: decides between 3 outcomes, the file names 2"),
        (wrong(HeadKind::ArgMin, 1, 1), "head: decides between 1 outcomes, the file names 1"),
        (wrong(HeadKind::ArgMin, 3, 4), "head: decides between 3 outcomes, the file names 4"),
        (wrong(HeadKind::Value, 2, 1), "head: a value takes one score, the tensor has 2"),
        (wrong(HeadKind::Value, 1, 2), "head: decides between 1 outcomes, the file names 2"),
        (wrong(HeadKind::Value, 1, 0), "section outcomes: has 0 records, 1 to 256 are allowed"),
        (wrong(HeadKind::Anomaly(zero), 2, 2), "head: an anomaly takes one score, the tensor has 2"),
        (wrong(HeadKind::Anomaly(zero), 1, 1), "head: decides between 2 outcomes, the file names 1"),
        (wrong(HeadKind::Threshold(zero), 2, 2), "head: a threshold takes one score, the tensor has 2"),
    ];
    for (is, expected) in cases {
        assert_eq!(is, expected);
    }

    let byte = |kind, classes, at: usize, value: u8| {
        let mut sections = plain(kind, classes).sections();
        sections[SectionKind::Head as usize - 1].bytes[at] = value;
        refusal(&to_bytes(&sections))
    };
    assert_eq!(byte(HeadKind::ArgMax, 2, 0, 7), "head: kind 7 is not known to this build");
    assert_eq!(byte(HeadKind::ArgMin, 2, 4, 1), "head: reserved bytes at 4 are not zero");
    assert_eq!(byte(HeadKind::Anomaly(zero), 1, 7, 1), "head: reserved bytes at 4 are not zero");
    assert_eq!(byte(HeadKind::TopK(1), 2, 8, 1), "head: reserved bytes at 8 are not zero");
    assert_eq!(byte(HeadKind::Value, 1, 15, 1), "head: reserved bytes at 8 are not zero");
    assert_eq!(byte(HeadKind::Value, 1, 16, 1), "head: reserved bytes at 16 are not zero");
    assert_eq!(byte(HeadKind::Anomaly(zero), 1, 23, 0x80), "head: the low-margin bound is negative");
}

#[test]
fn a_wide_top_k_is_over_a_small_budget() {
    let spec = plain(HeadKind::TopK(255), 256);
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    assert_eq!(verify(&model, &Limits::KERNEL).unwrap().operations, 256 * 256 + 512);
    let limits = Limits { operations: 60_000, ..Limits::KERNEL };
    assert_eq!(verify(&model, &limits).unwrap_err().to_string(), "file: operations 66048 over the budget of 60000");
    assert_eq!(Flags::ANOMALY.bits(), 8);
}

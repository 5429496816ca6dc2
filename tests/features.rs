//! Claims about all feature programs and all counters, against the wide-integer reference.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Rounding, SectionKind};
use kinfer::{Limits, Model, Packed, Report, verify};
use kinfer_convert::kinf::container::to_bytes;
use kinfer_convert::kinf::{
    AffineSpec, ClipSpec, FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, StepSpec, TensorSpec,
};
use kinfer_suite::wide::{self, WideState};
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// A caller that keeps state.
const LIMITS: Limits = Limits { state_bytes: 4 << 10, ..Limits::KERNEL };

/// A model that is little more than its program: the class is the largest element.
fn model(element: ElementType, features: usize, program: Vec<StepSpec>) -> ModelSpec {
    let elements: usize = program.iter().map(elements).sum();
    let tensor = TensorSpec { element, dims: vec![elements.max(1) as u32], zero_point: 0, scale: U32F96::ONE };
    let (lo, hi) = element.range();
    let kind = if elements > 1 { HeadKind::ArgMax } else { HeadKind::Threshold(I32F32::ZERO) };
    ModelSpec {
        features: (0..features)
            .map(|i| FeatureSpec { name: format!("counter{i}"), unit: "1".into(), lo: -5, hi: 1_000 })
            .collect(),
        program,
        tensors: vec![tensor.clone(), tensor],
        operators: vec![OperatorSpec::Clip(ClipSpec { input: 0, output: 1, lo, hi })],
        head: HeadSpec { kind, scores: 1, low_margin: I32F32::ZERO },
        outcomes: (0..elements.max(2)).map(|i| format!("outcome{i}")).collect(),
        provenance: vec![],
    }
}

fn elements(step: &StepSpec) -> usize {
    match step {
        StepSpec::Affine(_) | StepSpec::Copy { .. } | StepSpec::Bucketise { .. } => 1,
        StepSpec::OneHot { count, .. } | StepSpec::Digits { count, .. } => usize::from(*count),
        _ => 0,
    }
}

fn values(step: &StepSpec) -> usize {
    match step {
        StepSpec::History { count, .. } => usize::from(*count),
        _ => usize::from(elements(step) == 0),
    }
}

/// A program in the core, with what the caller keeps for it.
struct Core {
    packed: Packed<Vec<i64>>,
    report: Report,
    scratch: Vec<i64>,
    state: Vec<i64>,
    /// Where tensor 0 lies in scratch, in halves of words, and its elements.
    inputs: (usize, usize),
}

impl Core {
    fn load(spec: &ModelSpec) -> Result<Self, String> {
        let bytes = spec.to_bytes();
        let model = Model::parse(&bytes).map_err(|error| error.to_string())?;
        let report = verify(&model, &LIMITS).map_err(|error| error.to_string())?;
        Ok(Self {
            packed: Packed::new(&model, &report, vec![0; report.packed_words]).unwrap(),
            scratch: vec![-1; report.scratch_words],
            state: vec![0; report.state_words],
            inputs: (2 * spec.program.iter().map(values).sum::<usize>(), spec.program.iter().map(elements).sum()),
            report,
        })
    }

    /// The decision, and the elements of tensor 0 that it came from.
    fn decide(&mut self, raw: &[i64]) -> (kinfer::Decision, Vec<i32>) {
        let decision = self.packed.decide_with(&mut self.scratch, &mut self.state, raw);
        let halves = self.scratch.iter().flat_map(|word| [*word as i32, (*word >> 32) as i32]);
        (decision, halves.skip(self.inputs.0).take(self.inputs.1).collect())
    }
}

/// Elements that a program on one counter makes of `raw`.
fn run(element: ElementType, program: Vec<StepSpec>, raw: i64) -> Vec<i32> {
    Core::load(&model(element, 1, program)).unwrap().decide(&[raw]).1
}

fn refusal(spec: &ModelSpec) -> String {
    Core::load(spec).err().unwrap_or_else(|| "is accepted".into())
}

/// Values with many bits and few bits equally likely, as well as the ends.
fn wild() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (any::<i64>(), 0u32..64).prop_map(|(value, shift)| value >> shift),
        2 => -20i64..20,
        1 => (0u32..19, -1i64..=1).prop_map(|(power, by)| 10i64.pow(power) + by),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
    ]
}

/// Two of `T` in order.
fn ordered<T: PartialOrd>((a, b): (T, T)) -> (T, T) {
    if a <= b { (a, b) } else { (b, a) }
}

/// A step whose sources and state are not yet those of a place in a program.
fn step() -> impl Strategy<Value = StepSpec> {
    let rounding = prop_oneof![
        3 => Just(Rounding::HalfEven),
        1 => Just(Rounding::TfliteSingle),
        1 => Just(Rounding::Shift)
    ];
    let wide = (wild(), wild(), 0u32..62, 0u8..=96).prop_map(|(m, bias, widen, shift)| (m / 4, bias, widen, shift));
    // Few bits: ties, and results that do not saturate.
    let narrow = (-40i64..40, -3_000i64..3_000, 0u32..4, 0u8..12);
    let parameters = (prop_oneof![wide, narrow], rounding, any::<(i8, i8)>());
    let affine = parameters.prop_map(|((multiplier, bias, widen, shift), rounding, clamp)| {
        let (lo, hi) = ordered((clamp.0.into(), clamp.1.into()));
        let bias = i128::from(bias) << widen;
        StepSpec::Affine(AffineSpec { source: 0, multiplier, bias, shift, rounding, lo, hi })
    });
    let copy = any::<(i8, i8)>().prop_map(|clamp| {
        let (lo, hi) = ordered((clamp.0.into(), clamp.1.into()));
        StepSpec::Copy { source: 0, lo, hi }
    });
    let bucketise = (vec(wild(), 1..40), -128i32..=80).prop_map(|(mut thresholds, base)| {
        thresholds.sort_unstable();
        StepSpec::Bucketise { source: 0, thresholds, base }
    });
    let one_hot = (1u16..9, wild(), any::<(i8, i8)>()).prop_map(|(count, first, (off, on))| StepSpec::OneHot {
        source: 0,
        count,
        first,
        off: off.into(),
        on: on.into(),
    });
    let digits = (1u16..=18, -128i32..=118).prop_map(|(count, base)| StepSpec::Digits { source: 0, count, base });
    let clamp = (wild(), wild()).prop_map(|ends| {
        let (lo, hi) = ordered(ends);
        StepSpec::Clamp { source: 0, lo, hi }
    });
    let ewma = (0u8..=30, any::<u32>(), 0u8..=32).prop_map(|(shift, alpha, fraction)| StepSpec::Ewma {
        source: 0,
        alpha: alpha % (1 << shift) + 1,
        shift,
        fraction,
        state: 0,
    });
    prop_oneof![
        3 => affine,
        1 => copy,
        1 => bucketise,
        1 => one_hot,
        2 => digits,
        1 => clamp,
        1 => any::<bool>().prop_map(|one_plus| StepSpec::Log2 { source: 0, one_plus }),
        1 => Just(StepSpec::Difference { source: 0, second: 0 }),
        1 => (0u8..=32).prop_map(|shift| StepSpec::Ratio { source: 0, second: 0, shift }),
        2 => ewma,
        2 => (1u16..=16).prop_map(|count| StepSpec::History { source: 0, count, state: 0 }),
    ]
}

/// A valid model: steps that read whatever is before them, and keep state with gaps.
fn program() -> impl Strategy<Value = ModelSpec> {
    let step = (step(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u32..3);
    (1usize..5, vec(step, 0..12), any::<bool>()).prop_map(|(features, steps, wide)| {
        let (mut there, mut words) = (features, 0);
        let mut placed = Vec::new();
        for (mut step, first, other, gap) in steps {
            place(&mut step, first.index(there) as u16, other.index(there) as u16, words + gap);
            words = match step {
                StepSpec::Ewma { state, .. } => state + 2,
                StepSpec::History { count, state, .. } => state + u32::from(count),
                _ => words,
            };
            there += values(&step);
            placed.push(step);
        }
        // Whatever the steps were, there is an element, and it is of the last value.
        placed.push(StepSpec::Copy { source: there as u16 - 1, lo: -128, hi: 127 });
        model(if wide { ElementType::I16 } else { ElementType::I8 }, features, placed)
    })
}

fn place(step: &mut StepSpec, from: u16, other: u16, at: u32) {
    match step {
        StepSpec::Affine(AffineSpec { source, .. })
        | StepSpec::Copy { source, .. }
        | StepSpec::Bucketise { source, .. }
        | StepSpec::OneHot { source, .. }
        | StepSpec::Digits { source, .. }
        | StepSpec::Clamp { source, .. }
        | StepSpec::Log2 { source, .. } => *source = from,
        StepSpec::Difference { source, second } | StepSpec::Ratio { source, second, .. } => {
            (*source, *second) = (from, other);
        }
        StepSpec::Ewma { source, state, .. } | StepSpec::History { source, state, .. } => {
            (*source, *state) = (from, at);
        }
    }
}

fn program_and_rows() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    program().prop_flat_map(|spec| {
        let rows = vec(vec(wild(), spec.features.len()), 1..8);
        (Just(spec), rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, ..ProptestConfig::default() })]

    #[test]
    fn a_program_equals_the_wide_reference_decision_after_decision((spec, rows) in program_and_rows()) {
        let mut core = Core::load(&spec).unwrap();
        let mut state = WideState::default();
        for raw in &rows {
            let expected = wide::decide_with(&spec, &mut state, raw);
            let (decision, elements) = core.decide(raw);
            let wanted: Vec<i32> = expected.inputs.iter().map(|q| q.to_i32().unwrap()).collect();
            prop_assert_eq!(&elements, &wanted);
            prop_assert_eq!((decision.class, decision.value.to_bits()), (expected.class, expected.value));
            prop_assert_eq!(decision.flags.bits() & 1, expected.flags & 1);
            prop_assert!(elements.iter().all(|&q| core.report.input.contains(q.into())));
            state.words.resize(state.words.len().max(core.state.len()), 0);
            prop_assert_eq!(&core.state, &state.words);
        }
    }

    #[test]
    fn whatever_the_state_holds_the_elements_stay_in_their_range(
        (spec, rows) in program_and_rows(),
        garbage in vec(wild(), 64),
    ) {
        let mut core = Core::load(&spec).unwrap();
        for raw in &rows {
            for (word, &garbage) in core.state.iter_mut().zip(garbage.iter().cycle()) {
                *word = garbage;
            }
            let mut state = WideState { words: core.state.clone() };
            let expected = wide::inputs(&spec, &mut state, raw);
            let (_, elements) = core.decide(raw);
            let wanted: Vec<i32> = expected.iter().map(|q| q.to_i32().unwrap()).collect();
            prop_assert_eq!(&elements, &wanted);
            prop_assert!(elements.iter().all(|&q| core.report.input.contains(q.into())));
        }
    }

    #[test]
    fn records_with_any_bytes_are_refused_or_run(
        spec in program(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        raw in vec(wild(), 5),
    ) {
        let mut sections = spec.sections();
        for (index, value) in damage {
            let bytes = &mut sections[SectionKind::Program as usize - 1].bytes;
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        let bytes = to_bytes(&sections);
        let Ok(model) = Model::parse(&bytes) else { return Ok(()) };
        let Ok(report) = verify(&model, &LIMITS) else { return Ok(()) };
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let (mut scratch, mut state) = (vec![0; report.scratch_words], vec![0; report.state_words]);
        let decision = packed.decide_with(&mut scratch, &mut state, &raw[..report.inputs]);
        prop_assert!(!decision.flags.contains(kinfer::Flags::FALLBACK));
    }
}

#[test]
fn linnos_digits_are_known_to_be_digits() {
    // Three digits of the queue, three and four times four digits of its history: 31 elements.
    let mut program = vec![StepSpec::Digits { source: 0, count: 3, base: 0 }];
    program.extend((1..5).map(|source| StepSpec::Digits { source, count: 3, base: 0 }));
    program.extend((5..9).map(|source| StepSpec::Digits { source, count: 4, base: 0 }));
    let mut core = Core::load(&model(ElementType::I8, 9, program)).unwrap();
    assert_eq!((core.report.input.lo, core.report.input.hi, core.report.operations), (0, 9, 62));
    let (_, digits) = core.decide(&[7, 0, 12, 999, 1_000, -1, 123, 9_999, i64::MAX]);
    let text: String = digits.iter().map(ToString::to_string).collect();
    assert_eq!(text, "0070000129999990000012399999999");
}

#[test]
fn the_reachable_interval_is_the_union_over_the_steps() {
    let interval = |program| {
        let report = Core::load(&model(ElementType::I16, 1, program)).unwrap().report;
        (report.input.lo, report.input.hi)
    };
    let affine = |multiplier, bias, lo, hi| {
        let rounding = Rounding::HalfEven;
        StepSpec::Affine(AffineSpec { source: 0, multiplier, bias, shift: 0, rounding, lo, hi })
    };
    assert_eq!(interval(vec![affine(1, 0, -100, 50)]), (-100, 50));
    assert_eq!(interval(vec![affine(0, 7, -100, 50)]), (7, 7), "a constant");
    assert_eq!(interval(vec![StepSpec::OneHot { source: 0, count: 3, first: 0, off: 4, on: -9 }]), (-9, 4));
    let bucketise = StepSpec::Bucketise { source: 0, thresholds: vec![1, 2, 2], base: 10 };
    assert_eq!(interval(vec![bucketise.clone()]), (10, 13));
    assert_eq!(interval(vec![bucketise, affine(1, 0, 20, 30)]), (10, 30));
}

#[test]
fn missing_history_is_zero_and_a_mean_begins_at_its_first_sample() {
    let program = vec![
        StepSpec::History { source: 0, count: 2, state: 0 },
        StepSpec::Ewma { source: 0, alpha: 1, shift: 1, fraction: 0, state: 2 },
        StepSpec::Copy { source: 1, lo: -128, hi: 127 },
        StepSpec::Copy { source: 2, lo: -128, hi: 127 },
        StepSpec::Copy { source: 3, lo: -128, hi: 127 },
    ];
    let mut core = Core::load(&model(ElementType::I8, 1, program)).unwrap();
    assert_eq!(core.report.state_words, 4);
    let seen: Vec<_> = [40, 20, 10].map(|raw| core.decide(&[raw]).1).into();
    assert_eq!(seen, [[0, 0, 40], [40, 0, 30], [20, 40, 20]]);
    let short = core.packed.decide_with(&mut core.scratch, &mut core.state[1..], &[1]);
    assert_eq!(short, kinfer::Decision::FALLBACK, "the state is too short");
}

#[test]
fn values_are_read_by_later_steps() {
    let program = vec![
        StepSpec::Clamp { source: 0, lo: 1, hi: 1 << 40 },
        StepSpec::Log2 { source: 1, one_plus: false },
        StepSpec::affine(2, 1, 0, 16, ElementType::I8),
        StepSpec::Difference { source: 0, second: 1 },
        StepSpec::Copy { source: 3, lo: -128, hi: 127 },
    ];
    assert_eq!(run(ElementType::I8, program.clone(), 1 << 20), [20, 0]);
    assert_eq!(run(ElementType::I8, program.clone(), i64::MAX), [40, 127]);
    assert_eq!(run(ElementType::I8, program, -7), [0, -8]);
}

#[test]
fn the_out_of_range_flag_is_of_the_raw_counters() {
    let mut core = Core::load(&model(ElementType::I8, 1, vec![StepSpec::affine(0, 1, 0, 0, ElementType::I8)])).unwrap();
    let flags: Vec<u32> = [-6, -5, 1_000, 1_001].map(|raw| core.decide(&[raw]).0.flags.bits() & 1).into();
    assert_eq!(flags, [1, 0, 0, 1]);
}

#[test]
fn programs_that_cannot_be_proved_are_refused() {
    let copy = |source| StepSpec::Copy { source, lo: -128, hi: 127 };
    let digits = |count, base| StepSpec::Digits { source: 0, count, base };
    let buckets = |thresholds, base| StepSpec::Bucketise { source: 0, thresholds, base };
    let ewma = |alpha, shift, fraction, state| StepSpec::Ewma { source: 0, alpha, shift, fraction, state };
    let history = |count, state| StepSpec::History { source: 0, count, state };
    let affine = |rounding, lo, hi| {
        StepSpec::Affine(AffineSpec { source: 0, multiplier: 1, bias: 0, shift: 0, rounding, lo, hi })
    };
    let cases: [(Vec<StepSpec>, &str); 23] = [
        (vec![copy(1)], "step 0: reads value 1, there are 1 before it"),
        (vec![copy(1), StepSpec::Log2 { source: 0, one_plus: false }], "step 0: reads value 1, there are 1 before it"),
        (vec![StepSpec::Difference { source: 0, second: 1 }], "step 0: reads value 1, there are 1 before it"),
        (vec![StepSpec::Copy { source: 0, lo: 5, hi: 4 }], "step 0: clip range 5..4 is empty or outside"),
        (vec![affine(Rounding::HalfEven, -129, 0)], "step 0: clip range -129..0 is empty or outside"),
        (vec![affine(Rounding::TfliteDouble, 0, 0)], "step 0: rounding 2 is not known to this build"),
        (vec![digits(0, 0), copy(0)], "step 0: number of digits 0 is not 1 to 18"),
        (vec![digits(19, 0)], "step 0: number of digits 19 is not 1 to 18"),
        (vec![digits(1, 119)], "step 0: clip range 119..128 is empty or outside"),
        (vec![buckets(vec![], 0)], "step 0: number of thresholds 0 is not 1 to 4096"),
        (vec![buckets(vec![0; 4_097], 0)], "step 0: number of thresholds 4097 is not 1 to 4096"),
        (vec![buckets(vec![1, 3, 2], 0)], "step 0: threshold 2 is below the one before it"),
        (vec![buckets(vec![1, 3], 126)], "step 0: clip range 126..128 is empty or outside"),
        (
            vec![StepSpec::OneHot { source: 0, count: 0, first: 0, off: 0, on: 1 }],
            "step 0: number of elements 0 is not 1 to 65535",
        ),
        (
            vec![StepSpec::OneHot { source: 0, count: 2, first: 0, off: -129, on: 1 }],
            "step 0: clip range -129..1 is empty or outside",
        ),
        (vec![StepSpec::Clamp { source: 0, lo: 1, hi: -1 }], "step 0: clamp range 1..-1 is empty"),
        (vec![StepSpec::Ratio { source: 0, second: 0, shift: 33 }], "step 0: shift 33 is over 32"),
        (vec![ewma(1, 31, 0, 0)], "step 0: shift 31 is over 30"),
        (vec![ewma(1, 3, 33, 0)], "step 0: shift 33 is over 32"),
        (vec![ewma(9, 3, 0, 0)], "step 0: weight of a sample 9 is not 1 to 8"),
        (vec![history(17, 0)], "step 0: length of the history 17 is not 1 to 16"),
        (vec![history(4, 3), ewma(1, 1, 0, 6)], "step 1: state begins at word 6, inside what ends at word 7"),
        (vec![history(1, 600), copy(0)], "file: state bytes 4808 over the budget of 4096"),
    ];
    let mut wrong = Vec::new();
    for (program, sentence) in cases {
        let is = refusal(&model(ElementType::I8, 1, program.clone()));
        let is = is.strip_prefix("feature program ").unwrap_or(&is);
        if !is.starts_with(sentence) {
            wrong.push(format!("{program:?}: {is}, expected {sentence}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn elements_must_be_those_of_tensor_0() {
    let mut spec = model(ElementType::I8, 1, vec![StepSpec::Digits { source: 0, count: 4, base: 0 }]);
    spec.tensors[0].dims = vec![5];
    assert_eq!(refusal(&spec), "section program: makes 4 elements, the input tensor has 5");
    // A program of values alone makes no element, and a tensor without elements is refused before.
    let mut spec = model(ElementType::I8, 1, vec![StepSpec::Log2 { source: 0, one_plus: true }]);
    assert_eq!(refusal(&spec), "section program: makes 0 elements, the input tensor has 1");
    spec.tensors[0].dims = vec![0];
    assert_eq!(refusal(&spec), "tensor 0: the rank is not 1 to 4, or a dimension is zero or too large");
}

#[test]
fn thresholds_past_the_data_section_are_refused() {
    let spec = model(ElementType::I8, 1, vec![StepSpec::Bucketise { source: 0, thresholds: vec![1, 2], base: 0 }]);
    let mut sections = spec.sections();
    sections[SectionKind::Program as usize - 1].bytes[8] = 8;
    let bytes = to_bytes(&sections);
    let model = Model::parse(&bytes).unwrap();
    let refused = verify(&model, &LIMITS).unwrap_err().to_string();
    assert_eq!(refused, "feature program step 0: thresholds end at byte 24, section data has 16");
}

#[test]
fn fields_that_a_step_does_not_have_must_be_zero() {
    let refused = |program: Vec<StepSpec>, at: usize| {
        let mut sections = model(ElementType::I8, 1, program).sections();
        sections[SectionKind::Program as usize - 1].bytes[at] = 7;
        Model::parse(&to_bytes(&sections)).map(|_| ()).unwrap_err().to_string()
    };
    let copy = StepSpec::Copy { source: 0, lo: 0, hi: 1 };
    for (at, offset) in [(4, 4), (5, 5), (7, 6), (9, 8), (31, 16)] {
        let sentence = format!("feature program step 0: reserved bytes at {offset} are not zero");
        assert_eq!(refused(vec![copy.clone()], at), sentence);
    }
    let clamp = StepSpec::Clamp { source: 0, lo: 0, hi: -1 };
    for (at, offset) in [(24, 24), (32, 32), (36, 36)] {
        let sentence = format!("feature program step 0: reserved bytes at {offset} are not zero");
        assert_eq!(refused(vec![clamp.clone(), copy.clone()], at), sentence);
    }
    let log2 = StepSpec::Log2 { source: 0, one_plus: true };
    assert_eq!(refused(vec![log2, copy.clone()], 5), "feature program step 0: reserved bytes at 5 are not zero");
    assert_eq!(refused(vec![copy], 0), "feature program step 0: kind 7 is not known to this build");
}

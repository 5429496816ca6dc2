//! Operators that move elements and operators on the caller's state, against the wide-integer reference.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind};
use kinfer::{Decision, Flags, Limits, Model, Packed, Report, verify};
use kinfer_convert::kinf::container::seal;
use kinfer_convert::kinf::operators::{ConcatSpec, RecallSpec, RememberSpec, ReshapeSpec, SliceSpec};
use kinfer_convert::kinf::{ClipSpec, HeadSpec, ModelSpec, OperatorSpec, StepSpec, TensorSpec};
use kinfer_suite::{models, wide};
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

/// A caller that keeps state.
const LIMITS: Limits = Limits { state_bytes: 4 << 10, ..Limits::KERNEL };

/// A model whose counters are the elements of tensor 0, and whose tensors all share its grid.
struct Build {
    spec: ModelSpec,
}

impl Build {
    fn new(element: ElementType, zero_point: i32, inputs: usize) -> Self {
        let step = |source| StepSpec::affine(source, 1, 0, 0, element);
        let scale = U32F96::ONE / 16;
        let spec = ModelSpec {
            features: (0..inputs).map(|i| models::feature(&format!("counter{i}"), -100, 100)).collect(),
            program: (0..inputs as u16).map(step).collect(),
            tensors: vec![TensorSpec { element, dims: vec![inputs as u32], zero_point, scale }],
            operators: vec![],
            head: HeadSpec { kind: HeadKind::ArgMax, scores: 0, low_margin: I32F32::ZERO },
            outcomes: vec![],
            provenance: vec![],
        };
        Self { spec }
    }

    fn elements(&self, tensor: u16) -> u32 {
        self.spec.tensors[usize::from(tensor)].dims.iter().product()
    }

    /// Appends an operator, told what tensor it writes, and that tensor.
    fn push(&mut self, dims: &[u32], operator: impl FnOnce(u16) -> OperatorSpec) -> u16 {
        let output = self.spec.tensors.len() as u16;
        self.spec.tensors.push(TensorSpec { dims: dims.to_vec(), ..self.spec.tensors[0].clone() });
        self.spec.operators.push(operator(output));
        output
    }

    fn concat(&mut self, input: u16, second: u16, rows: u32) -> u16 {
        let dims = [self.elements(input) + self.elements(second)];
        self.push(&dims, |output| OperatorSpec::Concat(ConcatSpec { input, second, output, rows }))
    }

    fn slice(&mut self, input: u16, [rows, start, count, stride]: [u32; 4]) -> u16 {
        let slice = |output| OperatorSpec::Slice(SliceSpec { input, output, rows, start, count, stride });
        self.push(&[rows, count], slice)
    }

    fn reshape(&mut self, input: u16, dims: &[u32]) -> u16 {
        self.push(dims, |output| OperatorSpec::Reshape(ReshapeSpec { input, output }))
    }

    fn recall(&mut self, elements: u32, slot: u32, lo: i32, hi: i32) -> u16 {
        self.push(&[elements], |output| OperatorSpec::Recall(RecallSpec { output, slot, lo, hi }))
    }

    fn remember(&mut self, input: u16, slot: u32) -> u16 {
        let dims = self.spec.tensors[usize::from(input)].dims.clone();
        self.push(&dims, |output| OperatorSpec::Remember(RememberSpec { input, output, slot }))
    }

    /// With the head on `scores`.
    fn finish(mut self, scores: u16) -> ModelSpec {
        let elements = self.elements(scores);
        if elements == 1 {
            self.spec.head.kind = HeadKind::Threshold(I32F32::ONE);
        }
        self.spec.head.scores = scores;
        self.spec.outcomes = (0..elements.max(2)).map(|i| format!("outcome{i}")).collect();
        self.spec
    }
}

fn divisor(of: u32, seed: u32) -> u32 {
    let all: Vec<u32> = (1..=of).filter(|d| of.is_multiple_of(*d)).collect();
    all[seed as usize % all.len()]
}

/// Appends an operator chosen by `seed`, on tensors chosen by it.
fn append(build: &mut Build, seed: [u32; 6]) {
    let [kind, a, b, c, d, e] = seed;
    let tensors = build.spec.tensors.len() as u32;
    let (input, second) = ((a % tensors) as u16, (b % tensors) as u16);
    let (elements, others) = (build.elements(input), build.elements(second));
    let (lo, hi) = build.spec.tensors[0].element.range();
    match kind % 6 {
        0 if elements + others <= 300 => {
            let common = (1..=elements).rev().find(|n| elements.is_multiple_of(*n) && others.is_multiple_of(*n));
            let rows = divisor(common.unwrap(), c);
            build.concat(input, second, rows);
        }
        0 | 1 => {
            let rows = divisor(elements, c);
            let width = elements / rows;
            let start = d % width;
            let stride = if e % 3 == 0 { 1 } else { 1 + e % width };
            let most = (width - 1 - start) / stride + 1;
            build.slice(input, [rows, start, 1 + e / 7 % most, stride]);
        }
        2 => {
            let rows = divisor(elements, c);
            let columns = divisor(elements / rows, d);
            build.reshape(input, &[rows, columns, elements / rows / columns]);
        }
        3 => {
            let (x, y) = (c as i32 % 200, d as i32 % 200);
            let clamp = if e % 2 == 0 { (lo, hi) } else { (x.min(y).clamp(lo, hi), x.max(y).clamp(lo, hi)) };
            build.recall(1 + a % 40, b % 30, clamp.0, clamp.1);
        }
        4 => {
            build.remember(input, b % 30);
        }
        _ => {
            let dims = build.spec.tensors[usize::from(input)].dims.clone();
            let (lo, hi) = (-100i32, 100);
            build.push(&dims, |output| OperatorSpec::Clip(ClipSpec { input, output, lo, hi }));
        }
    }
}

fn model() -> impl Strategy<Value = ModelSpec> {
    let element = prop_oneof![Just(ElementType::I8), Just(ElementType::I16), Just(ElementType::I32)];
    let zero_point = prop_oneof![Just(i32::MIN), Just(0), Just(i32::MAX), any::<i8>().prop_map(i32::from)];
    (element, zero_point, 1usize..=12, vec(any::<[u32; 6]>(), 1..=14), any::<u32>()).prop_map(
        |(element, zero_point, inputs, seeds, scores)| {
            let (lo, hi) = element.range();
            let mut build = Build::new(element, zero_point.clamp(lo, hi), inputs);
            seeds.into_iter().for_each(|seed| append(&mut build, seed));
            let scores = (scores % build.spec.tensors.len() as u32) as u16;
            // A file names at most 256 outcomes.
            let scores = if build.elements(scores) > 256 { build.slice(scores, [1, 0, 9, 20]) } else { scores };
            build.finish(scores)
        },
    )
}

fn wild() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => (any::<i64>(), 0u32..64).prop_map(|(value, shift)| value >> shift),
        6 => -200i64..200,
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
    ]
}

/// A model, a state that may be anything, and counters for some decisions.
fn case() -> impl Strategy<Value = (ModelSpec, Vec<i64>, Vec<Vec<i64>>)> {
    model().prop_flat_map(|spec| {
        let state = prop_oneof![Just(vec![0; 512]), vec(wild(), 512)];
        let rows = vec(vec(wild(), spec.features.len()), 1..6);
        (Just(spec), state, rows)
    })
}

fn proved(spec: &ModelSpec) -> Result<(Report, Packed<Vec<i64>>), String> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).map_err(|error| error.to_string())?;
    let report = verify(&model, &LIMITS).map_err(|error| error.to_string())?;
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    Ok((report, packed))
}

fn refusal(spec: &ModelSpec) -> String {
    proved(spec).err().unwrap_or_else(|| "not refused".into())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn decisions_scores_and_state_equal_the_wide_reference((spec, state, rows) in case()) {
        let (report, packed) = proved(&spec).unwrap();
        let words = report.state_words;
        let (mut state, mut inferred) = (state[..words].to_vec(), state[..words].to_vec());
        let mut reference = wide::WideState { words: state.clone() };
        let mut scratch = vec![i64::MIN; report.scratch_words];
        let (lo, hi) = spec.tensors[0].element.range();
        for row in &rows {
            let expected = wide::decide_with(&spec, &mut reference, row);
            let decision = packed.decide_with(&mut scratch, &mut state, row);
            prop_assert_eq!(decision.class, expected.class);
            prop_assert_eq!(decision.value.to_bits(), expected.value);
            prop_assert_eq!(decision.margin.to_bits(), expected.margin);
            prop_assert_eq!(decision.flags.bits(), expected.flags);
            prop_assert_eq!(&state, &reference.words);

            let inputs: Vec<_> = row.iter().map(|&raw| raw.clamp(lo.into(), hi.into()) as i32).collect();
            let scores = packed.infer(&mut scratch, &mut inferred, &inputs).to_vec();
            match usize::from(spec.head.scores).checked_sub(1) {
                None => prop_assert_eq!(scores, inputs),
                Some(writer) => {
                    let wide: Vec<_> = expected.outputs[writer].iter().map(|q| q.to_i32().unwrap()).collect();
                    prop_assert_eq!(scores, wide);
                }
            }
            prop_assert_eq!(&inferred, &reference.words);
            let reached = expected.accumulators.iter().zip(&expected.outputs);
            for (proved, (accumulators, outputs)) in report.operators.iter().zip(reached) {
                prop_assert!(outputs.iter().all(|q| proved.output.contains(q.to_i64().unwrap())));
                prop_assert!(accumulators.iter().all(|q| proved.accumulator.contains(q.to_i64().unwrap())));
            }
        }
    }

    #[test]
    fn a_state_that_is_too_short_falls_back_and_stays_as_it_is((spec, state, rows) in case()) {
        let (report, packed) = proved(&spec).unwrap();
        let Some(short) = report.state_words.checked_sub(1) else { return Ok(()) };
        let mut state = state[..short].to_vec();
        let before = state.clone();
        let mut scratch = vec![0; report.scratch_words];
        prop_assert_eq!(packed.decide_with(&mut scratch, &mut state, &rows[0]), Decision::FALLBACK);
        prop_assert_eq!(packed.decide(&mut scratch, &rows[0]), Decision::FALLBACK);
        prop_assert!(packed.infer(&mut scratch, &mut state, &vec![0; rows[0].len()]).is_empty());
        prop_assert_eq!(state, before);
    }

    #[test]
    fn damaged_files_are_refused_or_run(
        spec in model(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        state in vec(wild(), 600),
    ) {
        let mut bytes = spec.to_bytes();
        for (index, value) in damage {
            // Schema and program are not what this is about.
            let from = 120 * spec.features.len();
            let at = from + index.index(bytes.len() - from);
            bytes[at] = value;
        }
        seal(&mut bytes);
        let Ok(model) = Model::parse(&bytes) else { return Ok(()) };
        let Ok(report) = verify(&model, &LIMITS) else { return Ok(()) };
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let mut scratch = vec![0; report.scratch_words];
        let mut state = state;
        for value in [i64::MIN, -1, 0, i64::MAX] {
            let decision = packed.decide_with(&mut scratch, &mut state, &vec![value; report.inputs]);
            prop_assert!((decision.class as usize) < report.outcomes);
            prop_assert!(!decision.flags.contains(Flags::FALLBACK));
        }
    }
}

fn scores(spec: &ModelSpec, raw: &[i32]) -> Vec<i32> {
    let (report, packed) = proved(spec).unwrap();
    let (mut scratch, mut state) = (vec![0; report.scratch_words], vec![0; report.state_words]);
    packed.infer(&mut scratch, &mut state, raw).to_vec()
}

#[test]
fn rows_of_two_tensors_interleave() {
    let mut build = Build::new(ElementType::I8, 0, 6);
    let first = build.slice(0, [1, 0, 4, 1]);
    let second = build.slice(0, [1, 4, 2, 1]);
    let both = build.concat(first, second, 2);
    assert_eq!(scores(&build.finish(both), &[1, 2, 3, 4, 5, 6]), [1, 2, 5, 3, 4, 6]);
}

#[test]
fn a_reshape_of_a_reshape_of_the_inputs_may_be_the_scores() {
    let mut build = Build::new(ElementType::I16, 3, 6);
    let once = build.reshape(0, &[2, 3]);
    let twice = build.reshape(once, &[6, 1]);
    let spec = build.finish(twice);
    assert_eq!(scores(&spec, &[9, 8, -7, 6, 5, 4]), [9, 8, -7, 6, 5, 4]);
    let (report, _) = proved(&spec).unwrap();
    let mut plain = Build::new(ElementType::I16, 3, 6);
    plain.slice(0, [1, 0, 6, 1]);
    let copied = proved(&plain.finish(1)).unwrap().0.scratch_words;
    assert_eq!(report.scratch_words + 3, copied, "six elements less than with a copy");
}

#[test]
fn a_tensor_and_its_reshape_are_read_side_by_side_after_later_ones_are_written() {
    let mut build = Build::new(ElementType::I8, 0, 4);
    let clipped = build.slice(0, [1, 3, 1, 1]);
    let column = build.reshape(0, &[4, 1]);
    let other = build.slice(column, [2, 1, 1, 1]);
    let again = build.reshape(clipped, &[1, 1]);
    let both = build.concat(other, again, 1);
    let all = build.concat(both, column, 1);
    assert_eq!(scores(&build.finish(all), &[1, 2, 3, 4]), [2, 4, 4, 1, 2, 3, 4]);
}

#[test]
fn what_one_decision_remembers_the_next_recalls() {
    let mut build = Build::new(ElementType::I8, -5, 2);
    let before = build.recall(2, 3, -128, 127);
    let now = build.remember(0, 3);
    let all = build.concat(before, now, 1);
    let spec = build.finish(all);
    let (report, packed) = proved(&spec).unwrap();
    assert_eq!(report.state_words, 5);
    let (mut scratch, mut state) = (vec![0; report.scratch_words], vec![0; 5]);
    assert_eq!(packed.infer(&mut scratch, &mut state, &[7, 9]), [-5, -5, 7, 9], "real zero at first");
    assert_eq!(packed.infer(&mut scratch, &mut state, &[1, 2]), [7, 9, 1, 2]);
    assert_eq!(state, [0, 0, 0, 6, 7]);
    state.fill(i64::MAX);
    assert_eq!(packed.infer(&mut scratch, &mut state, &[1, 2]), [127, 127, 1, 2]);
}

/// Changes a valid model and says how it is refused.
fn doctored(change: impl FnOnce(&mut ModelSpec)) -> String {
    let mut build = Build::new(ElementType::I8, 0, 6);
    let old = build.recall(6, 0, -128, 127);
    let both = build.concat(0, old, 3);
    let part = build.slice(both, [2, 1, 3, 2]);
    let flat = build.reshape(part, &[6]);
    let kept = build.remember(flat, 0);
    let mut spec = build.finish(kept);
    proved(&spec).unwrap();
    change(&mut spec);
    refusal(&spec)
}

fn concat_of(spec: &mut ModelSpec) -> &mut ConcatSpec {
    let OperatorSpec::Concat(concat) = &mut spec.operators[1] else { panic!() };
    concat
}

fn slice_of(spec: &mut ModelSpec) -> &mut SliceSpec {
    let OperatorSpec::Slice(slice) = &mut spec.operators[2] else { panic!() };
    slice
}

#[test]
fn a_concat_that_does_not_fit_is_refused() {
    let differ = "its tensors differ in element type, scale or zero point";
    assert_eq!(doctored(|spec| concat_of(spec).rows = 0), "op 1 (concat): 6 elements do not make 0 rows");
    assert_eq!(doctored(|spec| concat_of(spec).rows = 4), "op 1 (concat): 6 elements do not make 4 rows");
    assert_eq!(
        doctored(|spec| concat_of(spec).rows = u32::MAX),
        "op 1 (concat): 6 elements do not make 4294967295 rows"
    );
    assert_eq!(doctored(|spec| spec.tensors[1].zero_point = 1), format!("op 1 (concat): {differ}"));
    assert_eq!(doctored(|spec| spec.tensors[1].scale = U32F96::ONE), format!("op 1 (concat): {differ}"));
    assert_eq!(doctored(|spec| spec.tensors[2].element = ElementType::I16), format!("op 1 (concat): {differ}"));
    assert_eq!(
        doctored(|spec| spec.tensors[2].dims = vec![13]),
        "op 1 (concat): input of 12 and output of 13 elements do not fit this operator"
    );
    assert_eq!(doctored(|spec| concat_of(spec).second = 2), "op 1 (concat): reads tensor 2 before anything writes it");
    assert_eq!(doctored(|spec| concat_of(spec).second = 90), "op 1 (concat): names tensor 90, the file has 6");
}

#[test]
fn a_slice_that_does_not_fit_is_refused() {
    let empty = "op 2 (slice): takes no elements, or the same one again and again";
    assert_eq!(doctored(|spec| slice_of(spec).rows = 5), "op 2 (slice): 12 elements do not make 5 rows");
    assert_eq!(
        doctored(|spec| slice_of(spec).start = 2),
        "op 2 (slice): takes element 6 of rows of 6, numbered from 0"
    );
    assert_eq!(doctored(|spec| slice_of(spec).stride = 0), empty);
    assert_eq!(doctored(|spec| slice_of(spec).count = 0), empty);
    assert_eq!(
        doctored(|spec| slice_of(spec).count = 2),
        "op 2 (slice): input of 12 and output of 6 elements do not fit this operator"
    );
    let all = |spec: &mut ModelSpec| {
        let slice = slice_of(spec);
        (slice.start, slice.count, slice.stride) = (u32::MAX, u32::MAX, u32::MAX);
    };
    let last = u128::from(u32::MAX) * u128::from(u32::MAX);
    assert_eq!(doctored(all), format!("op 2 (slice): takes element {last} of rows of 6, numbered from 0"));
}

#[test]
fn a_reshape_to_another_grid_or_number_of_elements_is_refused() {
    assert_eq!(
        doctored(|spec| spec.tensors[4].dims = vec![7]),
        "op 3 (reshape): input of 6 and output of 7 elements do not fit this operator"
    );
    assert_eq!(
        doctored(|spec| spec.tensors[4].zero_point = 9),
        "op 3 (reshape): its tensors differ in element type, scale or zero point"
    );
    assert_eq!(
        doctored(|spec| spec.tensors[4].dims = vec![6, 0]),
        "tensor 4: the rank is not 1 to 4, or a dimension is zero or too large"
    );
}

#[test]
fn a_state_beyond_the_budget_or_a_clamp_beyond_the_type_is_refused() {
    let recall = |spec: &mut ModelSpec, slot, lo, hi| {
        spec.operators[0] = OperatorSpec::Recall(RecallSpec { output: 1, slot, lo, hi });
    };
    assert_eq!(doctored(|spec| recall(spec, 506, 0, 0)), "not refused");
    assert_eq!(doctored(|spec| recall(spec, 507, 0, 0)), "file: state bytes 4104 over the budget of 4096");
    assert_eq!(
        doctored(|spec| recall(spec, u32::MAX, 0, 0)),
        format!("file: state bytes {} over the budget of 4096", (u64::from(u32::MAX) + 6) * 8)
    );
    assert_eq!(
        doctored(|spec| recall(spec, 0, -129, 0)),
        "op 0 (recall): clip range -129..0 is empty or outside the output's element type"
    );
    assert_eq!(
        doctored(|spec| recall(spec, 0, 1, 0)),
        "op 0 (recall): clip range 1..0 is empty or outside the output's element type"
    );
    let kept = |spec: &mut ModelSpec| {
        spec.operators[4] = OperatorSpec::Remember(RememberSpec { input: 4, output: 5, slot: 512 });
    };
    assert_eq!(doctored(kept), "file: state bytes 4144 over the budget of 4096");
    assert_eq!(
        doctored(|spec| spec.tensors[5].dims = vec![2, 3]),
        "op 4 (remember): input of 6 and output of 6 elements do not fit this operator"
    );
}

#[test]
fn a_recall_that_names_an_input_is_refused() {
    let mut build = Build::new(ElementType::I8, 0, 1);
    build.slice(0, [1, 0, 1, 1]);
    let old = build.recall(1, 0, 0, 0);
    let spec = build.finish(old);
    let mut sections = spec.sections();
    let operators = sections.iter_mut().find(|section| section.count == 2 && section.bytes.len() == 128).unwrap();
    operators.bytes[64 + 4] = 1;
    let bytes = kinfer_convert::kinf::container::to_bytes(&sections);
    let error = verify(&Model::parse(&bytes).unwrap(), &LIMITS).unwrap_err();
    assert_eq!(error.to_string(), "op 1 (recall): reserved bytes at 4 are not zero");
}

#[test]
fn records_hold_their_fields_where_the_specification_says() {
    let mut build = Build::new(ElementType::I8, 0, 6);
    let old = build.recall(6, 0x0403_0201, -5, 7);
    let both = build.concat(0, old, 3);
    let part = build.slice(both, [2, 1, 3, 2]);
    let flat = build.reshape(part, &[6]);
    build.remember(flat, 9);
    let sections = build.spec.sections();
    let operators = sections.iter().find(|section| section.count == 5 && section.bytes.len() == 5 * 64).unwrap();
    let record = |kind: u8, input: u8, second: [u8; 2], output: u8, rest: [[u8; 4]; 9]| {
        let mut bytes = vec![kind, 0, 0, 0, input, 0, second[0], second[1], output, 0, 0, 0];
        bytes.extend([0; 16]);
        bytes.extend(rest.concat());
        bytes
    };
    let (none, zero) = ([0xff, 0xff], [0; 4]);
    let word = |value: i32| value.to_le_bytes();
    let expected = [
        record(17, 0, none, 1, [word(-5), word(7), [1, 2, 3, 4], zero, zero, zero, zero, zero, zero]),
        record(10, 0, [1, 0], 2, [zero, zero, word(3), zero, zero, zero, zero, zero, zero]),
        record(11, 2, none, 3, [zero, zero, word(2), word(1), word(3), word(2), zero, zero, zero]),
        record(12, 3, none, 4, [zero; 9]),
        record(18, 4, none, 5, [zero, zero, word(9), zero, zero, zero, zero, zero, zero]),
    ];
    assert_eq!(operators.bytes, expected.concat());
}

#[test]
fn a_field_that_an_operator_does_not_have_is_refused() {
    // The offset of a byte that it has no use for.
    let cases = [("concat", 40), ("slice", 28), ("reshape", 36), ("recall", 40), ("remember", 28)];
    let mut build = Build::new(ElementType::I8, 0, 2);
    let both = build.concat(0, 0, 1);
    let part = build.slice(both, [1, 0, 2, 1]);
    build.reshape(part, &[2]);
    build.recall(2, 0, 0, 0);
    let kept = build.remember(0, 0);
    let spec = build.finish(kept);
    for (number, (name, offset)) in cases.into_iter().enumerate() {
        let mut sections = spec.sections();
        let operators = sections.iter_mut().find(|section| section.bytes.len() == 5 * 64).unwrap();
        operators.bytes[number * 64 + offset] = 1;
        let bytes = kinfer_convert::kinf::container::to_bytes(&sections);
        let sentence = Model::parse(&bytes).unwrap_err().to_string();
        let at = if offset == 28 { 28 } else { 36 };
        assert_eq!(sentence, format!("op {number} ({name}): reserved bytes at {at} are not zero"));
    }
}

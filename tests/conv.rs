//! Convolutions and pooling against arbitrary-precision integers, on every backend; files past each limit are refused.

use fixed::types::U32F96;
use kinfer::backend::{Backend, Io, PackedWords, Reference};
use kinfer::format::{ElementType, HeadKind, PoolMode, Rounding};
use kinfer::verify::{self, Node, verify};
use kinfer::{Limits, Model, Packed};
use kinfer_convert::kinf::{
    ClipSpec, ConvSpec, FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, PoolSpec, RowsSpec, StepSpec, TensorSpec,
    WeightsSpec, WindowSpec,
};
use kinfer_suite::wide;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use proptest::collection::vec;
use proptest::prelude::*;

const LIMITS: Limits = Limits { operations: u64::MAX, ..Limits::KERNEL };

/// The model with a clip before its one operator, so that not all values of the type reach that.
fn clipped(mut model: ModelSpec, lo: i32, hi: i32) -> ModelSpec {
    model.tensors.insert(1, model.tensors[0].clone());
    for operator in &mut model.operators {
        match operator {
            OperatorSpec::Conv(conv) => (conv.input, conv.output) = (1, 2),
            OperatorSpec::Pool(pool) => (pool.input, pool.output) = (1, 2),
            _ => unreachable!(),
        }
    }
    model.operators.insert(0, OperatorSpec::Clip(ClipSpec { input: 0, output: 1, lo, hi }));
    model.head.scores = 2;
    model
}

/// Either the model itself, or with a clip before it.
fn clipped_or_not(model: ModelSpec, range: (i16, i16)) -> ModelSpec {
    let (lo, hi) = model.tensors[0].element.range();
    let (a, b) = (i32::from(range.0).clamp(lo, hi), i32::from(range.1).clamp(lo, hi));
    if a % 2 == 0 { clipped(model, a.min(b), a.max(b)) } else { model }
}

/// A model of one operator: element `i` of its input is raw counter `i`.
fn model(operator: OperatorSpec, input: TensorSpec, output: TensorSpec) -> ModelSpec {
    let elements = |tensor: &TensorSpec| tensor.dims.iter().product::<u32>() as u16;
    let (inputs, outputs) = (elements(&input), elements(&output));
    ModelSpec {
        features: (0..inputs)
            .map(|i| FeatureSpec { name: format!("x{i}"), unit: "1".into(), lo: i64::MIN, hi: i64::MAX })
            .collect(),
        program: (0..inputs).map(|source| StepSpec::affine(source, 1, 0, 0, input.element)).collect(),
        tensors: vec![input, output],
        operators: vec![operator],
        head: HeadSpec {
            kind: if outputs == 1 { HeadKind::Threshold(Default::default()) } else { HeadKind::ArgMax },
            scores: 1,
            low_margin: Default::default(),
        },
        outcomes: (0..outputs.max(2)).map(|class| class.to_string()).collect(),
        provenance: vec![],
    }
}

fn image(element: ElementType, [height, width, channels]: [u32; 3], zero_point: i16) -> TensorSpec {
    let (lo, hi) = element.range();
    let dims = vec![height, width, channels];
    TensorSpec { element, dims, zero_point: i32::from(zero_point).clamp(lo, hi), scale: U32F96::ONE }
}

fn element() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::I8), Just(ElementType::I16)]
}

/// Images of up to 256 elements, one-dimensional and single pixels among them.
fn size() -> impl Strategy<Value = [u32; 3]> {
    prop_oneof![
        3 => [1u32..=8, 1u32..=8, 1u32..=4],
        2 => [Just(1).boxed(), (1u32..=32).boxed(), (1u32..=8).boxed()],
        1 => [1u32..=4, 1u32..=4, 1u32..=16],
        1 => Just([1, 1, 1]),
    ]
}

fn axis(size: u32, dilated: bool) -> impl Strategy<Value = [u16; 5]> {
    let dilation = if dilated { prop_oneof![3 => Just(1u16), 1 => 1u16..4].boxed() } else { Just(1).boxed() };
    (1..=size as u16, 1u16..4, dilation, prop_oneof![Just([0; 2]), [0u16..4, 0u16..4]])
        .prop_map(|(kernel, stride, dilation, [before, after])| [kernel, stride, dilation, before, after])
}

/// A window with a position in an image of `size`.
fn window(size: [u32; 3], dilated: bool) -> impl Strategy<Value = WindowSpec> {
    (axis(size[0], dilated), axis(size[1], dilated))
        .prop_map(|(y, x)| {
            let of = |which: usize| [y[which], x[which]];
            WindowSpec { kernel: of(0), stride: of(1), dilation: of(2), before: of(3), after: of(4) }
        })
        .prop_filter("a window has to fit", move |window| !window.positions(size[0], size[1]).contains(&0))
}

/// Values of an image, seldom in between.
fn rows(tensor: &TensorSpec) -> impl Strategy<Value = Vec<Vec<i64>>> + use<> {
    let (lo, hi) = tensor.element.range();
    let elements = tensor.dims.iter().product::<u32>() as usize;
    let value = prop_oneof![
        4 => i64::from(lo)..=i64::from(hi),
        1 => prop_oneof![Just(i64::from(lo)), Just(i64::from(hi)), Just(i64::from(tensor.zero_point))],
    ];
    vec(prop_oneof![3 => vec(value, elements).boxed(), 1 => Just(vec![i64::from(lo); elements]).boxed()], 1..4)
}

fn factor(rounding: Rounding) -> BoxedStrategy<(i32, u8)> {
    match rounding {
        Rounding::Shift => (0u8..30).prop_map(|shift| (1, shift)).boxed(),
        Rounding::TfliteDouble => ((1i32 << 30)..=i32::MAX, 31u8..50).boxed(),
        _ => prop_oneof![
            ((1i32 << 30)..=i32::MAX, 25u8..62),
            (0u32..8, 0u8..20).prop_map(|(power, shift)| (1 << power, shift)),
            (any::<i32>().prop_map(|multiplier| multiplier & i32::MAX), 0u8..=94),
        ]
        .boxed(),
    }
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![
        Just(Rounding::HalfEven),
        Just(Rounding::TfliteSingle),
        Just(Rounding::TfliteDouble),
        Just(Rounding::Shift)
    ]
}

/// Weights of `channels` rows, each with a magnitude of its own.
fn weights(row: usize, channels: usize) -> impl Strategy<Value = WeightsSpec> {
    let row = (0u32..16, vec(prop_oneof![8 => any::<i16>(), 1 => Just(i16::MIN)], row))
        .prop_map(|(shift, row)| row.into_iter().map(|weight| weight >> shift).collect::<Vec<i16>>());
    (vec(row, channels), any::<bool>()).prop_map(|(rows, wide)| match wide {
        true => WeightsSpec::I16(rows.concat()),
        false => WeightsSpec::I8(rows.concat().iter().map(|&weight| weight.clamp(-128, 127) as i8).collect()),
    })
}

fn conv() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    (size(), any::<prop::sample::Index>(), 1u32..4, any::<[i16; 4]>(), element(), element(), rounding())
        .prop_flat_map(|(size, groups, of_group, [zero_in, zero_out, a, b], from, to, rounding)| {
            let divisors: Vec<u32> = (1..=size[2]).filter(|groups| size[2] % groups == 0).collect();
            let groups = *groups.get(&divisors);
            let channels = groups * of_group;
            (Just((size, groups, channels, rounding)), window(size, true)).prop_flat_map(move |(fixed, window)| {
                let (size, groups, channels, rounding) = fixed;
                let [down, across] = window.positions(size[0], size[1]);
                let row = usize::from(window.kernel[0]) * usize::from(window.kernel[1]) * (size[2] / groups) as usize;
                let input = image(from, size, zero_in);
                let output = image(to, [down, across, channels], zero_out);
                let (lo, hi) = to.range();
                let (a, b) = (i32::from(a).clamp(lo, hi), i32::from(b).clamp(lo, hi));
                let clamp = prop_oneof![Just((lo, hi)), Just((a.min(b), a.max(b)))];
                let biases = vec((any::<i32>(), 0u32..32).prop_map(|(b, s)| i64::from(b >> s)), channels as usize);
                let factors = vec(factor(rounding), channels as usize);
                let rows_of = rows(&input);
                (weights(row, channels as usize), biases, factors, clamp, rows_of).prop_map(
                    move |(weights, biases, factors, (lo, hi), rows_of)| {
                        let (multipliers, shifts) = factors.into_iter().unzip();
                        let rows = RowsSpec { weights, biases, multipliers, shifts, rounding, lo, hi };
                        let spec = ConvSpec { input: 0, output: 1, rows, window, groups };
                        (model(OperatorSpec::Conv(spec), input.clone(), output.clone()), rows_of)
                    },
                )
            })
        })
        .prop_filter("as many outcomes as a head may have", |(spec, _)| spec.outcomes.len() <= 256)
}

fn pool() -> impl Strategy<Value = (ModelSpec, Vec<Vec<i64>>)> {
    let how = prop_oneof![
        Just((PoolMode::Max, Rounding::HalfEven)),
        Just((PoolMode::Average, Rounding::HalfEven)),
        Just((PoolMode::Average, Rounding::TfliteDouble)),
        Just((PoolMode::AveragePadded, Rounding::HalfEven)),
        Just((PoolMode::AveragePadded, Rounding::TfliteDouble)),
    ];
    (size(), element(), any::<i16>(), how, any::<bool>())
        .prop_flat_map(|(size, element, zero_point, how, global)| {
            let window = if global {
                Just(WindowSpec::valid([size[0] as u16, size[1] as u16])).boxed()
            } else {
                window(size, false).boxed()
            };
            let input = image(element, size, zero_point);
            (window, rows(&input)).prop_map(move |(mut window, rows)| {
                for axis in 0..2 {
                    window.before[axis] = window.before[axis].min(window.kernel[axis] - 1);
                    window.after[axis] = window.after[axis].min(window.kernel[axis] - 1);
                }
                let (mode, rounding) = how;
                let [down, across] = window.positions(size[0], size[1]);
                let output = image(element, [down, across, size[2]], zero_point);
                let spec = PoolSpec { input: 0, output: 1, mode, rounding, window };
                (model(OperatorSpec::Pool(spec), input.clone(), output), rows)
            })
        })
        .prop_filter("as many outcomes as a head may have", |(spec, _)| spec.outcomes.len() <= 256)
}

/// Decides every row on the backend that was chosen and runs the operator on each that can, and compares all of it, and the
/// proved intervals, with the wide reference.
fn equals_the_wide_reference(spec: &ModelSpec, rows: &[Vec<i64>]) -> Result<(), TestCaseError> {
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = match verify(&model, &LIMITS) {
        Ok(report) => report,
        Err(error) => {
            // Wide sums do not fit TensorFlow Lite's 32 bits.
            let double = matches!(spec.operators.last(), Some(OperatorSpec::Conv(conv)) if conv.rows.rounding == Rounding::TfliteDouble);
            prop_assert!(double && error.to_string().contains("could overflow"), "{}", error);
            return Ok(());
        }
    };
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    let mut scratch = vec![i64::MIN; report.scratch_words];
    let last = spec.operators.len() - 1;
    let operator = model.operators().get(last).unwrap();
    let node = verify::node(&model, &operator, &report).unwrap();
    for row in rows {
        let expected = wide::decide(spec, row);
        let decision = packed.decide(&mut scratch, row);
        prop_assert_eq!((decision.class, decision.value.to_bits()), (expected.class, expected.value));
        prop_assert_eq!(decision.margin.to_bits(), expected.margin);

        let narrow = |values: &[BigInt]| values.iter().map(|value| value.to_i32().unwrap()).collect::<Vec<i32>>();
        let outputs = narrow(&expected.outputs[last]);
        let raw: Vec<i32> = row.iter().map(|&value| value as i32).collect();
        prop_assert_eq!(packed.infer(&mut scratch, &mut [], &raw), &outputs[..]);
        let inputs = if last == 0 { raw } else { narrow(&expected.outputs[0]) };
        let plain = run(&Reference, &node, &inputs).unwrap();
        prop_assert_eq!(&plain, &outputs);
        if let Some(fast) = run(&PackedWords, &node, &inputs) {
            prop_assert_eq!(fast, outputs);
        }

        let proved = &report.operators[last];
        for acc in &expected.accumulators[last] {
            prop_assert!(proved.accumulator.contains(acc.to_i64().unwrap()), "{} {:?}", acc, proved.accumulator);
        }
        for output in &expected.outputs[last] {
            prop_assert!(proved.output.contains(output.to_i64().unwrap()), "{} {:?}", output, proved.output);
        }
    }
    Ok(())
}

/// The operator on one backend, with exactly the memory that it needs.
fn run(backend: &impl Backend, node: &Node<'_>, inputs: &[i32]) -> Option<Vec<i32>> {
    let need = backend.need(node)?;
    let mut memory = vec![-1; need.words as usize];
    backend.pack(node, &mut memory);
    let mut output = vec![i32::MIN; node.outputs()];
    let mut workspace = vec![-1; need.workspace as usize];
    let io = Io { input: inputs, second: &[], output: &mut output, workspace: &mut workspace, state: &mut [] };
    backend.run(node.kind(), &memory, io);
    Some(output)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_equal_the_wide_reference_on_every_backend((spec, rows) in conv(), range: (i16, i16)) {
        equals_the_wide_reference(&clipped_or_not(spec, range), &rows)?;
    }

    #[test]
    fn pooling_equals_the_wide_reference((spec, rows) in pool(), range: (i16, i16)) {
        equals_the_wide_reference(&clipped_or_not(spec, range), &rows)?;
    }
}

/// An image of 4×4×2 under a 3×3 window of four channels in two groups, padded by one.
fn specimen() -> (ModelSpec, ConvSpec) {
    let spec = ConvSpec {
        input: 0,
        output: 1,
        rows: RowsSpec {
            weights: WeightsSpec::I8((0..36).map(|i| i * 3 - 50).collect()),
            biases: vec![-9, 0, 9, 100],
            multipliers: vec![1 << 30; 4],
            shifts: vec![37; 4],
            rounding: Rounding::HalfEven,
            lo: -128,
            hi: 127,
        },
        window: WindowSpec { before: [1, 1], after: [1, 1], ..WindowSpec::valid([3, 3]) },
        groups: 2,
    };
    let (input, output) = (image(ElementType::I8, [4, 4, 2], -3), image(ElementType::I8, [4, 4, 4], 5));
    (model(OperatorSpec::Conv(spec.clone()), input, output), spec)
}

fn mean() -> (ModelSpec, PoolSpec) {
    let window = WindowSpec { stride: [2, 2], ..WindowSpec::valid([2, 2]) };
    let spec = PoolSpec { input: 0, output: 1, mode: PoolMode::Average, rounding: Rounding::HalfEven, window };
    let (input, output) = (image(ElementType::I8, [4, 4, 2], -3), image(ElementType::I8, [2, 2, 2], -3));
    (model(OperatorSpec::Pool(spec.clone()), input, output), spec)
}

fn verdict(spec: &ModelSpec) -> String {
    let bytes = spec.to_bytes();
    let report = Model::parse(&bytes).and_then(|model| verify(&model, &Limits::KERNEL));
    report.map_or_else(|error| error.to_string(), |_| "accepted".into())
}

#[test]
fn a_convolution_past_a_limit_is_refused_in_one_sentence() {
    let (model, spec) = specimen();
    assert_eq!(verdict(&model), "accepted");
    let conv = |change: &dyn Fn(&mut ConvSpec)| {
        let (mut model, mut spec) = (model.clone(), spec.clone());
        change(&mut spec);
        model.operators = vec![OperatorSpec::Conv(spec)];
        verdict(&model)
    };
    let dims = |input: &[u32], output: &[u32]| {
        let mut model = model.clone();
        (model.tensors[0].dims, model.tensors[1].dims) = (input.to_vec(), output.to_vec());
        verdict(&model)
    };
    #[rustfmt::skip]
    let cases = [
        (conv(&|c| c.window.kernel[0] = 0), "op 0 (conv): the kernel is zero"),
        (conv(&|c| c.window.stride[1] = 0), "op 0 (conv): the stride is zero"),
        (conv(&|c| c.window.dilation[1] = 0), "op 0 (conv): the dilation is zero"),
        (conv(&|c| c.groups = 0), "op 0 (conv): the number of groups is zero"),
        (conv(&|c| c.groups = 3), "op 0 (conv): 3 groups do not divide 2 input and 4 output channels"),
        // It divides the output's channels, not the input's; and a number that is negative as an i32.
        (conv(&|c| c.groups = 4), "op 0 (conv): 4 groups do not divide 2 input and 4 output channels"),
        (conv(&|c| c.groups = u32::MAX), "op 0 (conv): 4294967295 groups do not divide 2 input and 4 output channels"),
        (conv(&|c| c.window.stride[0] = 2), "op 0 (conv): the window has 2 positions along axis 0, the output tensor 4"),
        (conv(&|c| c.window.after[1] = 0), "op 0 (conv): the window has 3 positions along axis 1, the output tensor 4"),
        // Larger than the padded image, and as large as the field allows.
        (conv(&|c| c.window.kernel = [7, 3]), "op 0 (conv): the window has 0 positions along axis 0, the output tensor 4"),
        (conv(&|c| (c.window.kernel, c.window.dilation) = ([u16::MAX; 2], [u16::MAX; 2])),
            "op 0 (conv): the window has 0 positions along axis 0, the output tensor 4"),
        (conv(&|c| c.rows.hi = 128), "op 0 (conv): clip range -128..128 is empty or outside the output's element type"),
        (conv(&|c| c.rows.shifts[3] = 95), "op 0 (conv): shift 95 is over 94"),
        (conv(&|c| c.rows.multipliers[2] = -1), "op 0 (conv): the multiplier of channel 2 is negative"),
        (conv(&|c| c.rows.rounding = Rounding::Shift),
            "op 0 (conv): the multiplier of channel 0 is not 1, which rounding by shift asks for"),
        (conv(&|c| c.rows.biases[1] = i64::MAX), "op 0 (conv): the accumulator of channel 1 could overflow"),
        (conv(&|c| { c.rows.rounding = Rounding::TfliteDouble; c.rows.biases[0] = 1 << 31 }),
            "op 0 (conv): the accumulator of channel 0 could overflow"),
        // One group of two channels has rows twice as long.
        (conv(&|c| { c.groups = 1; c.rows.shifts.clear(); c.rows.multipliers.clear(); c.rows.biases.clear() }),
            "op 0 (conv): weights end at byte 72, section data has 40"),
        (dims(&[4, 4, 2, 1], &[4, 4, 4]), "accepted"),
        (dims(&[2, 4, 2, 2], &[4, 4, 4]), "op 0 (conv): its tensors are not both [height, width, channels]"),
        (dims(&[4, 4, 2], &[4, 2, 4, 2]), "op 0 (conv): its tensors are not both [height, width, channels]"),
        (dims(&[4, 4, 0], &[4, 4, 4]), "tensor 0: the rank is not 1 to 4, or a dimension is zero or too large"),
        (dims(&[4, 4, 2], &[4, 4, 0]), "tensor 1: the rank is not 1 to 4, or a dimension is zero or too large"),
    ];
    for (is, expected) in cases {
        assert_eq!(is, expected);
    }
}

#[test]
fn pooling_past_a_limit_is_refused_in_one_sentence() {
    let (model, spec) = mean();
    assert_eq!(verdict(&model), "accepted");
    let pool = |change: &dyn Fn(&mut PoolSpec)| {
        let (mut model, mut spec) = (model.clone(), spec.clone());
        change(&mut spec);
        model.operators = vec![OperatorSpec::Pool(spec)];
        verdict(&model)
    };
    let output = |change: &dyn Fn(&mut TensorSpec)| {
        let mut model = model.clone();
        change(&mut model.tensors[1]);
        verdict(&model)
    };
    #[rustfmt::skip]
    let cases = [
        (pool(&|p| p.rounding = Rounding::TfliteDouble), "accepted"),
        (pool(&|p| p.rounding = Rounding::TfliteSingle), "op 0 (pool): rounding 1 is not known to this build"),
        (pool(&|p| p.rounding = Rounding::Shift), "op 0 (pool): rounding 3 is not known to this build"),
        (pool(&|p| (p.mode, p.rounding) = (PoolMode::Max, Rounding::TfliteDouble)),
            "op 0 (pool): rounding 2 is not known to this build"),
        (pool(&|p| p.window.kernel[1] = 0), "op 0 (pool): the kernel is zero"),
        (pool(&|p| p.window.stride = [1, 2]), "op 0 (pool): the window has 3 positions along axis 0, the output tensor 2"),
        // Four positions of two pixels along a width of four and two of padding on each side: the first sees no pixel.
        (pool(&|p| { p.window.before[1] = 2; p.window.stride[1] = 4 }),
            "op 0 (pool): a window along axis 1 could lie in the padding alone"),
        (pool(&|p| { p.window.after[0] = 2; p.window.stride[0] = 4 }),
            "op 0 (pool): a window along axis 0 could lie in the padding alone"),
        (output(&|t| t.dims = vec![2, 2, 3]), "op 0 (pool): makes 2 channels, the output tensor has 3"),
        (output(&|t| t.zero_point = -2), "op 0 (pool): its tensors differ in element type, scale or zero point"),
        (output(&|t| t.scale *= 2), "op 0 (pool): its tensors differ in element type, scale or zero point"),
        (output(&|t| t.element = ElementType::I16), "op 0 (pool): its tensors differ in element type, scale or zero point"),
    ];
    for (is, expected) in cases {
        assert_eq!(is, expected);
    }
}

#[test]
fn a_field_that_pooling_does_not_have_must_be_zero() {
    let (model, _) = mean();
    let mut sections = model.sections();
    let operators = sections.iter().position(|section| section.kind == kinfer::format::SectionKind::Operators as u16);
    let record = &mut sections[operators.unwrap()].bytes;
    let damaged = |at: usize, value: u8, record: &mut Vec<u8>| {
        let kept = std::mem::replace(&mut record[at], value);
        let bytes = record.clone();
        record[at] = kept;
        bytes
    };
    // Mode 0 and 4; a flag; a dilation; groups.
    let cases = [(3, 0), (3, 4), (10, 1), (44, 1), (56, 1)].map(|(at, value)| damaged(at, value, record));
    let verdicts = cases.map(|bytes| {
        let mut sections = model.sections();
        sections[operators.unwrap()].bytes = bytes;
        let file = kinfer_convert::kinf::container::to_bytes(&sections);
        Model::parse(&file).unwrap_err().to_string()
    });
    assert_eq!(
        verdicts,
        [
            "op 0 (pool): mode 0 is not known to this build",
            "op 0 (pool): mode 4 is not known to this build",
            "op 0 (pool): reserved bytes at 10 are not zero",
            "op 0 (pool): reserved bytes at 36 are not zero",
            "op 0 (pool): reserved bytes at 36 are not zero",
        ]
    );
}

#[test]
fn the_work_of_a_window_counts_against_the_budget() {
    let (mut model, mut spec) = mean();
    // A window of 2^32 taps over one pixel: not worth running.
    spec.window = WindowSpec { before: [u16::MAX - 1; 2], ..WindowSpec::valid([u16::MAX; 2]) };
    (model.tensors[0].dims, model.tensors[1].dims) = (vec![1, 1, 32], vec![1, 1, 32]);
    model.outcomes = (0..32).map(|class| class.to_string()).collect();
    model.operators = vec![OperatorSpec::Pool(spec)];
    assert_eq!(verdict(&model), "file: operations 137434759232 over the budget of 131072");
}

#[test]
fn each_backend_is_chosen_where_it_is_cheaper() {
    let chosen = |size: [u32; 3], channels: u32, groups: u32, kernel: [u16; 2]| {
        let window = WindowSpec::valid(kernel);
        let [down, across] = window.positions(size[0], size[1]);
        let row = u32::from(kernel[0] * kernel[1]) * size[2] / groups;
        let rows = RowsSpec {
            weights: vec![3i8; (row * channels) as usize].into(),
            biases: vec![0; channels as usize],
            multipliers: vec![1 << 30; channels as usize],
            shifts: vec![38; channels as usize],
            rounding: Rounding::HalfEven,
            lo: -128,
            hi: 127,
        };
        let spec = OperatorSpec::Conv(ConvSpec { input: 0, output: 1, rows, window, groups });
        let tensor = |size| image(ElementType::I8, size, 0);
        let bytes = model(spec, tensor(size), tensor([down, across, channels])).to_bytes();
        let report = verify(&Model::parse(&bytes).unwrap(), &LIMITS).unwrap();
        (report.operators[0].backend.name(), report.operators[0].need.workspace)
    };
    assert_eq!(chosen([6, 6, 4], 8, 1, [3, 3]), ("packed", 26));
    // Over one dimension a window lies in one piece: nothing is gathered, and only spare lanes need room.
    assert_eq!(chosen([1, 32, 4], 4, 1, [1, 5]), ("packed", 8));
    assert_eq!(chosen([6, 6, 4], 4, 4, [3, 3]), ("reference", 0));
}

//! The models that are emitted, with rows of counters for each.

use std::path::Path;

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, WeightType};
use kinfer::{Decision, Model, Packed, verify};
use kinfer_convert::emit::LIMITS;
use kinfer_convert::kinf::cells::{CellSpec, gru, lstm};
use kinfer_convert::kinf::{
    AdditiveSpec, ClipSpec, ConvSpec, DenseSpec, FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, RowsSpec, StepSpec,
    TensorSpec, TermSpec, WindowSpec,
};
use kinfer_suite::models::{feature, on_counters, two_counters, whole};
use kinfer_suite::random::{self, Random, rows};
use kinfer_suite::zoo;

/// A model file under a name, and what is decided with it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) file: Vec<u8>,
    /// What the state holds before the first row.
    pub(crate) state: Vec<i64>,
    pub(crate) rows: Vec<Vec<i64>>,
}

impl Case {
    pub(crate) fn new(name: &str, file: Vec<u8>, count: usize) -> Self {
        let model = Model::parse(&file).unwrap();
        let words = verify(&model, &LIMITS).unwrap_or_else(|error| panic!("{name}: {error}")).state_words;
        let features: Vec<FeatureSpec> = model
            .features()
            .iter()
            .map(|feature| FeatureSpec {
                name: feature.name.to_string(),
                unit: feature.unit.to_string(),
                lo: feature.lo,
                hi: feature.hi,
            })
            .collect();
        let seed = u64::from(model.checksum());
        let rows = rows(seed, &features, count);
        Self { name: name.into(), file, state: vec![0; words], rows }
    }

    /// Whether the model keeps state.
    pub(crate) fn has_state(&self) -> bool {
        !self.state.is_empty()
    }

    /// The decisions of the engine.
    pub(crate) fn expected(&self) -> Vec<Decision> {
        let model = Model::parse(&self.file).unwrap();
        let report = verify(&model, &LIMITS).unwrap();
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
        let (mut scratch, mut state) = (vec![0; report.scratch_words], self.state.clone());
        self.rows.iter().map(|row| packed.decide_with(&mut scratch, &mut state, row)).collect()
    }
}

/// What a program around emitted models reads: of each the number of rows, the state, the rows; eight bytes a number.
pub(crate) fn input(cases: &[Case]) -> Vec<u8> {
    let mut numbers: Vec<i64> = Vec::new();
    for case in cases {
        numbers.push(case.rows.len() as i64);
        numbers.extend(&case.state);
        numbers.extend(case.rows.iter().flatten());
    }
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

/// Compares what such a program prints, class, value, margin and flags a line, with the engine's decisions.
pub(crate) fn assert_equal(cases: &[Case], printed: &str) {
    let mut lines = printed.lines();
    for case in cases {
        for (row, decision) in case.rows.iter().zip(case.expected()) {
            let Decision { class, value, margin, flags } = decision;
            assert!(!flags.contains(kinfer::Flags::FALLBACK), "{}", case.name);
            let expected = format!("{class} {} {} {}", value.to_bits(), margin.to_bits(), flags.bits());
            assert_eq!(lines.next(), Some(expected.as_str()), "{} on {row:?}", case.name);
        }
    }
    assert_eq!(lines.next(), None);
}

/// The zoo, models by hand and of the benchmarks, recurrent cells.
pub(crate) fn cases() -> Vec<Case> {
    let mut specs: Vec<(String, ModelSpec)> =
        zoo::all().into_iter().map(|(name, spec)| (name.to_owned(), spec)).collect();
    specs.push(("two-counters".into(), two_counters()));
    specs.push(("ends-of-64-bits".into(), ends()));
    specs.push(("odd names".into(), odd_names()));
    specs.push(("wide".into(), wide()));
    specs.push(("constant".into(), constant()));
    specs.push(("one weight".into(), one_weight()));
    specs.push(("one row".into(), one_row()));
    specs.push(("largest scores".into(), largest_scores()));
    for (number, kind) in (0..).zip([None, Some(false), Some(true)]) {
        specs.push((format!("cell {number}"), cell(kind)));
    }
    let mut cases: Vec<Case> = specs.into_iter().map(|(name, spec)| Case::new(&name, spec.to_bytes(), 200)).collect();
    for case in kinfer_bench_cases::all() {
        let mut emitted = Case::new(&format!("bench {}", case.name), case.spec.to_bytes(), 20);
        emitted.rows.extend(case.raw.iter().take(100).cloned());
        cases.push(emitted);
    }
    cases
}

/// Models from seeds; every second of those that keep state begins with any numbers in it.
pub(crate) fn random_cases(count: u64) -> Vec<Case> {
    (0..count)
        .map(|seed| {
            let spec = random::model(seed, 3 + seed as usize % 9);
            let mut case = Case::new(&format!("random {seed}"), spec.to_bytes(), 60);
            let mut numbers = Random(seed);
            if seed % 2 == 1 {
                case.state.iter_mut().for_each(|word| *word = numbers.wild());
            }
            case
        })
        .collect()
}

/// Every model of `models/`, calibrated on its validation part, the smaller one, and deciding rows of its test part.
pub(crate) fn committed() -> Vec<Case> {
    use kinfer_convert::convert::Options;
    use kinfer_convert::data::Data;
    use kinfer_convert::progress::Silent;

    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut cases = Vec::new();
    for folder in models.read_dir().unwrap() {
        let folder = folder.unwrap().path();
        let (model, calibrate) = (folder.join("model.onnx"), folder.join("validation.parquet"));
        let options = Options::new(&model, &calibrate);
        let file = kinfer_convert::convert(&options, &Silent).unwrap().bytes;
        let names: Vec<String> =
            Model::parse(&file).unwrap().features().iter().map(|feature| feature.name.to_string()).collect();
        let mut case = Case::new(&folder.file_name().unwrap().to_string_lossy(), file, 50);
        let data = Data::read(&folder.join("test.parquet"), &names, None).unwrap();
        case.rows.extend(data.rows().take(2_000).map(<[i64]>::to_vec));
        cases.push(case);
    }
    cases
}

/// Constants at the ends of their types.
fn ends() -> ModelSpec {
    let (int8, clip) = (whole(ElementType::I8, 6, 0), ClipSpec { input: 0, output: 1, lo: -128, hi: 127 });
    let mut spec = on_counters(vec![int8.clone(), int8], vec![OperatorSpec::Clip(clip)]);
    spec.features.truncate(2);
    spec.features[0] = feature("all", i64::MIN, i64::MAX);
    spec.features[1] = feature("one", i64::MAX, i64::MAX);
    let copy = |source| StepSpec::Copy { source, lo: -128, hi: 127 };
    let hot = |first| StepSpec::OneHot { source: 0, count: 1, first, off: 3, on: 3 };
    spec.program = vec![
        StepSpec::Clamp { source: 0, lo: i64::MIN, hi: i64::MAX },
        StepSpec::Clamp { source: 0, lo: i64::MIN, hi: i64::MIN },
        copy(2),
        copy(3),
        hot(i64::MIN),
        hot(i64::MAX),
        StepSpec::affine(1, i64::MAX / 2, (1 << 125) - 1, 96, ElementType::I8),
        StepSpec::affine(1, i64::MIN / 2 + 1, 1 - (1 << 125), 0, ElementType::I8),
    ];
    spec.head.kind = HeadKind::ArgMax;
    spec
}

/// Names that would end a comment, be keywords, or be the same identifier.
fn odd_names() -> ModelSpec {
    let mut spec = two_counters();
    spec.features[0].name = "int */ main(void) /* ??/".into();
    spec.features[0].unit = "@ $ \\".into();
    spec.features[1].name = "INT ` */ [main] (void)".into();
    spec.outcomes = vec!["self".into(), "Self\\".into()];
    spec.provenance = vec![("*/ #error".into(), "\u{202e}ü\\".into()), ("??/".into(), "//".into())];
    spec
}

/// Tensors of more than a kilobyte, which the caller keeps.
fn wide() -> ModelSpec {
    let mut numbers = Random(7);
    let mut spec = two_counters();
    let hidden = 1_500;
    spec.tensors[1].dims = vec![hidden];
    for (operator, outputs) in spec.operators.iter_mut().zip([hidden as usize, 2]) {
        let OperatorSpec::Dense(DenseSpec { rows, .. }) = operator else { continue };
        rows.weights = (0..2 * hidden).map(|_| numbers.bits() as i8).collect::<Vec<_>>().into();
        rows.biases = (0..outputs).map(|_| numbers.between(-500, 500)).collect();
        rows.multipliers = vec![1 << 30; outputs];
        rows.shifts = vec![34; outputs];
    }
    spec
}

/// Results that do not depend on anything: loops that a compiler could replace by a call of memset or memcpy.
fn constant() -> ModelSpec {
    let int8 = |elements| whole(ElementType::I8, elements, 0);
    let same = |input, output| OperatorSpec::Clip(ClipSpec { input, output, lo: -128, hi: 127 });
    let rows = RowsSpec {
        weights: vec![0i8; 64 * 64].into(),
        biases: vec![0; 64],
        multipliers: vec![1; 64],
        shifts: vec![0; 64],
        rounding: kinfer::format::Rounding::HalfEven,
        lo: 5,
        hi: 5,
    };
    let dense = DenseSpec { input: 1, output: 2, rows, skip_zeros: false };
    let tensors = vec![int8(64), int8(64), int8(64), int8(64)];
    on_counters(tensors, vec![same(0, 1), OperatorSpec::Dense(dense), same(2, 3)])
}

/// A convolution of one weight, in which nothing depends on the channel.
fn one_weight() -> ModelSpec {
    let mut tensor = whole(ElementType::I8, 2, 3);
    tensor.dims = vec![1, 2, 1];
    let rows = RowsSpec {
        weights: vec![-5i8].into(),
        biases: vec![7],
        multipliers: vec![1],
        shifts: vec![1],
        rounding: kinfer::format::Rounding::TfliteSingle,
        lo: -128,
        hi: 127,
    };
    let conv = ConvSpec { input: 0, output: 1, rows, window: WindowSpec::valid([1, 1]), groups: 1 };
    let clip = ClipSpec { input: 1, output: 2, lo: -100, hi: 100 };
    let mut spec = on_counters(
        vec![whole(ElementType::I8, 2, 3), tensor.clone(), tensor],
        vec![OperatorSpec::Conv(conv), OperatorSpec::Clip(clip)],
    );
    spec.tensors[0].dims = vec![1, 2, 1];
    spec.head.kind = HeadKind::ArgMin;
    spec.outcomes = vec!["first".into(), "second".into()];
    spec
}

/// An additive model of one bin.
fn one_row() -> ModelSpec {
    let terms = vec![TermSpec { elements: [1, 0], bins: [1, 1], table: vec![40, -40] }];
    let additive = AdditiveSpec { input: 0, output: 1, bases: vec![-1, 1], terms };
    on_counters(
        vec![whole(ElementType::I8, 2, 0), whole(ElementType::I32, 2, 0)],
        vec![OperatorSpec::Additive(additive)],
    )
}

/// Scores of 32 bits that are the counters: all of them the largest, in a row.
fn largest_scores() -> ModelSpec {
    let (lo, hi) = ElementType::I32.range();
    let clip = ClipSpec { input: 0, output: 1, lo, hi };
    let tensor = whole(ElementType::I32, 3, 0);
    let mut spec = on_counters(vec![tensor.clone(), tensor], vec![OperatorSpec::Clip(clip)]);
    spec.head.kind = HeadKind::TopK(2);
    spec
}

/// A GRU in one of its two forms, or an LSTM.
fn cell(linear_before_reset: Option<bool>) -> ModelSpec {
    let (inputs, hidden, gates) = (3, 4, if linear_before_reset.is_some() { 3 } else { 4 });
    let mut numbers = Random(11);
    let mut weights =
        |count: usize| -> Vec<f64> { (0..count).map(|_| numbers.between(-100, 100) as f64 / 150.0).collect() };
    let (w, r, b) = (weights(gates * hidden * inputs), weights(gates * hidden * hidden), weights(2 * gates * hidden));
    let step = |source| StepSpec::affine(source, 1 << 8, 0, 0, ElementType::I16);
    let tensor = TensorSpec {
        element: ElementType::I16,
        dims: vec![inputs as u32],
        zero_point: 0,
        scale: U32F96::from_num(1.0 / 8_192.0),
    };
    let mut spec = ModelSpec {
        features: (0..inputs).map(|i| feature(&format!("counter{i}"), -100, 100)).collect(),
        program: (0..inputs as u16).map(step).collect(),
        tensors: vec![tensor],
        operators: vec![],
        head: HeadSpec { kind: HeadKind::ArgMax, scores: 0, low_margin: I32F32::ZERO },
        outcomes: (0..hidden).map(|i| format!("outcome{i}")).collect(),
        provenance: vec![],
    };
    let of = CellSpec { input: 0, slot: 0, hidden, w: &w, r: &r, b: &b, weight_type: WeightType::I16 };
    spec.head.scores = match linear_before_reset {
        Some(linear_before_reset) => gru(&mut spec, &of, linear_before_reset),
        None => lstm(&mut spec, &of, 4.0),
    };
    spec
}

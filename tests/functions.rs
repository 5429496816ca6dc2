//! Tables over their whole input range, against the real functions in double precision: the errors that
//! `docs/operators/activation.md` states.

use fixed::types::U32F96;
use kinfer::format::{ElementType, HeadKind};
use kinfer::{Limits, Model, Packed, verify};
use kinfer_convert::kinf::functions::{Function, softmax};
use kinfer_convert::kinf::{FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, StepSpec, TableSpec, TensorSpec};

const COLUMNS: usize = 256;

/// All functions with the largest error over all int16 inputs that is stated for tables of 2^8, 2^10 and 2^12 segments, in
/// units in the last place of an int16 output.
const STATED: [(Function, [f64; 3]); 9] = [
    (Function::Sigmoid, [1.28, 0.56, 0.51]),
    (Function::Tanh, [6.64, 0.89, 0.53]),
    (Function::HardSigmoid { alpha: 0.2, beta: 0.5 }, [0.501, 0.501, 0.501]),
    (Function::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }, [0.501, 0.501, 0.501]),
    (Function::HardSwish, [28.1, 7.1, 2.1]),
    (Function::Silu, [1.01, 0.54, 0.51]),
    (Function::Gelu, [1.30, 0.56, 0.51]),
    (Function::Elu { alpha: 1.0 }, [1.70, 0.56, 0.51]),
    (Function::Softplus, [0.75, 0.52, 0.51]),
];

fn scale(real: f64) -> U32F96 {
    U32F96::from_bits((real * 96f64.exp2()) as u128)
}

fn tensor(element: ElementType, zero_point: i32, real: f64) -> TensorSpec {
    TensorSpec { element, dims: vec![COLUMNS as u32], zero_point, scale: scale(real) }
}

fn real_scale(tensor: &TensorSpec) -> f64 {
    tensor.scale.to_bits() as f64 / 96f64.exp2()
}

/// Runs one operator on rows of inputs, as the kernel would.
fn run(input: &TensorSpec, output: &TensorSpec, operator: OperatorSpec, rows: &[Vec<i32>]) -> Vec<Vec<i32>> {
    let (lo, hi) = input.element.range();
    let step = StepSpec::Copy { source: 0, lo, hi };
    let elements = input.dims[0] as usize;
    let spec = ModelSpec {
        features: vec![FeatureSpec { name: "x".into(), unit: "1".into(), lo: 0, hi: 1 }],
        program: vec![step; elements],
        tensors: vec![input.clone(), output.clone()],
        operators: vec![operator],
        head: HeadSpec { kind: HeadKind::ArgMax, scores: 1, low_margin: Default::default() },
        outcomes: (0..elements).map(|class| class.to_string()).collect(),
        provenance: vec![],
    };
    let bytes = spec.to_bytes();
    let model = Model::parse(&bytes).unwrap();
    let report = verify(&model, &Limits::KERNEL).unwrap();
    let packed = Packed::new(&model, &report, vec![0; report.packed_words]).unwrap();
    let mut scratch = vec![0; report.scratch_words];
    rows.iter().map(|row| packed.infer(&mut scratch, &mut [], row).to_vec()).collect()
}

/// The largest distance, over every input, between an output and the real value in units of the output, saturated.
fn largest_error(function: Function, input: &TensorSpec, output: &TensorSpec, segment_bits: u8) -> f64 {
    let (lo, hi) = input.element.range();
    let all: Vec<i32> = (lo..=hi).collect();
    let rows: Vec<Vec<i32>> = all.chunks(COLUMNS).map(<[i32]>::to_vec).collect();
    let entries = function.entries(input, output, segment_bits);
    let table = OperatorSpec::Table(TableSpec { input: 0, output: 1, entries });
    let outputs = run(input, output, table, &rows).concat();
    let (min, max) = output.element.range();
    let error = |(&q, &out): (&i32, &i32)| {
        let real = function.value(real_scale(input) * f64::from(q - input.zero_point));
        let exact = (real / real_scale(output) + f64::from(output.zero_point)).clamp(min.into(), max.into());
        (f64::from(out) - exact).abs()
    };
    assert_eq!(outputs.len(), all.len());
    all.iter().zip(&outputs).map(error).fold(0.0, f64::max)
}

/// What a converter would choose for an input of `±range`: the output's whole type for the function's values.
fn output_of(function: Function, element: ElementType, range: f64) -> TensorSpec {
    let (lo, hi) = element.range();
    let span = f64::from(hi) - f64::from(lo) + 1.0;
    match function {
        Function::Sigmoid | Function::HardSigmoid { .. } if element == ElementType::I8 => {
            tensor(element, lo, 1.0 / span)
        }
        Function::Sigmoid | Function::HardSigmoid { .. } | Function::Tanh => tensor(element, 0, 2.0 / span),
        _ => tensor(element, 0, 2.0 * range / span),
    }
}

#[test]
fn an_int8_table_is_the_correctly_rounded_function_for_all_256_inputs() {
    for (function, _) in STATED {
        for range in [0.5, 2.0, 4.0, 5.3, 8.0, 16.0, 200.0] {
            for (zero_in, element) in [(0, ElementType::I8), (-128, ElementType::I8), (37, ElementType::I16)] {
                let input = tensor(ElementType::I8, zero_in, range / 128.0);
                let output = output_of(function, element, range);
                let error = largest_error(function, &input, &output, 0);
                assert!(error <= 0.5 + 1e-9, "{function:?} over ±{range}: {error}");
            }
        }
    }
}

#[test]
fn an_int16_table_stays_within_its_stated_error_for_all_65536_inputs() {
    for (function, stated) in STATED {
        let mut reached = [0f64; 3];
        for (reached, (bits, stated)) in reached.iter_mut().zip([8, 10, 12].into_iter().zip(stated)) {
            for range in [2.0, 4.0, 5.3, 8.0] {
                for zero_in in [0, 1_234] {
                    let input = tensor(ElementType::I16, zero_in, range / 32_768.0);
                    let output = output_of(function, ElementType::I16, range);
                    *reached = reached.max(largest_error(function, &input, &output, bits));
                }
            }
            assert!(*reached <= stated, "{function:?}, 2^{bits} segments: {reached}");
        }
        // What a run with `--nocapture` says is what the documentation states.
        println!("{function:?}: {reached:.3?}");
    }
}

#[test]
fn a_knot_for_every_input_leaves_only_the_rounding() {
    for (function, _) in STATED {
        let input = tensor(ElementType::I16, -77, 8.0 / 32_768.0);
        let output = output_of(function, ElementType::I16, 8.0);
        let error = largest_error(function, &input, &output, 16);
        assert!(error <= 0.5 + 1.0 / 16_384.0, "{function:?}: {error}");
    }
}

/// Every distance of one element from another, and rows of many.
fn softmax_rows(element: ElementType) -> Vec<Vec<i32>> {
    let (lo, hi) = element.range();
    let step = if element == ElementType::I8 { 1 } else { 7 };
    let mut rows: Vec<Vec<i32>> = (lo..=hi).step_by(step).map(|q| vec![hi, q]).collect();
    rows.extend((lo..=hi).step_by(step).map(|q| vec![q, lo]));
    rows
}

fn softmax_error(input: &TensorSpec, output: &TensorSpec, rows: &[Vec<i32>]) -> (f64, f64) {
    let row = rows[0].len();
    let sized = |tensor: &TensorSpec| TensorSpec { dims: vec![row as u32], ..tensor.clone() };
    let (input, output) = (sized(input), sized(output));
    let operator = OperatorSpec::Softmax(softmax((0, &input), (1, &output), row as u32));
    let outputs = run(&input, &output, operator, rows);
    let (min, max) = output.element.range();
    let (mut error, mut sum_error) = (0f64, 0f64);
    for (q, out) in rows.iter().zip(&outputs) {
        let most = q.iter().max().unwrap();
        let exp: Vec<f64> = q.iter().map(|q| (real_scale(&input) * f64::from(q - most)).exp()).collect();
        let all: f64 = exp.iter().sum();
        for (exp, &out) in exp.iter().zip(out) {
            let exact = exp / all / real_scale(&output) + f64::from(output.zero_point);
            error = error.max((f64::from(out) - exact.clamp(min.into(), max.into())).abs());
        }
        let sum: f64 = out.iter().map(|out| f64::from(out - output.zero_point) * real_scale(&output)).sum();
        sum_error = sum_error.max((sum - 1.0).abs());
    }
    (error, sum_error)
}

#[test]
fn a_softmax_is_the_correctly_rounded_one_and_its_outputs_sum_to_nearly_one() {
    let outputs = [
        (ElementType::I8, -128, 1.0 / 256.0),
        (ElementType::I16, 0, 1.0 / 32_768.0),
        (ElementType::I16, -32_768, 1.0 / 65_536.0),
    ];
    for element in [ElementType::I8, ElementType::I16] {
        let most = f64::from(element.range().1) + 1.0;
        for range in [0.25, 1.0, 8.0, 20.0, 300.0] {
            let input = tensor(element, 5, range / most);
            for (out, zero, scale) in outputs {
                let output = tensor(out, zero, scale);
                let (error, sum) = softmax_error(&input, &output, &softmax_rows(element));
                assert!(error <= 0.501, "{element:?} ±{range} to {out:?}: {error}");
                // Two outputs: half a unit each, and one unit where one itself saturates.
                assert!(sum <= 2.001 * scale, "{element:?} ±{range} to {out:?}: sum off by {sum}");

                let wide: Vec<Vec<i32>> = (0..200)
                    .map(|seed: i64| {
                        let next = |i: i64| ((seed * 7_919 + i * 104_729) * 2_654_435_761) >> 7;
                        let (lo, hi) = element.range();
                        let span = i64::from(hi) - i64::from(lo) + 1;
                        (0..50).map(|i| (i64::from(lo) + next(i).rem_euclid(span)) as i32).collect()
                    })
                    .collect();
                let (error, sum) = softmax_error(&input, &output, &wide);
                assert!(error <= 0.501, "{element:?} ±{range} to {out:?}: {error}");
                assert!(sum <= 26.0 * scale, "{element:?} ±{range} to {out:?}: sum off by {sum}");
            }
        }
    }
}

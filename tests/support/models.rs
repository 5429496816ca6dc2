//! Small valid models.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Rounding};
use kinfer_convert::kinf::{
    DenseSpec, FeatureSpec, HeadSpec, ModelSpec, OperatorSpec, RowsSpec, StepSpec, TensorSpec, WeightsSpec,
};

/// A raw counter called `name`, seen in `lo..=hi`.
pub fn feature(name: &str, lo: i64, hi: i64) -> FeatureSpec {
    FeatureSpec { name: name.into(), unit: "count".into(), lo, hi }
}

/// A vector of `elements`.
pub fn tensor(element: ElementType, elements: usize, zero_point: i32) -> TensorSpec {
    TensorSpec { element, dims: vec![elements as u32], zero_point, scale: U32F96::ONE / 16 }
}

/// Two counters, a hidden layer of two, two outcomes: `busy` when the first counter outweighs the second. Small enough to
/// follow by hand and to write down byte by byte.
pub fn two_counters() -> ModelSpec {
    let step = |source, bias| StepSpec::affine(source, 1 << 20, bias, 22, ElementType::I8);
    let dense = |input, weights, lo, hi| {
        OperatorSpec::Dense(DenseSpec {
            input,
            output: input + 1,
            rows: RowsSpec {
                weights: WeightsSpec::I8(weights),
                biases: vec![64, -64],
                multipliers: vec![1 << 30, 3 << 29],
                shifts: vec![36, 36],
                rounding: Rounding::HalfEven,
                lo,
                hi,
            },
            skip_zeros: false,
        })
    };
    ModelSpec {
        features: vec![feature("queue_ios", 0, 128), feature("idle_us", 0, 4_000)],
        program: vec![step(0, 0), step(1, -(1 << 24))],
        tensors: vec![tensor(ElementType::I8, 2, -4), tensor(ElementType::I8, 2, -128), tensor(ElementType::I32, 2, 0)],
        operators: vec![
            dense(0, vec![100, -50, -20, 60], -128, 127),
            dense(1, vec![-7, 9, 11, -13], i32::MIN, i32::MAX),
        ],
        head: HeadSpec { kind: HeadKind::ArgMax, scores: 2, low_margin: I32F32::lit("0.25") },
        outcomes: vec!["idle".into(), "busy".into()],
        provenance: vec![("made by".into(), "tests/support".into())],
    }
}

/// A tensor of whole numbers.
pub fn whole(element: ElementType, elements: usize, zero_point: i32) -> TensorSpec {
    TensorSpec { scale: U32F96::ONE, ..tensor(element, elements, zero_point) }
}

/// A model whose inputs are its counters, saturated. The head takes the last tensor: its value where it has one element, else
/// an argmin.
pub fn on_counters(tensors: Vec<TensorSpec>, operators: Vec<OperatorSpec>) -> ModelSpec {
    let (inputs, scores) = (tensors[0].dims[0] as usize, tensors[tensors.len() - 1].dims[0]);
    let (lo, hi) = tensors[0].element.range();
    let step = |source| StepSpec::affine(source, 1, 0, 0, tensors[0].element);
    ModelSpec {
        features: (0..inputs).map(|i| feature(&format!("x{i}"), lo.into(), hi.into())).collect(),
        program: (0..inputs as u16).map(step).collect(),
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

/// The sentence that refuses a file.
pub fn refusal(bytes: &[u8]) -> String {
    let verdict = kinfer::Model::parse(bytes).and_then(|model| kinfer::verify(&model, &kinfer::Limits::KERNEL));
    verdict.expect_err("a refusal").to_string()
}

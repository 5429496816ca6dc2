//! A model's meaning in arbitrary-precision integers, written from `docs/arithmetic.md` and sharing no code with the core.

mod dense;
mod elementwise;
mod round;
mod trees;

use kinfer::format::HeadKind;
use kinfer_convert::kinf::{ModelSpec, OperatorSpec, TensorSpec};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use self::round::half_even;

/// What the reference says of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WideDecision {
    /// Index of the outcome.
    pub class: u32,
    /// Bits of the value, an `I32F32`.
    pub value: i64,
    /// Bits of the margin, an `I32F32`.
    pub margin: i64,
    /// Flags: 1 out of range, 2 low margin.
    pub flags: u32,
    /// Every accumulator that was reached, by operator.
    pub accumulators: Vec<Vec<BigInt>>,
    /// Every output that was reached, by operator.
    pub outputs: Vec<Vec<BigInt>>,
}

/// What a model remembers from decision to decision: the caller's state.
#[derive(Clone, Debug, Default)]
pub struct WideState {
    /// The words, zero at first.
    pub words: Vec<i64>,
}

/// Decides on `raw`, for a model without state.
pub fn decide(spec: &ModelSpec, raw: &[i64]) -> WideDecision {
    decide_with(spec, &mut WideState::default(), raw)
}

/// Decides on `raw`.
pub fn decide_with(spec: &ModelSpec, state: &mut WideState, raw: &[i64]) -> WideDecision {
    let mut tensors: Vec<Option<Vec<BigInt>>> = vec![None; spec.tensors.len()];
    let (lo, hi) = element_range(&spec.tensors[0]);
    let inputs = spec.program.iter().map(|step| {
        let sum = BigInt::from(raw[usize::from(step.source)]) * step.multiplier + step.bias;
        clamp(half_even(&sum, step.shift), lo, hi)
    });
    tensors[0] = Some(inputs.collect());

    let (mut accumulators, mut outputs) = (Vec::new(), Vec::new());
    for operator in &spec.operators {
        let (input, second, output) = operator.tensors();
        let read = |tensor: u16| tensors[usize::from(tensor)].clone().unwrap();
        let io = Wide { spec, input: read(input), second: second.map(read), of: (input, second, output) };
        let (accs, values) = run(operator, &io, &mut state.words);
        accumulators.push(accs);
        outputs.push(values.clone());
        tensors[usize::from(output)] = Some(values);
    }

    let scores = tensors[usize::from(spec.head.scores)].as_ref().unwrap();
    let tensor = &spec.tensors[usize::from(spec.head.scores)];
    let (class, value, margin) = match spec.head.kind {
        HeadKind::ArgMax => {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|&a, &b| scores[b].cmp(&scores[a]).then(a.cmp(&b)));
            let (best, second) = (&scores[order[0]], &scores[order[1]]);
            (order[0] as u32, real(tensor, &(best - tensor.zero_point)), real(tensor, &(best - second)))
        }
        HeadKind::Threshold(threshold) => {
            let value = real(tensor, &(&scores[0] - tensor.zero_point));
            let distance = (BigInt::from(value) - threshold.to_bits()).abs();
            (u32::from(value > threshold.to_bits()), value, saturate_i64(distance))
        }
    };
    let outside = raw.iter().zip(&spec.features).any(|(&value, feature)| value < feature.lo || value > feature.hi);
    let flags = u32::from(outside) | u32::from(margin < spec.head.low_margin.to_bits()) << 1;
    WideDecision { class, value, margin, flags, accumulators, outputs }
}

/// What an operator reads, and the model for its tensors' types, zero points and shapes.
struct Wide<'a> {
    spec: &'a ModelSpec,
    input: Vec<BigInt>,
    second: Option<Vec<BigInt>>,
    /// Indices of input, second input and output.
    of: (u16, Option<u16>, u16),
}

impl Wide<'_> {
    fn input_tensor(&self) -> &TensorSpec {
        &self.spec.tensors[usize::from(self.of.0)]
    }

    fn second_tensor(&self) -> &TensorSpec {
        &self.spec.tensors[usize::from(self.of.1.unwrap())]
    }

    fn output_tensor(&self) -> &TensorSpec {
        &self.spec.tensors[usize::from(self.of.2)]
    }
}

/// Accumulators and outputs of one operator.
fn run(operator: &OperatorSpec, io: &Wide<'_>, _state: &mut [i64]) -> (Vec<BigInt>, Vec<BigInt>) {
    match operator {
        OperatorSpec::Dense(dense) => dense::run(dense, io),
        OperatorSpec::Clip(clip) => elementwise::clip(clip, io),
        OperatorSpec::Trees(trees) => trees::run(trees, io),
        other => unimplemented!("{}", other.kind().name()),
    }
}

/// `units · scale` as `I32F32` bits: rounded down, saturated.
fn real(tensor: &TensorSpec, units: &BigInt) -> i64 {
    let product = units * BigInt::from(tensor.scale.to_bits());
    saturate_i64(product.div_floor(&(BigInt::one() << 64)))
}

fn saturate_i64(value: BigInt) -> i64 {
    value.to_i64().unwrap_or(if value < BigInt::zero() { i64::MIN } else { i64::MAX })
}

fn clamp(value: BigInt, lo: i32, hi: i32) -> BigInt {
    value.max(lo.into()).min(hi.into())
}

fn element_range(tensor: &TensorSpec) -> (i32, i32) {
    tensor.element.range()
}

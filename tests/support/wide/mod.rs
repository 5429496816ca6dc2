//! A model's meaning in arbitrary-precision integers, written from `docs/arithmetic.md` and sharing no code with the core.

mod activation;
mod dense;
mod elementwise;
mod features;
mod heads;
mod round;
mod shape;
mod state;
mod trees;
mod unsupervised;
mod window;

use kinfer_convert::kinf::{ModelSpec, OperatorSpec, TensorSpec};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, ToPrimitive, Zero};

pub use self::features::inputs;

/// What the reference says of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WideDecision {
    /// Index of the outcome.
    pub class: u32,
    /// Bits of the value, an `I32F32`.
    pub value: i64,
    /// Bits of the margin, an `I32F32`.
    pub margin: i64,
    /// Flags: 1 out of range, 2 low margin, 8 anomaly.
    pub flags: u32,
    /// The elements of tensor 0.
    pub inputs: Vec<BigInt>,
    /// Classes and bits of their values, best first, as far as the head ranks them.
    pub top: Vec<(u32, i64)>,
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
    let inputs = inputs(spec, state, raw);
    tensors[0] = Some(inputs.clone());

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
    let (class, value, margin, anomaly) = heads::decide(spec.head.kind, tensor, scores);
    let top = heads::top(spec.head.kind, tensor, scores);
    let outside = raw.iter().zip(&spec.features).any(|(&value, feature)| value < feature.lo || value > feature.hi);
    let flags = u32::from(outside) | u32::from(margin < spec.head.low_margin.to_bits()) << 1 | u32::from(anomaly) << 3;
    WideDecision { class, value, margin, flags, inputs, top, accumulators, outputs }
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
fn run(operator: &OperatorSpec, io: &Wide<'_>, state: &mut [i64]) -> (Vec<BigInt>, Vec<BigInt>) {
    match operator {
        OperatorSpec::Dense(dense) => dense::run(dense, io),
        OperatorSpec::Clip(clip) => elementwise::clip(clip, io),
        OperatorSpec::Conv(conv) => window::conv(conv, io),
        OperatorSpec::Pool(pool) => window::pool(pool, io),
        OperatorSpec::Additive(additive) => unsupervised::additive(additive, io),
        OperatorSpec::Distance(distance) => unsupervised::distance(distance, io),
        OperatorSpec::SquaredError(error) => unsupervised::squared_error(error, io),
        OperatorSpec::Concat(concat) => shape::concat(concat, io),
        OperatorSpec::Slice(slice) => shape::slice(slice, io),
        OperatorSpec::Reshape(_) => shape::reshape(io),
        OperatorSpec::Recall(recall) => state::recall(recall, io, state),
        OperatorSpec::Remember(remember) => state::remember(remember, io, state),
        OperatorSpec::Rescale(rescale) => activation::rescale(rescale, io),
        OperatorSpec::Table(table) => activation::table(table, io),
        OperatorSpec::Softmax(softmax) => activation::softmax(softmax, io),
        OperatorSpec::Add(add) => activation::add(add, io),
        OperatorSpec::Mul(mul) => activation::mul(mul, io),
        OperatorSpec::Trees(trees) => trees::run(trees, io),
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

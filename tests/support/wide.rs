//! A model's meaning in arbitrary-precision integers, written from `docs/arithmetic.md` and sharing no code with the core.

use kinfer::format::HeadKind;
use kinfer_convert::kinf::{DenseSpec, ModelSpec, OperatorSpec, TensorSpec};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

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

/// Decides on `raw`.
pub fn decide(spec: &ModelSpec, raw: &[i64]) -> WideDecision {
    let mut tensors: Vec<Option<Vec<BigInt>>> = vec![None; spec.tensors.len()];
    let (lo, hi) = element_range(&spec.tensors[0]);
    let inputs = spec.program.iter().map(|step| {
        let sum = BigInt::from(raw[usize::from(step.source)]) * step.multiplier + step.bias;
        clamp(half_even(&sum, step.shift), lo, hi)
    });
    tensors[0] = Some(inputs.collect());

    let (mut accumulators, mut outputs) = (Vec::new(), Vec::new());
    for operator in &spec.operators {
        let (output, accs, values) = match operator {
            OperatorSpec::Dense(dense) => {
                let (accs, values) = run_dense(spec, dense, tensors[usize::from(dense.input)].as_ref().unwrap());
                (dense.output, accs, values)
            }
            OperatorSpec::Clip(clip) => {
                let input = tensors[usize::from(clip.input)].clone().unwrap();
                let values = input.iter().map(|q| clamp(q.clone(), clip.lo, clip.hi)).collect();
                (clip.output, input, values)
            }
        };
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

fn run_dense(spec: &ModelSpec, dense: &DenseSpec, input: &[BigInt]) -> (Vec<BigInt>, Vec<BigInt>) {
    let zero_in = spec.tensors[usize::from(dense.input)].zero_point;
    let zero_out = spec.tensors[usize::from(dense.output)].zero_point;
    let channels =
        dense.weights.chunks(input.len()).zip(&dense.biases).zip(dense.multipliers.iter().zip(&dense.shifts));
    channels
        .map(|((weights, &bias), (&multiplier, &shift))| {
            let products = weights.iter().zip(input).map(|(&weight, q)| (q - zero_in) * weight);
            let acc = products.fold(BigInt::from(bias), |sum, product| sum + product);
            let scaled = half_even(&(&acc * multiplier), shift) + zero_out;
            (acc, clamp(scaled, dense.lo, dense.hi))
        })
        .unzip()
}

/// `value / 2^shift` to the nearest integer, ties to even: from quotient and remainder, not by adding a half.
fn half_even(value: &BigInt, shift: u8) -> BigInt {
    let divisor = BigInt::one() << shift;
    let (quotient, remainder) = value.div_mod_floor(&divisor);
    match (remainder * 2i32).cmp(&divisor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal if quotient.is_even() => quotient,
        std::cmp::Ordering::Equal => quotient + 1,
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

//! The feature program, from `docs/features.md`.

use kinfer::format::Rounding;
use kinfer_convert::kinf::{AffineSpec, ModelSpec, StepSpec};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::round::{half_even, half_up};
use super::{WideState, clamp, saturate_i64};

/// The elements of tensor 0 for `raw`.
pub fn inputs(spec: &ModelSpec, state: &mut WideState, raw: &[i64]) -> Vec<BigInt> {
    let mut values: Vec<i64> = raw.to_vec();
    let mut elements = Vec::new();
    for step in &spec.program {
        run(step, &mut values, &mut state.words, &mut elements);
    }
    elements
}

fn run(step: &StepSpec, values: &mut Vec<i64>, state: &mut Vec<i64>, elements: &mut Vec<BigInt>) {
    let of = |index: &u16| BigInt::from(values[usize::from(*index)]);
    match step {
        StepSpec::Affine(step) => elements.push(affine(step, &of(&step.source))),
        StepSpec::Copy { source, lo, hi } => elements.push(clamp(of(source), *lo, *hi)),
        StepSpec::Bucketise { source, thresholds, base } => {
            let below = thresholds.iter().filter(|&&threshold| BigInt::from(threshold) < of(source));
            elements.push(BigInt::from(below.count()) + *base);
        }
        StepSpec::OneHot { source, count, first, off, on } => {
            let is_on = |element: u16| of(source) == BigInt::from(*first) + element;
            elements.extend((0..*count).map(|element| BigInt::from(if is_on(element) { *on } else { *off })));
        }
        StepSpec::Digits { source, count, base } => {
            let nines = "9".repeat(usize::from(*count)).parse().unwrap();
            let text = of(source).max(BigInt::zero()).min(nines).to_string();
            let text = format!("{text:0>width$}", width = usize::from(*count));
            elements.extend(text.chars().map(|digit| BigInt::from(digit.to_digit(10).unwrap()) + *base));
        }
        StepSpec::Clamp { source, lo, hi } => {
            let value = of(source).max((*lo).into()).min((*hi).into());
            values.push(saturate_i64(value));
        }
        StepSpec::Log2 { source, one_plus } => {
            let value = of(source);
            let value = if *one_plus { value.max(BigInt::zero()) + 1 } else { value.max(BigInt::one()) };
            values.push(log2(&value));
        }
        StepSpec::Difference { source, second } => {
            let value = of(source) - of(second);
            values.push(saturate_i64(value));
        }
        StepSpec::Ratio { source, second, shift } => {
            let (value, divisor) = (of(source) << *shift, of(second));
            let quotient = if divisor.is_positive() { value.div_floor(&divisor) } else { BigInt::zero() };
            values.push(saturate_i64(quotient));
        }
        StepSpec::Ewma { source, alpha, shift, fraction, state: at } => {
            let at = *at as usize;
            state.resize(state.len().max(at + 2), 0);
            let sample = BigInt::from(saturate_i64(of(source) << *fraction));
            let mean = if state[at] == 0 { sample.clone() } else { BigInt::from(state[at + 1]) };
            let next = half_even(&((sample - &mean) * *alpha), *shift) + mean;
            let next = next.to_i64().expect("a mean between two of 64 bits");
            (state[at], state[at + 1]) = (1, next);
            values.push(next);
        }
        StepSpec::History { source, count, state: at } => {
            let (at, end) = (*at as usize, *at as usize + usize::from(*count));
            state.resize(state.len().max(end), 0);
            let newest = values[usize::from(*source)];
            values.extend(&state[at..end]);
            state.remove(end - 1);
            state.insert(at, newest);
        }
    }
}

fn affine(step: &AffineSpec, x: &BigInt) -> BigInt {
    let sum = x * step.multiplier + step.bias;
    let rounded = match step.rounding {
        Rounding::HalfEven => half_even(&sum, step.shift),
        Rounding::TfliteSingle => half_up(&sum, step.shift),
        Rounding::Shift => sum.div_floor(&(BigInt::one() << step.shift)),
        Rounding::TfliteDouble => unreachable!("the verifier refuses it here"),
    };
    clamp(rounded, step.lo, step.hi)
}

/// In units of 2^-16: the line through the table's entries on both sides, 2^16 points between them, half a unit up.
fn log2(x: &BigInt) -> i64 {
    let whole = x.bits() - 1;
    // 1 ≤ x / 2^whole < 2, in units of 2^-24: 256 intervals of 2^16 points.
    let mantissa = if whole > 24 { x >> (whole - 24) } else { x << (24 - whole) };
    let (interval, inside) = (mantissa - (BigInt::one() << 24u32)).div_mod_floor(&(BigInt::one() << 16u32));
    let interval = interval.to_u32().unwrap();
    let (left, right) = (table(interval), table(interval + 1));
    let fraction: BigInt = &left + (((&right - &left) * inside) >> 16u32);
    let sum = (BigInt::from(whole) << 30u32) + fraction + (BigInt::one() << 13u32);
    (sum >> 14u32).to_i64().unwrap()
}

/// `log2(1 + i/256)` in units of 2^-30, to the nearest: the largest n with 2^(n − 1/2) ≤ (1 + i/256)^(2^30), found by way of
/// the bits of repeated squares, with 200 bits behind the point.
fn table(i: u32) -> BigInt {
    let mut number = BigInt::from(256 + i) << 192u32;
    let mut logarithm = BigInt::zero();
    let two: BigInt = BigInt::one() << 201u32;
    if number == two {
        return BigInt::one() << 30u32;
    }
    for _ in 0..31 {
        number = (&number * &number) >> 200u32;
        logarithm *= 2;
        if number >= two {
            number >>= 1u32;
            logarithm += 1;
        }
    }
    (logarithm + 1) >> 1u32
}

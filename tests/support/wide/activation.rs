//! Changes of scale, tables, softmax, sums and products of two tensors.

use kinfer::format::Rounding;
use kinfer_convert::kinf::{AddSpec, EntriesSpec, MulSpec, RescaleSpec, SoftmaxSpec, TableSpec};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed};

use super::round::{half_even, scale};
use super::{Wide, clamp};

type Reached = (Vec<BigInt>, Vec<BigInt>);

pub(super) fn rescale(rescale: &RescaleSpec, io: &Wide<'_>) -> Reached {
    let one = |q: &BigInt| {
        let centred = q - io.input_tensor().zero_point;
        let (multiplier, shift) = if centred.is_negative() { rescale.below } else { rescale.above };
        let units = factor(&centred, multiplier, shift, rescale.rounding);
        (centred, clamp(units + io.output_tensor().zero_point, rescale.lo, rescale.hi))
    };
    io.input.iter().map(one).unzip()
}

pub(super) fn add(add: &AddSpec, io: &Wide<'_>) -> Reached {
    let one = |(a, b): (BigInt, BigInt)| {
        let sum = a * add.multipliers.0 + b * add.multipliers.1;
        let units = factor(&sum, 1, add.shift, add.rounding);
        (sum, clamp(units + io.output_tensor().zero_point, add.lo, add.hi))
    };
    operands(io).map(one).unzip()
}

pub(super) fn mul(mul: &MulSpec, io: &Wide<'_>) -> Reached {
    let one = |(a, b): (BigInt, BigInt)| {
        let product = a * b;
        let units = factor(&product, mul.factor.0, mul.factor.1, mul.rounding);
        (product, clamp(units + io.output_tensor().zero_point, mul.lo, mul.hi))
    };
    operands(io).map(one).unzip()
}

/// Both inputs less their zero points; a second of one element meets every one of the first.
fn operands<'a>(io: &'a Wide<'_>) -> impl Iterator<Item = (BigInt, BigInt)> + 'a {
    let second = io.second.as_ref().unwrap();
    let centred = |q: &BigInt, zero_point: i32| q - zero_point;
    (0..io.input.len()).map(move |i| {
        let b = if second.len() == 1 { &second[0] } else { &second[i] };
        (centred(&io.input[i], io.input_tensor().zero_point), centred(b, io.second_tensor().zero_point))
    })
}

/// As [`scale`], but under `shift` the multiplier counts: a power of two.
fn factor(value: &BigInt, multiplier: i32, shift: u8, rounding: Rounding) -> BigInt {
    match rounding {
        Rounding::Shift => scale(&(value * multiplier), 1, shift, rounding),
        _ => scale(value, multiplier, shift, rounding),
    }
}

pub(super) fn table(table: &TableSpec, io: &Wide<'_>) -> Reached {
    let direct = |entry: &dyn Fn(usize) -> i32| {
        let entry = |q: &BigInt| BigInt::from(entry(usize::try_from(q + 128).unwrap()));
        io.input.iter().map(entry).collect::<Vec<_>>()
    };
    let outputs = match &table.entries {
        EntriesSpec::I8(entries) => direct(&|at| entries[at].into()),
        EntriesSpec::I16(entries) => direct(&|at| entries[at].into()),
        EntriesSpec::I32(entries) => direct(&|at| entries[at]),
        EntriesSpec::Interpolated(table) => {
            let width = BigInt::one() << (16 - table.segment_bits);
            let one = |q: &BigInt| {
                let (segment, position) = (q + 32_768i32).div_mod_floor(&width);
                let segment = usize::try_from(segment).unwrap();
                // Weights of both knots, instead of a slope.
                let exact = table.knots[segment] * (&width - &position) + table.knots[segment + 1] * position;
                let shift = 16 - table.segment_bits + table.fraction;
                clamp(half_even(&exact, shift as u8), table.lo, table.hi)
            };
            io.input.iter().map(one).collect()
        }
    };
    (io.input.clone(), outputs)
}

pub(super) fn softmax(softmax: &SoftmaxSpec, io: &Wide<'_>) -> Reached {
    let (lo, hi) = io.output_tensor().element.range();
    let (mut sums, mut outputs) = (Vec::new(), Vec::new());
    for row in io.input.chunks(softmax.row as usize) {
        let max = row.iter().max().unwrap();
        let exps: Vec<BigInt> = row.iter().map(|q| exp(&softmax.entries, &(max - q))).collect();
        let sum: BigInt = exps.iter().sum();
        for exp in exps {
            let (quotient, remainder) = (exp * softmax.units).div_mod_floor(&sum);
            let rounded = if remainder * 2i32 >= sum { quotient + 1 } else { quotient };
            outputs.push(clamp(rounded + io.output_tensor().zero_point, lo, hi));
        }
        sums.push(sum);
    }
    (sums, outputs)
}

fn exp(entries: &[i32], d: &BigInt) -> BigInt {
    let d = usize::try_from(d).unwrap();
    match entries.len() {
        256 => entries[d].into(),
        _ => {
            let exact = BigInt::from(entries[d / 256]) * entries[256 + d % 256];
            Integer::div_floor(&(exact + (1i32 << 29)), &(BigInt::one() << 30))
        }
    }
}

//! Convolutions and pooling, over coordinates that may lie outside the image.

use kinfer::format::{PoolMode, Rounding};
use kinfer_convert::kinf::{ConvSpec, PoolSpec, WindowSpec};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::Signed;

use super::Wide;
use super::dense::row;

pub(super) fn conv(conv: &ConvSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let [_, _, channels_in] = image(io.input_tensor().dims.as_slice());
    let [rows, columns, channels] = image(io.output_tensor().dims.as_slice());
    let weights = conv.rows.weights.values();
    let depth = channels_in / i64::from(conv.groups);
    let of_group = channels / i64::from(conv.groups);
    let length = weights.len() / channels as usize;
    let mut all = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            for channel in 0..channels {
                let first = channel / of_group * depth;
                let seen: Vec<_> = taps(&conv.window, y, x)
                    .flat_map(|(v, u)| (first..first + depth).map(move |c| (v, u, c)))
                    // Padding is a real zero.
                    .map(|(v, u, c)| pixel(io, v, u, c).unwrap_or(io.input_tensor().zero_point.into()))
                    .collect();
                let channel = channel as usize;
                all.push(row(&conv.rows, channel, &weights[channel * length..][..length], &seen, io));
            }
        }
    }
    all.into_iter().unzip()
}

pub(super) fn pool(pool: &PoolSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let [rows, columns, channels] = image(io.output_tensor().dims.as_slice());
    let zero = BigInt::from(io.input_tensor().zero_point);
    let mut all = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            for c in 0..channels {
                let seen = taps(&pool.window, y, x).map(|(v, u)| pixel(io, v, u, c));
                let seen: Vec<BigInt> = match pool.mode {
                    PoolMode::AveragePadded => seen.map(|value| value.unwrap_or(zero.clone())).collect(),
                    _ => seen.flatten().collect(),
                };
                let count = BigInt::from(seen.len());
                all.push(match (pool.mode, pool.rounding) {
                    (PoolMode::Max, _) => {
                        let largest = seen.into_iter().max().unwrap();
                        (largest.clone(), largest)
                    }
                    (_, Rounding::HalfEven) => {
                        let sum: BigInt = seen.iter().map(|value| value - &zero).sum();
                        (sum.clone(), nearest(&sum, &count, |down| down.is_odd()) + &zero)
                    }
                    _ => {
                        let sum: BigInt = seen.iter().sum();
                        (sum.clone(), nearest(&sum, &count, |down| !down.is_negative()))
                    }
                });
            }
        }
    }
    all.into_iter().unzip()
}

/// `sum / count` to the nearest; at a tie, up from the integers below for which `up` holds.
fn nearest(sum: &BigInt, count: &BigInt, up: impl Fn(&BigInt) -> bool) -> BigInt {
    let (down, rest) = sum.div_mod_floor(count);
    match (rest * 2i32).cmp(count) {
        std::cmp::Ordering::Less => down,
        std::cmp::Ordering::Greater => down + 1i32,
        std::cmp::Ordering::Equal if up(&down) => down + 1i32,
        std::cmp::Ordering::Equal => down,
    }
}

/// Row and column under each tap of window `y`, `x`, in the order of the weights.
fn taps(window: &WindowSpec, y: i64, x: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
    let WindowSpec { kernel, stride, dilation, before, .. } = *window;
    let at = move |axis: usize, position: i64, tap: u16| {
        position * i64::from(stride[axis]) + i64::from(tap) * i64::from(dilation[axis]) - i64::from(before[axis])
    };
    (0..kernel[0]).flat_map(move |i| (0..kernel[1]).map(move |j| (at(0, y, i), at(1, x, j))))
}

fn pixel(io: &Wide<'_>, row: i64, column: i64, channel: i64) -> Option<BigInt> {
    let [height, width, channels] = image(io.input_tensor().dims.as_slice());
    let inside = (0..height).contains(&row) && (0..width).contains(&column);
    inside.then(|| io.input[((row * width + column) * channels + channel) as usize].clone())
}

/// Height, width and channels.
fn image(dims: &[u32]) -> [i64; 3] {
    [0, 1, 2].map(|axis| dims.get(axis).copied().map_or(1, i64::from))
}

//! Additive models and squared distances.

use kinfer_convert::kinf::{AdditiveSpec, DistanceSpec, ScalingSpec, SquaredErrorSpec};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::round::scale;
use super::{Wide, clamp};

pub(super) fn additive(additive: &AdditiveSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let scores = additive.bases.len();
    let sums: Vec<BigInt> = (0..scores)
        .map(|score| {
            let chosen = additive.terms.iter().map(|term| {
                let bin = |which: usize| {
                    let bin = &io.input[usize::from(term.elements[which])];
                    clamp(bin.clone(), 0, i32::from(term.bins[which]) - 1).to_usize().unwrap()
                };
                let matrices: Vec<_> = term.table.chunks(usize::from(term.bins[1]) * scores).collect();
                let rows: Vec<_> = matrices[bin(0)].chunks(scores).collect();
                BigInt::from(rows[bin(1)][score])
            });
            chosen.sum::<BigInt>() + additive.bases[score]
        })
        .collect();
    (sums.clone(), sums)
}

pub(super) fn distance(distance: &DistanceSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let zero = io.input_tensor().zero_point;
    let size = io.input.len();
    let centred = |q: &BigInt| q - zero;
    let centroids = distance.centroids.values();
    let sums = centroids.chunks(size).enumerate().map(|(k, centroid)| {
        let squares = centroid.iter().zip(&io.input).enumerate().map(|(i, (&at, q))| {
            let weight = distance.weights.as_ref().map_or(1, |weights| weights[k * size + i]);
            (centred(q) - centred(&BigInt::from(at))).pow(2) * weight
        });
        squares.sum::<BigInt>() + distance.biases.as_ref().map_or(0, |biases| biases[k])
    });
    let sums: Vec<BigInt> = sums.collect();
    let outputs = sums.iter().map(|sum| scaled(sum, &distance.scaling, io)).collect();
    (sums, outputs)
}

pub(super) fn squared_error(error: &SquaredErrorSpec, io: &Wide<'_>) -> (Vec<BigInt>, Vec<BigInt>) {
    let (zero_a, zero_b) = (io.input_tensor().zero_point, io.second_tensor().zero_point);
    let pairs = io.input.iter().zip(io.second.as_ref().unwrap());
    let squares = pairs.enumerate().map(|(i, (a, b))| {
        let weight = error.weights.as_ref().map_or(1, |weights| weights[i]);
        ((a - zero_a) - (b - zero_b)).pow(2) * weight
    });
    let sum: BigInt = squares.sum();
    let output = scaled(&sum, &error.scaling, io);
    (vec![sum], vec![output])
}

fn scaled(sum: &BigInt, scaling: &ScalingSpec, io: &Wide<'_>) -> BigInt {
    let scaled = scale(sum, scaling.multiplier, scaling.shift, scaling.rounding);
    clamp(scaled + io.output_tensor().zero_point, scaling.lo, scaling.hi)
}

//! Squared distances → records: what elements of different scales weigh.

use kinfer::format::{Rounding, WeightType};

use super::grid::Grid;
use super::lower::Op;
use super::writer::{Writer, bounds};
use super::{NORMALISE, factor};
use crate::error::Result;
use crate::graph::Matrix;
use crate::kinf::{DistanceSpec, OperatorSpec, ScalingSpec, SquaredErrorSpec, WeightsSpec};

/// Sums stay below it.
const SUM: f64 = 1_152_921_504_606_846_976.0; // 2^60
/// Weights stay below it.
const WEIGHT: f64 = 1_073_741_824.0; // 2^30

/// Integer weights of squares, and the real size of one unit of their sum.
struct Weighed {
    weights: Option<Vec<i32>>,
    unit: f64,
}

/// `weights` are real, of squares of integers, `[sum][element]`; `most` the largest difference of each.
fn weigh(weights: &Matrix, most: &[f64]) -> Weighed {
    let widest = weights.data.iter().copied().fold(0.0, f64::max);
    let sum = |row: &[f64]| row.iter().zip(most).map(|(weight, most)| weight * most * most).sum::<f64>();
    let largest = weights.iter_rows().map(sum).fold(0.0, f64::max);
    // Equal weights need none.
    if weights.data.iter().all(|weight| *weight == widest) && largest < SUM * widest {
        return Weighed { weights: None, unit: widest };
    }
    let unit = (widest / WEIGHT).max(largest / SUM).max(f64::MIN_POSITIVE);
    Weighed {
        weights: Some(weights.data.iter().map(|weight| (weight / unit).round_ties_even() as i32).collect()),
        unit,
    }
}

/// The largest difference of two integers of an element, with a centroid at `at`.
fn differences(grid: &Grid, at: impl Fn(usize) -> f64) -> Vec<f64> {
    let far = |element: usize| (f64::from(grid.lo) - at(element)).abs().max((f64::from(grid.hi) - at(element)).abs());
    (0..grid.scales.len()).map(far).collect()
}

/// Distances to centroids.
pub(super) fn write(
    writer: &mut Writer<'_>,
    op: &Op,
    (centroids, weights, bias): (&Matrix, Option<&Matrix>, &[f64]),
    weight_type: WeightType,
) -> Result<()> {
    let key = op.inputs[0];
    let (input, output) = (writer.grid(key)?, writer.grid(op.value)?);
    if weights.is_some_and(|weights| weights.data.iter().any(|weight| *weight < 0.0)) {
        return Err(writer.wrong(
            op,
            "a weight of a squared distance is negative",
            "use variances, which are positive",
        ));
    }
    let mut places = vec![];
    for row in centroids.iter_rows() {
        for (element, x) in row.iter().enumerate() {
            let units = (x - input.centres[element]) / input.scales[element];
            places.push((units + f64::from(input.zero_point)).round_ties_even());
        }
    }
    let widest = places.iter().fold(0f64, |widest, place| widest.max(place.abs()));
    if widest > 32_767.0 {
        return Err(writer.wrong(
            op,
            "a centroid is far from all that calibration saw",
            "calibrate with the data that the centroids are of",
        ));
    }
    let columns = centroids.columns;
    let far = differences(&input, |element| places[element]);
    let most = places.chunks_exact(columns).fold(far, |most, row| {
        let far = differences(&input, |element| row[element]);
        most.iter().zip(far).map(|(a, b)| a.max(b)).collect()
    });
    let mut real = weights.cloned().unwrap_or_else(|| {
        let data = vec![1.0; centroids.data.len()];
        Matrix { columns, data }
    });
    for row in real.data.chunks_exact_mut(columns) {
        row.iter_mut().zip(&input.scales).for_each(|(weight, scale)| *weight *= scale * scale);
    }
    let Weighed { weights, unit } = weigh(&real, &most);
    let biases: Vec<f64> = bias.iter().map(|bias| bias / unit).collect();
    if biases.iter().any(|bias| bias.is_nan() || bias.abs() > SUM) {
        return Err(writer.wrong(op, "a bias is too large beside its distances", NORMALISE));
    }
    let has_biases = bias.iter().any(|bias| *bias != 0.0);
    let narrow = weight_type == WeightType::I8 && widest <= 127.0;
    let centroids = if narrow {
        WeightsSpec::I8(places.iter().map(|&place| place as i8).collect())
    } else {
        WeightsSpec::I16(places.iter().map(|&place| place as i16).collect())
    };
    let distance = DistanceSpec {
        input: writer.tensor(key)?,
        output: writer.next(),
        centroids,
        weights,
        biases: has_biases.then(|| biases.iter().map(|bias| bias.round_ties_even() as i64).collect()),
        scaling: scaling(writer, op, unit, &output)?,
    };
    let spec = writer.output(op)?;
    writer.finish(op, OperatorSpec::Distance(distance), spec);
    Ok(())
}

/// Squared difference of two values, which share the grid of each element.
pub(super) fn squared_error(writer: &mut Writer<'_>, op: &Op, share: f64) -> Result<()> {
    let (first, second) = (op.inputs[0], op.inputs[1]);
    let (input, output) = (writer.grid(first)?, writer.grid(op.value)?);
    let elements = input.scales.len();
    let real = Matrix { columns: elements, data: input.scales.iter().map(|scale| share * scale * scale).collect() };
    let most = vec![f64::from(input.hi) - f64::from(input.lo); elements];
    let Weighed { weights, unit } = weigh(&real, &most);
    let scaling = scaling(writer, op, unit, &output)?;
    let tensors = (writer.tensor(first)?, writer.tensor(second)?);
    let same = [elements as u32];
    let (input, second) = (writer.reshaped(tensors.0, &same), writer.reshaped(tensors.1, &same));
    let error = SquaredErrorSpec { input, second, output: writer.next(), weights, scaling };
    let spec = writer.output(op)?;
    writer.finish(op, OperatorSpec::SquaredError(error), spec);
    Ok(())
}

fn scaling(writer: &Writer<'_>, op: &Op, unit: f64, output: &Grid) -> Result<ScalingSpec> {
    let Some((multiplier, shift)) = factor::requantize(unit / output.scale()) else {
        return Err(writer.wrong(op, "its distances leave the range of its multiplier", NORMALISE));
    };
    let (lo, hi) = bounds(op, output);
    Ok(ScalingSpec { multiplier, shift, rounding: Rounding::HalfEven, lo, hi })
}

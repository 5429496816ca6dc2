//! Proof of squared distances: weights are not negative, sums fit 64 bits, factors fit their rounding.

use super::weights::check_factor;
use super::{Interval, Node, OperatorReport};
use crate::error::{Problem, What};
use crate::format::{Distance, Scaling, SquaredError};
use crate::iter::numbered;
use crate::ops::requantize::requantize;

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn centroids(node: &Node<'_>, distance: &Distance, report: &mut OperatorReport) -> Result<(), Problem> {
    let (inputs, outputs) = (node.inputs(), node.outputs());
    let elements = (inputs as u64).saturating_mul(outputs as u64);
    node.check_clamp(distance.scaling.lo, distance.scaling.hi)?;
    node.data(What::Centroids, distance.centroids, elements.saturating_mul(distance.centroid_type.size() as u64))?;
    if let Some(weights) = distance.weights {
        node.data(What::Weights, weights, elements.saturating_mul(4))?;
    }
    if let Some(biases) = distance.biases {
        node.data(What::Biases, biases, (outputs as u64).saturating_mul(8))?;
    }

    let mut all: Option<Proved> = None;
    for (channel, centroid) in numbered(distance.centroids(node.model.data(), inputs, outputs)) {
        let mut sum = Interval::point(centroid.bias);
        for (at, weight) in centroid.values().zip(centroid.weights()) {
            let difference = node.range.offset_down(at);
            sum = add(sum, weight, difference, channel)?;
        }
        let proved = Proved::of(node, &distance.scaling, sum, channel)?;
        all = Some(all.map_or(proved, |all| all.union(proved)));
    }
    let proved = all.ok_or(Problem::Shapes { input: inputs as u64, output: outputs as u64 })?;
    proved.report(elements, report);
    Ok(())
}

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn squared_error(node: &Node<'_>, error: &SquaredError, report: &mut OperatorReport) -> Result<(), Problem> {
    let elements = node.input.elements();
    let (second, range) = node.second;
    if second.dims != node.input.dims {
        return Err(Problem::Shapes { input: elements, output: second.elements() });
    }
    if node.output.elements() != 1 {
        return Err(Problem::Shapes { input: elements, output: node.output.elements() });
    }
    if second.scale != node.input.scale {
        return Err(Problem::Scales);
    }
    node.check_clamp(error.scaling.lo, error.scaling.hi)?;
    if let Some(weights) = error.weights {
        node.data(What::Weights, weights, elements.saturating_mul(4))?;
    }

    let first = node.centred()?;
    let second = range.offset_down(i64::from(second.zero_point));
    let difference = second.and_then(|second| first.add_product(-1, second));
    let mut sum = Interval::point(0);
    for weight in error.weights(node.model.data()).take(elements as usize) {
        sum = add(sum, weight, difference, 0)?;
    }
    Proved::of(node, &error.scaling, sum, 0)?.report(elements, report);
    Ok(())
}

#[derive(Clone, Copy)]
struct Proved {
    sum: Interval,
    output: Interval,
}

impl Proved {
    fn of(node: &Node<'_>, scaling: &Scaling, sum: Interval, channel: u32) -> Result<Self, Problem> {
        let (factor, output) = (scaling.factor(), scaling.output(&node.output));
        check_factor(channel, factor, scaling.rounding, sum)?;
        let reached = |sum| i64::from(requantize(sum, factor, output));
        Ok(Self { sum, output: Interval { lo: reached(sum.lo), hi: reached(sum.hi) } })
    }

    fn union(self, other: Self) -> Self {
        Self { sum: self.sum.union(other.sum), output: self.output.union(other.output) }
    }

    fn report(self, operations: u64, report: &mut OperatorReport) {
        report.reach(self.sum, self.output);
        report.operations = operations;
    }
}

/// `sum + weight · difference²`.
fn add(sum: Interval, weight: i32, difference: Option<Interval>, channel: u32) -> Result<Interval, Problem> {
    if weight < 0 {
        return Err(Problem::NegativeWeight { channel });
    }
    let square = difference.and_then(square);
    square.and_then(|square| sum.add_product(i64::from(weight), square)).ok_or(Problem::Accumulator { channel })
}

/// All squares of values in `of`; `None` when one leaves 64 bits.
fn square(of: Interval) -> Option<Interval> {
    let (a, b) = (of.lo.checked_mul(of.lo)?, of.hi.checked_mul(of.hi)?);
    Some(Interval { lo: if of.contains(0) { 0 } else { a.min(b) }, hi: a.max(b) })
}

#[cfg(test)]
mod tests {
    use super::{square, Interval};

    #[test]
    fn squares_of_an_interval_around_zero_begin_at_zero() {
        for (lo, hi, least, most) in [(-3, 2, 0, 9), (2, 5, 4, 25), (-5, -2, 4, 25), (0, 0, 0, 0)] {
            assert_eq!(square(Interval { lo, hi }), Some(Interval { lo: least, hi: most }), "{lo}..{hi}");
        }
        assert_eq!(square(Interval { lo: i64::MIN, hi: 0 }), None);
    }
}

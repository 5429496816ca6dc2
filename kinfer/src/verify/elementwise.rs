//! Proof of operators from element to element.

use super::{Interval, Node, OperatorReport};
use crate::error::{Problem, What};
use crate::format::{Add, Clip, Mul, Rescale, Rounding};
use crate::ops::divide::{Divide, Place, MAX_SHIFT, VALUE_LIMIT};
use crate::ops::requantize::{scale, Factor};
use crate::ops::rescale::{self, Slopes};

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn clip(node: &Node<'_>, clip: &Clip, report: &mut OperatorReport) -> Result<(), Problem> {
    if node.input != node.output {
        return Err(Problem::Shapes { input: node.input.elements(), output: node.output.elements() });
    }
    node.check_clamp(clip.lo, clip.hi)?;
    report.output = node.range.clamp(i64::from(clip.lo), i64::from(clip.hi));
    Ok(())
}

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn rescale(node: &Node<'_>, rescale: &Rescale, report: &mut OperatorReport) -> Result<(), Problem> {
    same_count(node)?;
    node.check_clamp(rescale.lo, rescale.hi)?;
    let centred = node.centred()?;
    let Slopes { above, below } = rescale.slopes;
    check_factor(What::MultiplierAbove, above, rescale.rounding)?;
    check_factor(What::MultiplierBelow, below, rescale.rounding)?;
    if rescale.rounding == Rounding::TfliteDouble {
        fits_tflite(centred.clamp(0, i64::MAX), above)?;
        fits_tflite(centred.clamp(i64::MIN, 0), below)?;
    }
    let place = Place { zero_point: node.output.zero_point, lo: rescale.lo, hi: rescale.hi };
    let reached = |q: i64| {
        let q = i32::try_from(q).map_err(|_| Problem::TooLarge { what: What::Input })?;
        Ok(i64::from(rescale::rescale(q, node.input.zero_point, rescale.slopes, rescale.rounding, place)))
    };
    let output = Interval { lo: reached(node.range.lo)?, hi: reached(node.range.hi)? };
    report.reach(centred, output);
    Ok(())
}

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn add(node: &Node<'_>, add: &Add, report: &mut OperatorReport) -> Result<(), Problem> {
    same_counts(node)?;
    node.check_clamp(add.lo, add.hi)?;
    if add.rounding == Rounding::TfliteDouble {
        return Err(Problem::RoundsTwice);
    }
    let (a, b) = add.multipliers;
    check_even(What::FirstMultiplier, a, add.rounding)?;
    check_even(What::SecondMultiplier, b, add.rounding)?;
    check_shift(add.shift)?;
    let sum = Interval::point(0).add_product(i64::from(a), node.centred()?);
    let sum = sum.and_then(|sum| sum.add_product(i64::from(b), second_centred(node)?)).filter(small);
    let sum = sum.ok_or(Problem::TooLarge { what: What::Sum })?;
    let output = quotients(node, sum, Divide::new(add.shift, add.rounding), add.lo, add.hi);
    report.reach(sum, output);
    Ok(())
}

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn mul(node: &Node<'_>, mul: &Mul, report: &mut OperatorReport) -> Result<(), Problem> {
    same_counts(node)?;
    node.check_clamp(mul.lo, mul.hi)?;
    check_factor(What::Multiplier, mul.factor, mul.rounding)?;
    let too_large = Problem::TooLarge { what: What::Product };
    let product = second_centred(node).and_then(|b| Some((node.centred().ok()?, b)));
    let product = product.and_then(|(a, b)| a.product(b)).ok_or(too_large)?;
    let output = if mul.rounding == Rounding::TfliteDouble {
        fits_tflite(product, mul.factor)?;
        let place = Place { zero_point: node.output.zero_point, lo: mul.lo, hi: mul.hi };
        let reached = |product| i64::from(place.of(scale(product, mul.factor, mul.rounding) as i64));
        Interval { lo: reached(product.lo), hi: reached(product.hi) }
    } else {
        let scaled = Interval::point(0).add_product(i64::from(mul.factor.multiplier), product).filter(small);
        let divide = Divide::new(mul.factor.shift, mul.rounding);
        quotients(node, scaled.ok_or(too_large)?, divide, mul.lo, mul.hi)
    };
    report.reach(product, output);
    Ok(())
}

/// Refuses an output of another element count than the input's.
#[inline(never)]
pub(super) fn same_count(node: &Node<'_>) -> Result<(), Problem> {
    let (input, output) = (node.input.elements(), node.output.elements());
    if input != output {
        return Err(Problem::Shapes { input, output });
    }
    Ok(())
}

/// As [`same_count`], and the second input has that count or is one element.
fn same_counts(node: &Node<'_>) -> Result<(), Problem> {
    same_count(node)?;
    let (second, output) = (node.second.0.elements(), node.output.elements());
    if second != output && second != 1 {
        return Err(Problem::Shapes { input: second, output });
    }
    Ok(())
}

/// The values of the second input, less its zero point.
#[inline(never)]
fn second_centred(node: &Node<'_>) -> Option<Interval> {
    let (tensor, range) = node.second;
    range.offset_down(i64::from(tensor.zero_point))
}

/// Outputs of values in `values`, which the division does not reorder.
#[inline(never)]
fn quotients(node: &Node<'_>, values: Interval, divide: Divide, lo: i32, hi: i32) -> Interval {
    let place = Place { zero_point: node.output.zero_point, lo, hi };
    let reached = |value| i64::from(place.of(divide.of(value)));
    Interval { lo: reached(values.lo), hi: reached(values.hi) }
}

#[inline(never)]
fn check_factor(what: What, factor: Factor, rounding: Rounding) -> Result<(), Problem> {
    if factor.multiplier < 0 {
        return Err(Problem::NegativeFactor { what });
    }
    check_even(what, factor.multiplier, rounding)?;
    check_shift(factor.shift)
}

fn check_even(what: What, multiplier: i32, rounding: Rounding) -> Result<(), Problem> {
    if rounding == Rounding::Shift && !multiplier.unsigned_abs().is_power_of_two() {
        return Err(Problem::UnevenFactor { what });
    }
    Ok(())
}

fn check_shift(shift: u8) -> Result<(), Problem> {
    if shift > MAX_SHIFT {
        return Err(Problem::Shift { is: shift, max: MAX_SHIFT });
    }
    Ok(())
}

/// TensorFlow Lite's high multiply takes 32 bits, after a shift to the left.
#[inline(never)]
fn fits_tflite(values: Interval, factor: Factor) -> Result<(), Problem> {
    let left = 31u32.saturating_sub(u32::from(factor.shift));
    if values.bits().saturating_add(left) > 32 {
        return Err(Problem::TooLarge { what: What::RoundedValue });
    }
    Ok(())
}

/// Whether a [`Divide`] takes all of them.
fn small(values: &Interval) -> bool {
    values.lo > VALUE_LIMIT.wrapping_neg() && values.hi < VALUE_LIMIT
}

//! Clip, rescale, add, mul: each element by itself.

use kinfer::format::{Add, Clip, Mul, Rescale, Rounding};
use kinfer::ops::requantize::{Factor, Output};

use super::{Scale, Writer};
use crate::emit::c::expression::{bare, less, plus, times};

pub(super) fn clip(to: &mut Writer<'_, '_>, clip: &Clip) {
    to.begin_xy("int i;");
    each(to, &format!("@clamp(x[i], {}, {})", clip.lo, clip.hi));
    to.code.close("");
}

pub(super) fn rescale(to: &mut Writer<'_, '_>, rescale: &Rescale) {
    let output = output(to, rescale.rounding, rescale.lo, rescale.hi);
    let (zero_point, range) = (to.operator.node.input.zero_point, to.operator.accumulator);
    let (above, below) = (rescale.slopes.above, rescale.slopes.below);
    // Constants both: no table is written.
    let side = |to: &mut Writer<'_, '_>, factor: Factor| Scale::write(to, range, "", &[factor]).requantize("d", output);
    let (above, below) = (side(to, above), side(to, below));
    to.begin_xy("int i;");
    to.code.open(format!("for (i = 0; i < {}; i++)", to.operator.node.outputs()));
    // The difference of two scores has 33 bits.
    let x = if zero_point == 0 { "x[i]" } else { "(int64_t)x[i]" };
    to.code.line(format!("int64_t d = {};", bare(&less(x, zero_point))));
    to.code.blank();
    if above == below {
        to.code.line(format!("y[i] = {above};"));
    } else {
        to.code.line(format!("if (d < 0)\n\ty[i] = {below};\nelse\n\ty[i] = {above};"));
    }
    to.code.close("");
    to.code.close("");
}

pub(super) fn add(to: &mut Writer<'_, '_>, add: &Add) {
    let node = &to.operator.node;
    let (x, z) = (less("x[i]", node.input.zero_point), second(to));
    let Output { zero_point, lo, hi, .. } = output(to, add.rounding, add.lo, add.hi);
    let product = |operand: &str, multiplier: i32| times(&format!("(int64_t){operand}"), multiplier.into());
    let sum = format!("{} + {}", product(&x, add.multipliers.0), product(&z, add.multipliers.1));
    let divided = match (add.rounding, add.shift) {
        (_, 0) => format!("({sum})"),
        (Rounding::HalfEven, shift) => format!("@half_even({sum}, {shift})"),
        (Rounding::TfliteSingle | Rounding::TfliteDouble, shift) => format!("@half_up({sum}, {shift})"),
        (Rounding::Shift, shift) => format!("(({sum}) >> {shift})"),
    };
    to.begin_xzy("int i;");
    each(to, &format!("@clamp({}, {lo}, {hi})", bare(&plus(&divided, zero_point.into()))));
    to.code.close("");
}

pub(super) fn mul(to: &mut Writer<'_, '_>, mul: &Mul) {
    let (x, z) = (less("x[i]", to.operator.node.input.zero_point), second(to));
    let output = output(to, mul.rounding, mul.lo, mul.hi);
    let scale = Scale::write(to, to.operator.accumulator, "", &[mul.factor]);
    let product = scale.requantize(&format!("(int64_t){x} * {z}"), output);
    to.begin_xzy("int i;");
    each(to, &product);
    to.code.close("");
}

/// The element of the second tensor less its zero point: of the same index, or the only one.
fn second(to: &Writer<'_, '_>) -> String {
    let (tensor, _) = &to.operator.node.second;
    less(if tensor.elements() == 1 { "z[0]" } else { "z[i]" }, tensor.zero_point)
}

fn output(to: &Writer<'_, '_>, rounding: Rounding, lo: i32, hi: i32) -> Output {
    Output { zero_point: to.operator.node.output.zero_point, lo, hi, rounding }
}

/// A loop that makes each element of the output.
fn each(to: &mut Writer<'_, '_>, value: &str) {
    to.code.line(format!("for (i = 0; i < {}; i++)", to.operator.node.outputs()));
    to.code.line(format!("\ty[i] = {value};"));
}

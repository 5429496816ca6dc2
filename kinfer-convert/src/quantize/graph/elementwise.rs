//! Changes of scale, sums, products, softmax.

use kinfer::format::Rounding;

use super::grid::Grid;
use super::lower::{Key, Op};
use super::writer::{Writer, bounds, true_spec};
use super::{NORMALISE, factor};
use crate::error::Result;
use crate::kinf::functions::softmax as softmax_spec;
use crate::kinf::{AddSpec, MulSpec, OperatorSpec, RescaleSpec, TensorSpec};

/// A product of two int16 has up to 33 bits, and both together must stay below 2^62.
const PRODUCT_BITS: i32 = 29;

/// `x`, below zero `alpha · x`, on another grid.
pub(super) fn rescale(writer: &mut Writer<'_>, op: &Op, alpha: f64) -> Result<()> {
    let key = op.inputs[0];
    let (input, output) = (writer.grid(key)?, writer.grid(op.value)?);
    let tensor = writer.tensor(key)?;
    let spec = writer.output(op)?;
    let number = onto(writer, op, (tensor, input.scale()), alpha, &output, spec)?;
    writer.write(op.value, number);
    Ok(())
}

/// A tensor of one scale on another grid.
pub(super) fn onto(
    writer: &mut Writer<'_>,
    op: &Op,
    (input, scale): (u16, f64),
    alpha: f64,
    output: &Grid,
    spec: TensorSpec,
) -> Result<u16> {
    let slope = |alpha: f64| factor::elementwise(alpha * scale / output.scale(), 31);
    let (Some(above), Some(below)) = (slope(1.0), slope(alpha)) else { return Err(too_far(writer, op)) };
    let (lo, hi) = bounds(op, output);
    let rescale = RescaleSpec { input, output: writer.next(), above, below, rounding: Rounding::HalfEven, lo, hi };
    Ok(writer.push(OperatorSpec::Rescale(rescale), spec))
}

/// Sum, or difference where `sign` is -1.
pub(super) fn add(writer: &mut Writer<'_>, op: &Op, sign: f64) -> Result<()> {
    let (first, second) = (op.inputs[0], op.inputs[1]);
    let output = writer.grid(op.value)?;
    let units = |key: Key| -> Result<f64> { Ok(writer.grid(key)?.scale() / output.scale()) };
    let (a, b) = (units(first)?, sign * units(second)?);
    let Some((_, shift)) = factor::elementwise(a.abs().max(b.abs()), 31) else { return Err(too_far(writer, op)) };
    let multiplier = |units: f64| (units * f64::from(shift).exp2()).round_ties_even() as i32; // saturates
    let (lo, hi) = bounds(op, &output);
    let add = AddSpec {
        inputs: (writer.tensor(first)?, writer.tensor(second)?),
        output: writer.next(),
        multipliers: (multiplier(a), multiplier(b)),
        shift,
        rounding: Rounding::HalfEven,
        lo,
        hi,
    };
    let spec = writer.output(op)?;
    writer.finish(op, OperatorSpec::Add(add), spec);
    Ok(())
}

/// Product.
pub(super) fn mul(writer: &mut Writer<'_>, op: &Op) -> Result<()> {
    let (first, second) = (op.inputs[0], op.inputs[1]);
    let output = writer.grid(op.value)?;
    let units = writer.grid(first)?.scale() * writer.grid(second)?.scale() / output.scale();
    let Some(factor) = factor::elementwise(units, PRODUCT_BITS) else { return Err(too_far(writer, op)) };
    let (lo, hi) = bounds(op, &output);
    let inputs = (writer.tensor(first)?, writer.tensor(second)?);
    let mul = MulSpec { inputs, output: writer.next(), factor, rounding: Rounding::HalfEven, lo, hi };
    let spec = writer.output(op)?;
    writer.finish(op, OperatorSpec::Mul(mul), spec);
    Ok(())
}

/// Shares that sum to one.
pub(super) fn softmax(writer: &mut Writer<'_>, op: &Op, row: usize) -> Result<()> {
    let key = op.inputs[0];
    let (input, output) = (writer.grid(key)?, writer.grid(op.value)?);
    let from = true_spec(&input, vec![1]);
    let to = true_spec(&output, vec![1]);
    let softmax = softmax_spec((writer.tensor(key)?, &from), (writer.next(), &to), row as u32);
    let spec = writer.output(op)?;
    writer.finish(op, OperatorSpec::Softmax(softmax), spec);
    Ok(())
}

fn too_far(writer: &Writer<'_>, op: &Op) -> crate::error::Error {
    writer.wrong(op, "its inputs and its output are too many orders of magnitude apart", NORMALISE)
}

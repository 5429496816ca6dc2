//! Operators from element to element.

use kinfer::format::{ElementType, Rounding as Rule};
use kinfer::ops::requantize::Factor;

use super::Rounding;
use super::error::Result;
use super::functions::{hard_swish_entries, logistic_entries, operand_entries, tanh_entries};
use super::lower::{Lowering, activation_range, code};
use super::multiplier::Multiplier;
use super::schema::{Grid, Node, RECONVERT, Tensor, Type};
use crate::kinf::{AddSpec, EntriesSpec, MulSpec, OperatorSpec, RescaleSpec, TableSpec, TensorSpec};

/// `ADD`, `SUB`: both operands brought to twice the coarser scale with 20 bits more, summed, and brought to the output's.
pub(super) fn add(lowering: &mut Lowering<'_>, node: &Node<'_>, subtract: bool) -> Result<()> {
    let Pair { first, second, swapped } = pair(lowering, node)?;
    let output = lowering.output(node)?;
    for tensor in [&first, &second, &output] {
        int8(node, tensor, "the sum of int16 tensors is not read: quantise with int8 activations")?;
    }
    let (lo, hi) = activation_range(node, node.byte(0)?, &output)?;
    let twice = 2.0 * f64::from(first.grid()?.scale.max(second.grid()?.scale));
    let to_output = Multiplier::new(twice / (f64::from(1 << 20) * f64::from(output.grid()?.scale)));
    let above = to_output.factor().filter(|_| to_output.exponent <= 0).ok_or_else(|| too_fine(node))?;
    let mut operand = |tensor: &Tensor<'_>| {
        let grid = tensor.grid()?;
        let entries = operand_entries(grid, Multiplier::new(f64::from(grid.scale) / twice), lowering.rounding);
        let input = lowering.value(node, tensor)?;
        let spec = TensorSpec { element: ElementType::I32, zero_point: 0, ..lowering.activation(tensor)? };
        lowering
            .push(spec, |output| OperatorSpec::Table(TableSpec { input, output, entries: EntriesSpec::I32(entries) }))
    };
    let inputs = (operand(&first)?, operand(&second)?);
    let spec = lowering.activation(&output)?;
    let multipliers = match (subtract, swapped) {
        (false, _) => (1, 1),
        (true, false) => (1, -1),
        (true, true) => (-1, 1),
    };
    let sum = lowering.push(TensorSpec { element: ElementType::I32, zero_point: 0, ..spec.clone() }, |output| {
        let (lo, hi) = ElementType::I32.range();
        OperatorSpec::Add(AddSpec { inputs, output, multipliers, shift: 0, rounding: Rule::TfliteSingle, lo, hi })
    })?;
    rescale(lowering, node, &output, spec, sum, (above, above), (lo, hi))
}

/// `MUL`.
pub(super) fn mul(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let Pair { first, second, .. } = pair(lowering, node)?;
    let output = lowering.output(node)?;
    let (lo, hi) = activation_range(node, node.byte(0)?, &output)?;
    let [a, b, to] = [first.grid()?.scale, second.grid()?.scale, output.grid()?.scale];
    let real = lowering.rounding.ratio(a, b, to);
    let factor = Multiplier::new(real).factor().ok_or_else(|| too_fine(node))?;
    let inputs = (lowering.value(node, &first)?, lowering.value(node, &second)?);
    let spec = lowering.activation(&output)?;
    let (factor, rounding) = ((factor.multiplier, factor.shift), lowering.rounding.rule());
    lowering
        .write(node, &output, spec, |output| OperatorSpec::Mul(MulSpec { inputs, output, factor, rounding, lo, hi }))?;
    Ok(())
}

/// `RELU`, `RELU6`, `RELU_N1_TO_1`.
pub(super) fn relu(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    let activation = match node.code {
        code::RELU => 1,
        code::RELU_N1_TO_1 => 2,
        _ => 3,
    };
    let range = activation_range(node, activation, &output)?;
    let (from, to) = (input.grid()?, output.grid()?);
    if from != to && node.code != code::RELU && lowering.rounding == Rounding::Double {
        return Err(node.refuse(
            "its input and output differ in scale or zero point, which tflite-micro does not convert between",
            "convert the model again with the activation fused, or match LiteRT with --rounding litert",
        ));
    }
    let real = lowering.rounding.ratio(from.scale, 1.0, to.scale);
    let factor = Multiplier::new(real).factor().ok_or_else(|| too_fine(node))?;
    rescaled(lowering, node, (factor, factor), range)
}

/// `LEAKY_RELU`.
pub(super) fn leaky_relu(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    let (from, to, alpha) = (input.grid()?.scale, output.grid()?.scale, node.real(0)?);
    if !(alpha.is_finite() && alpha >= 0.0) {
        return Err(node.refuse(format!("its alpha is {alpha}"), "0 and above is read"));
    }
    let factor =
        |alpha: f32| Multiplier::new(lowering.rounding.ratio(from, alpha, to)).factor().ok_or_else(|| too_fine(node));
    let factors = (factor(1.0)?, factor(alpha)?);
    let range = activation_range(node, 0, &output)?;
    rescaled(lowering, node, factors, range)
}

/// `QUANTIZE` from one integer type, scale or zero point to another.
pub(super) fn quantize(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    if !matches!(input.element, Type::Int8 | Type::Int16) {
        return Err(node.refuse(
            format!("quantises a tensor of type {} inside the model", input.type_name()),
            "only the model's input may be float32 or uint8: quantise the rest of the model",
        ));
    }
    let range = activation_range(node, 0, &output)?;
    let real = f64::from(input.grid()?.scale) / f64::from(output.grid()?.scale);
    let factor = Multiplier::new(real).factor().ok_or_else(|| too_fine(node))?;
    rescaled(lowering, node, (factor, factor), range)
}

/// `LOGISTIC`, `TANH`, `HARD_SWISH`: a table of what the interpreter computes for each of the 256 inputs.
pub(super) fn function(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    for tensor in [&input, &output] {
        int8(node, tensor, "functions of int16 tensors are not read: quantise with int8 activations")?;
    }
    let (from, to) = (input.grid()?, output.grid()?);
    let (entries, wants) = match node.code {
        code::LOGISTIC => (logistic_entries(from, to, lowering.rounding), "scale 1/256 and zero point -128"),
        code::TANH => (tanh_entries(from, to, lowering.rounding), "scale 1/128 and zero point 0"),
        _ => (hard_swish_entries(from, to), "an output's scale that is no finer than a 128th of the input's"),
    };
    let entries = entries.ok_or_else(|| {
        let Grid { scale, zero_point } = to;
        let what = format!("interpreters have no definition of its scales: output {scale}, zero point {zero_point}");
        node.refuse(what, format!("they want {wants}: convert the model again"))
    })?;
    let (value, spec) = (lowering.value(node, &input)?, lowering.activation(&output)?);
    lowering.write(node, &output, spec, |output| {
        OperatorSpec::Table(TableSpec { input: value, output, entries: EntriesSpec::I8(entries) })
    })?;
    Ok(())
}

/// Two operands, the one of one element second.
struct Pair<'a> {
    first: Tensor<'a>,
    second: Tensor<'a>,
    swapped: bool,
}

fn pair<'a>(lowering: &Lowering<'a>, node: &Node<'_>) -> Result<Pair<'a>> {
    let (a, b) = (lowering.input(node, 0)?, lowering.input(node, 1)?);
    let elements = lowering.output(node)?.elements();
    match (a.elements(), b.elements()) {
        (first, second) if first == elements && (second == 1 || a.shape == b.shape) => {
            Ok(Pair { first: a, second: b, swapped: false })
        }
        (1, second) if second == elements => Ok(Pair { first: b, second: a, swapped: true }),
        _ => Err(node.refuse(
            format!("spreads {:?} over {:?}", b.shape, a.shape),
            "operands have the same dimensions, or one of them is a single element",
        )),
    }
}

fn int8(node: &Node<'_>, tensor: &Tensor<'_>, advice: &str) -> Result<()> {
    match tensor.element {
        Type::Int8 => Ok(()),
        _ => Err(node.refuse(format!("its tensor `{}` is of type {}", tensor.name, tensor.type_name()), advice)),
    }
}

fn too_fine(node: &Node<'_>) -> super::Error {
    node.refuse("its output's scale is too far from its input's", RECONVERT)
}

/// An operator of one input that multiplies what is above and below the zero point.
fn rescaled(lowering: &mut Lowering<'_>, node: &Node<'_>, factors: (Factor, Factor), range: (i32, i32)) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    let (value, spec) = (lowering.value(node, &input)?, lowering.activation(&output)?);
    if input.elements() != output.elements() {
        return Err(node.refuse("its input and output differ in size", RECONVERT));
    }
    rescale(lowering, node, &output, spec, value, factors, range)
}

fn rescale(
    lowering: &mut Lowering<'_>,
    node: &Node<'_>,
    to: &Tensor<'_>,
    spec: TensorSpec,
    input: u16,
    (above, below): (Factor, Factor),
    (lo, hi): (i32, i32),
) -> Result<()> {
    let rounding = lowering.rounding.rule();
    let pair = |factor: Factor| (factor.multiplier, factor.shift);
    lowering.write(node, to, spec, |output| {
        OperatorSpec::Rescale(RescaleSpec { input, output, above: pair(above), below: pair(below), rounding, lo, hi })
    })?;
    Ok(())
}

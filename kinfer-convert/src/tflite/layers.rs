//! Layers with weights: fully connected, convolutions.

use kinfer::format::Rounding as Rule;
use kinfer::ops::requantize::Factor;

use super::Rounding;
use super::error::Result;
use super::lower::{Lowering, activation_range};
use super::multiplier::{Multiplier, factor_of_real};
use super::schema::{INTEGERS, Node, RECONVERT, Tensor, Type};
use super::windows::{self, Axes};
use crate::kinf::{ConvSpec, DenseSpec, OperatorSpec, RowsSpec};

/// `FULLY_CONNECTED`.
pub(super) fn fully_connected(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, weights, output) = (lowering.input(node, 0)?, lowering.input(node, 1)?, lowering.output(node)?);
    let &[outputs, inputs] = &weights.shape[..] else {
        return Err(weights.refuse("is not a matrix", RECONVERT));
    };
    if node.byte(1)? != 0 {
        return Err(node.refuse("its weights are shuffled", "convert the model with the default format of weights"));
    }
    if input.elements() != u64::from(inputs) || output.elements() != u64::from(outputs) {
        let what =
            format!("makes {} of {} elements with weights [{outputs}, {inputs}]", output.elements(), input.elements());
        return Err(node.refuse(what, BATCH));
    }
    let activation = activation_range(node, node.byte(0)?, &output)?;
    let rows = rows(lowering, node, &weights, weights.integers()?, (0, outputs as usize), activation)?;
    let (value, spec) = (lowering.value(node, &input)?, lowering.activation(&output)?);
    lowering.write(node, &output, spec, |output| {
        OperatorSpec::Dense(DenseSpec { input: value, output, rows, skip_zeros: false })
    })?;
    Ok(())
}

/// `CONV_2D`, `DEPTHWISE_CONV_2D`.
pub(super) fn conv(lowering: &mut Lowering<'_>, node: &Node<'_>, depthwise: bool) -> Result<()> {
    let (weights, output) = (lowering.input(node, 1)?, lowering.output(node)?);
    let (image, padded) = windows::image(lowering, node)?;
    let channels = windows::channels(node, &image)?;
    let &[first, height, width, last] = &weights.shape[..] else {
        return Err(weights.refuse("does not have four dimensions", RECONVERT));
    };
    // [1, height, width, output channel], or [output channel, height, width, input channel of the group].
    let (outputs, axis, groups) = match depthwise {
        true if first == 1 => (last, 3, channels),
        false if channels % last == 0 => (first, 0, channels / last),
        _ => return Err(weights.refuse(format!("does not fit an input of {channels} channels"), RECONVERT)),
    };
    let (kernel, fused) = (Axes { height, width }, if depthwise { 4 } else { 3 });
    let dilation = Axes { height: number(node, fused + 2)?, width: number(node, fused + 1)? };
    let window = windows::window(node, &image, padded, kernel, dilation)?;
    let activation = activation_range(node, node.byte(fused)?, &output)?;
    let integers = weights.integers()?;
    let integers = if depthwise { transpose(&integers, outputs as usize) } else { integers };
    let rows = rows(lowering, node, &weights, integers, (axis, outputs as usize), activation)?;
    let (value, spec) = (lowering.value(node, &image)?, lowering.activation(&output)?);
    lowering.write(node, &output, spec, |output| {
        OperatorSpec::Conv(ConvSpec { input: value, output, rows, window, groups })
    })?;
    Ok(())
}

const BATCH: &str = "a decision is of one input: convert the model with a batch of 1";

fn number(node: &Node<'_>, field: usize) -> Result<u32> {
    let number = node.number(field, 1)?;
    u32::try_from(number).map_err(|_| node.refuse(format!("a stride or dilation is {number}"), RECONVERT))
}

/// `[tap][channel]` to `[channel][tap]`.
fn transpose(weights: &[i64], channels: usize) -> Vec<i64> {
    (0..channels).flat_map(|channel| weights.iter().skip(channel).step_by(channels).copied()).collect()
}

/// Weights, biases and factors of `channels` rows, which lie along `axis` of the file's weights.
fn rows(
    lowering: &Lowering<'_>,
    node: &Node<'_>,
    weights: &Tensor<'_>,
    integers: Vec<i64>,
    (axis, channels): (usize, usize),
    (lo, hi): (i32, i32),
) -> Result<RowsSpec> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    if weights.element != Type::Int8 {
        return Err(weights.refuse(format!("weights of type {} are not read", weights.type_name()), INTEGERS));
    }
    let bias = lowering.optional_input(node, 2)?;
    let biases = match &bias {
        Some(bias) if bias.elements() == channels as u64 => bias.integers()?,
        Some(bias) => return Err(bias.refuse(format!("has {} elements, not {channels}", bias.elements()), RECONVERT)),
        None => vec![0; channels],
    };
    let scales = weights.channel_scales(axis, channels)?;
    let (from, to) = (input.grid()?.scale, output.grid()?.scale);
    let is_dense = weights.shape.len() == 2;
    // TensorFlow Lite multiplies the scales of a dense layer with one scale in single precision.
    let is_rough = is_dense && weights.is_per_tensor() && lowering.rounding == Rounding::Single;
    let product = |scale: f32| if is_rough { f64::from(from * scale) } else { f64::from(from) * f64::from(scale) };
    if let Some(bias) = &bias {
        let stated = bias.channel_scales(0, channels)?;
        let far = |(&scale, &stated): (&f32, &f32)| (product(scale) - f64::from(stated)).abs() / f64::from(to) > 0.02;
        if scales.iter().zip(&stated).any(far) {
            return Err(bias.refuse("its scale is not that of input times weights", RECONVERT));
        }
    }
    let wide = match (input.element, bias.as_ref().map(|bias| bias.element)) {
        (Type::Int16, Some(Type::Int64)) => true,
        (Type::Int8, None | Some(Type::Int32)) => false,
        (Type::Int16, other) => {
            let what = if other.is_some() { "its bias is not int64" } else { "has no bias" };
            return Err(
                node.refuse(what, "with int16 activations give every layer a bias of int64, as the converter does")
            );
        }
        _ => return Err(node.refuse("its input, weights and bias are not int8, int8 and int32", INTEGERS)),
    };
    let is_real = is_dense && lowering.rounding == Rounding::Litert;
    let zero_point = output.grid()?.zero_point;
    let factor = |scale: f32| {
        let real = product(scale) / f64::from(to);
        match (wide, is_real) {
            (true, true) => None,
            (false, true) => factor_of_real(real, (i64::from(lo - zero_point), i64::from(hi - zero_point))),
            (true, false) => Multiplier::new(real).factor_of_64(),
            (false, false) => Multiplier::new(real).factor(),
        }
    };
    let factors: Option<Vec<Factor>> = scales.iter().map(|&scale| factor(scale)).collect();
    let factors = factors.ok_or_else(|| match is_real {
        true => node.refuse(
            "LiteRT multiplies its sums in floating point, and no factor of 31 bits rounds all of them as that does",
            "match tflite-micro with --rounding double",
        ),
        false => node.refuse(
            "its output's scale is far below that of its sums",
            "quantise the model with data that is like its inputs",
        ),
    })?;
    Ok(RowsSpec {
        weights: integers.iter().map(|&weight| weight as i8).collect::<Vec<_>>().into(),
        biases,
        multipliers: factors.iter().map(|factor| factor.multiplier).collect(),
        shifts: factors.iter().map(|factor| factor.shift).collect(),
        rounding: match (wide, is_dense) {
            (true, _) => Rule::TfliteSingle,
            (false, true) => lowering.rounding.dense_rule(),
            (false, false) => lowering.rounding.rule(),
        },
        lo,
        hi,
    })
}

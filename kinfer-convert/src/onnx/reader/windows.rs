//! Conv, MaxPool, AveragePool, Pad: windows over images.
//!
//! ONNX has images channels first, the graph `[height, width, channels]`; one dimension is an image of height one. What
//! goes in and out is reordered here, and [`crate::graph::simplify`] removes what cancels.

use super::super::GraphError;
use super::super::node::{attribute, int};
use super::context::Context;
use super::moves::{moved, permuted};
use super::value::{Tensor, Value};
use crate::graph::{Conv, Matrix, Operator, Pool, PoolKind, ValueId};
use crate::kinf::WindowSpec;

const DAMAGED: &str = "the file is damaged: export it again";

/// A tensor `[1, channels, …]` as an image.
struct Image {
    value: ValueId,
    /// Height, width, channels.
    size: [usize; 3],
    /// Number of spatial dimensions.
    axes: usize,
}

impl Image {
    fn of(context: &mut Context<'_>, tensor: &Tensor) -> Result<Self, GraphError> {
        let (size, axes) = match tensor.dims[..] {
            [1, channels, width] => ([1, width, channels], 1),
            [1, channels, height, width] => ([height, width, channels], 2),
            _ => {
                return Err(context.unsupported(format!(
                    "its input of shape {:?} (with a batch of one) has not one or two spatial dimensions",
                    tensor.dims
                )));
            }
        };
        let [height, width, channels] = size;
        let value = if channels == 1 || height * width == 1 {
            tensor.id
        } else {
            let last = permuted(&[channels, height, width], &[1, 2, 0]);
            moved(context, tensor, last, vec![1, height, width, channels]).id
        };
        Ok(Self { value, size, axes })
    }

    /// What an operator makes of it, as ONNX has it: channels first.
    fn result(&self, context: &mut Context<'_>, operator: Operator, size: [usize; 3]) -> Value {
        let [height, width, channels] = size;
        let made = context.push(operator, vec![self.value], vec![1, height, width, channels]);
        let dims = if self.axes == 1 { vec![1, channels, width] } else { vec![1, channels, height, width] };
        if channels == 1 || height * width == 1 {
            return context.value(Operator::Reshape, vec![made.id], dims);
        }
        let first = permuted(&size, &[2, 0, 1]);
        Value::Tensor(moved(context, &made, first, dims))
    }
}

/// A node's window of `kernel` taps, with its padding.
fn window(context: &Context<'_>, kernel: &[usize], image: &Image) -> Result<WindowSpec, GraphError> {
    let axes = image.axes;
    let refuse = |what: &str| context.wrong(what, DAMAGED);
    let list = |name: &str| -> Result<Option<Vec<u16>>, GraphError> {
        let Some(attribute) = attribute(context.node, name) else { return Ok(None) };
        let values = attribute.ints.iter().map(|&value| u16::try_from(value).ok()).collect::<Option<Vec<_>>>();
        values
            .map(Some)
            .ok_or_else(|| context.wrong(format!("its {name} {:?} are not from 0 to 65535", attribute.ints), DAMAGED))
    };
    let both = |values: &[u16], other: u16| match *values {
        [width] if axes == 1 => Ok([other, width]),
        [height, width] if axes == 2 => Ok([height, width]),
        _ => Err(refuse("its window has not as many dimensions as its input")),
    };
    let ones = vec![1; axes];
    let kernel = kernel.iter().map(|&size| u16::try_from(size).ok()).collect::<Option<Vec<_>>>();
    let kernel = both(&kernel.ok_or_else(|| refuse("its kernel is not of 1 to 65535 taps"))?, 1)?;
    let stride = both(&list("strides")?.unwrap_or_else(|| ones.clone()), 1)?;
    let dilation = both(&list("dilations")?.unwrap_or(ones), 1)?;
    if [kernel, stride, dilation].iter().flatten().any(|&size| size == 0) {
        return Err(refuse("its kernel, strides and dilations are not all above zero"));
    }
    let auto = attribute(context.node, "auto_pad").map(|a| String::from_utf8_lossy(&a.s).into_owned());
    let (before, after) = match auto.as_deref().unwrap_or("NOTSET") {
        "" | "NOTSET" => {
            let pads = list("pads")?.unwrap_or_else(|| vec![0; 2 * axes]);
            if pads.len() != 2 * axes {
                return Err(refuse("its pads are not two a dimension"));
            }
            (both(&pads[..axes], 0)?, both(&pads[axes..], 0)?)
        }
        "VALID" => ([0; 2], [0; 2]),
        name @ ("SAME_UPPER" | "SAME_LOWER") => {
            let [mut before, mut after] = [[0; 2]; 2];
            for axis in 0..2 {
                let size = image.size[axis];
                let reach = reach(kernel[axis], dilation[axis]);
                let positions = size.div_ceil(usize::from(stride[axis]));
                let total = ((positions.max(1) - 1) * usize::from(stride[axis]) + reach).saturating_sub(size);
                let total = u16::try_from(total).map_err(|_| refuse("its padding is above 65535"))?;
                let less = total / 2;
                let more = total - less;
                (before[axis], after[axis]) = if name == "SAME_UPPER" { (less, more) } else { (more, less) };
            }
            (before, after)
        }
        name => return Err(context.unsupported(format!("auto_pad {name}"))),
    };
    Ok(WindowSpec { kernel, stride, dilation, before, after })
}

/// Elements from a kernel's first tap to its last.
fn reach(kernel: u16, dilation: u16) -> usize {
    usize::from(kernel - 1) * usize::from(dilation) + 1
}

/// Height, width and channels that a window makes, if they are those of a tensor.
fn output(
    context: &Context<'_>,
    window: &WindowSpec,
    image: &Image,
    channels: usize,
) -> Result<[usize; 3], GraphError> {
    let [height, width, _] = image.size;
    let [rows, columns] = window.positions(height as u32, width as u32).map(|size| size as usize);
    if rows == 0 || columns == 0 {
        return Err(context.wrong(
            format!("its kernel of {:?} does not fit in {height} by {width}", window.kernel),
            "a larger input, or padding",
        ));
    }
    context.fits(&[1, rows, columns, channels])?;
    Ok([rows, columns, channels])
}

/// Convolution with constant weights `[output, input of its group, …]`.
pub(super) fn conv(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let constant = context.constant(1)?;
    let image = Image::of(context, &tensor)?;
    let channels = image.size[2];
    let groups = usize::try_from(int(context.node, "group", 1)).unwrap_or(0);
    let wrong = || {
        let what =
            format!("weights `{}` of shape {:?} do not fit its input {:?}", constant.name, constant.dims, tensor.dims);
        context.wrong(
            what,
            "their shape is [outputs, channels of a group, kernel…], outputs and channels multiples of group",
        )
    };
    let (outputs, of_group, kernel) = match &constant.dims[..] {
        [outputs, of_group, kernel @ ..] if kernel.len() == image.axes => (*outputs, *of_group, kernel.to_vec()),
        _ => return Err(wrong()),
    };
    let fits = groups > 0 && of_group.checked_mul(groups) == Some(channels) && outputs > 0 && outputs % groups == 0;
    if !fits {
        return Err(wrong());
    }
    let window = window(context, &kernel, &image)?;
    let taps: usize = kernel.iter().product();
    let weights = constant.moved(Some(&permuted(&[outputs, of_group, taps], &[0, 2, 1])), constant.dims.clone());
    let weights = Matrix { columns: taps * of_group, data: weights.numbers()? };
    let bias = match context.optional(2) {
        Some(_) => context.constant(2)?.numbers()?,
        None => vec![0.0; outputs],
    };
    if bias.len() != outputs {
        return Err(context.wrong(format!("its bias has {} values for {outputs} channels", bias.len()), DAMAGED));
    }
    let size = output(context, &window, &image, outputs)?;
    let conv = Conv { weights, bias, image: image.size, window, groups };
    Ok(image.result(context, Operator::Conv(conv), size))
}

/// MaxPool and AveragePool.
pub(super) fn pool(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let image = Image::of(context, &tensor)?;
    let kernel = attribute(context.node, "kernel_shape").map(|kernel| kernel.ints.clone()).unwrap_or_default();
    let kernel = kernel.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>();
    let kernel = kernel.ok_or_else(|| context.wrong("its kernel_shape is negative", DAMAGED))?;
    let mut window = window(context, &kernel, &image)?;
    if window.dilation != [1, 1] {
        return Err(context.unsupported("its window is dilated"));
    }
    let is_max = context.node.op_type == "MaxPool";
    let with_padding = !is_max && int(context.node, "count_include_pad", 0) != 0;
    if int(context.node, "ceil_mode", 0) != 0 {
        for axis in 0..2 {
            let extra = left_over(&window, axis, image.size[axis]);
            if extra > 0 && with_padding {
                return Err(
                    context.unsupported("ceil_mode and count_include_pad where the last window leaves the padding")
                );
            }
            window.after[axis] = window.after[axis].saturating_add(extra);
        }
    }
    let outside = (0..2).any(|axis| window.before[axis].max(window.after[axis]) >= window.kernel[axis]);
    if outside && (window.before != [0, 0] || window.after != [0, 0]) {
        return Err(
            context.wrong("its padding is as wide as its kernel", "a window with nothing but padding has no value")
        );
    }
    let padded = window.before != [0, 0] || window.after != [0, 0];
    let kind = match (is_max, with_padding && padded) {
        (true, _) => PoolKind::Max,
        (false, true) => PoolKind::MeanWithPadding,
        (false, false) => PoolKind::Mean,
    };
    let size = output(context, &window, &image, image.size[2])?;
    Ok(image.result(context, Operator::Pool(Pool { kind, image: image.size, window }), size))
}

/// Padding that makes the last window whole which ceil_mode adds; none where it would begin behind the image.
fn left_over(window: &WindowSpec, axis: usize, size: usize) -> u16 {
    let stride = usize::from(window.stride[axis]);
    let reach = reach(window.kernel[axis], window.dilation[axis]);
    let (before, after) = (usize::from(window.before[axis]), usize::from(window.after[axis]));
    let Some(room) = (size + before + after).checked_sub(reach) else { return 0 };
    let last = room.div_ceil(stride) * stride;
    if last >= size + before { 0 } else { u16::try_from(last - room).unwrap_or(0) }
}

/// Zeros around an image, as a convolution of one tap that the one behind it takes in.
pub(super) fn pad(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let mode = attribute(context.node, "mode").map(|mode| String::from_utf8_lossy(&mode.s).into_owned());
    if mode.as_deref().is_some_and(|mode| mode != "constant") {
        return Err(context.unsupported(format!("mode {}: pad with zeros", mode.unwrap_or_default())));
    }
    let rank = tensor.dims.len();
    let pads = match context.optional(1) {
        Some(_) => context.integers(1)?,
        None => attribute(context.node, "pads").map(|pads| pads.ints.clone()).unwrap_or_default(),
    };
    let value = match context.optional(2) {
        Some(_) => context.constant(2)?.scalar()?,
        None => Some(attribute(context.node, "value").map_or(0.0, |value| f64::from(value.f))),
    };
    if pads.iter().all(|&pad| pad == 0) {
        return Ok(Value::Tensor(tensor));
    }
    if value != Some(0.0) {
        return Err(context.unsupported("it pads with something other than zero"));
    }
    let axes: Vec<i64> = match context.optional(3) {
        Some(_) => context.integers(3)?,
        None => (0..rank as i64).collect(),
    };
    let wrong = || context.wrong(format!("its pads do not fit {:?} (with a batch of one)", tensor.dims), DAMAGED);
    if pads.len() != 2 * axes.len() {
        return Err(wrong());
    }
    let mut sides = vec![[0u16; 2]; rank];
    for (at, &axis) in axes.iter().enumerate() {
        let axis = tensor.axis(axis).ok_or_else(wrong)?;
        let side = |at: usize| u16::try_from(pads[at]).map_err(|_| context.unsupported("it crops, or pads over 65535"));
        sides[axis] = [side(at)?, side(at + axes.len())?];
    }
    // A row of features is an image of one channel.
    let (tensor, sides, flat) = match (&tensor.dims[..], &sides[..]) {
        (&[1, width], &[[0, 0], side]) => {
            (Tensor { id: tensor.id, dims: vec![1, 1, width] }, vec![[0, 0], [0, 0], side], true)
        }
        (_, [[0, 0], [0, 0], ..]) => (tensor, sides, false),
        _ => return Err(context.unsupported("it pads the batch or channels")),
    };
    let image = Image::of(context, &tensor)?;
    let [mut before, mut after] = [[0; 2]; 2];
    for (side, axis) in sides.iter().skip(2).zip(2 - image.axes..2) {
        [before[axis], after[axis]] = *side;
    }
    let window = WindowSpec { before, after, ..WindowSpec::valid([1, 1]) };
    let channels = image.size[2];
    let size = output(context, &window, &image, channels)?;
    let weights = Matrix { columns: 1, data: vec![1.0; channels] };
    let conv = Conv { weights, bias: vec![0.0; channels], image: image.size, window, groups: channels };
    let padded = image.result(context, Operator::Conv(conv), size);
    match padded {
        Value::Tensor(tensor) if flat => Ok(context.value(Operator::Reshape, vec![tensor.id], vec![1, tensor.width()])),
        padded => Ok(padded),
    }
}

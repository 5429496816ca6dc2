//! Windows over an image: padding, pooling, means.

use kinfer::format::{PoolMode, Rounding};

use super::error::Result;
use super::lower::{Lowering, Padded, activation_range, dims};
use super::multiplier::Multiplier;
use super::schema::{Node, RECONVERT, Tensor};
use crate::kinf::{ConvSpec, OperatorSpec, PoolSpec, RowsSpec, WindowSpec};

/// A number for each of the two axes of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    pub(super) height: u32,
    pub(super) width: u32,
}

impl Axes {
    fn both(self) -> [u32; 2] {
        [self.height, self.width]
    }
}

/// The image that a node's first input is, and the zeros that a PAD put around it.
pub(super) fn image<'a>(lowering: &Lowering<'a>, node: &Node<'_>) -> Result<(Tensor<'a>, Padded)> {
    let input = lowering.input(node, 0)?;
    Ok(match lowering.padded.get(&input.index) {
        Some(&padded) => (lowering.file.tensor(padded.image)?, padded),
        None => {
            let image = input.index;
            (input, Padded { image, before: [0; 2], after: [0; 2] })
        }
    })
}

fn size(node: &Node<'_>, image: &Tensor<'_>) -> Result<[u32; 3]> {
    match image.shape[..] {
        [1, height, width, channels] => Ok([height, width, channels]),
        _ => Err(node.refuse(
            format!("its input is {:?}, not [1, height, width, channels]", image.shape),
            "a decision is of one input: convert the model with a batch of 1",
        )),
    }
}

/// Channels of an image.
pub(super) fn channels(node: &Node<'_>, image: &Tensor<'_>) -> Result<u32> {
    size(node, image).map(|[_, _, channels]| channels)
}

/// The window of a node whose options begin with padding and strides.
pub(super) fn window(
    node: &Node<'_>,
    image: &Tensor<'_>,
    padded: Padded,
    kernel: Axes,
    dilation: Axes,
) -> Result<WindowSpec> {
    let [height, width, _] = size(node, image)?;
    let stride = [node.number(2, 0)?, node.number(1, 0)?];
    let same = match node.byte(0)? {
        0 => true,
        1 => false,
        code => return Err(node.refuse(format!("its padding {code} is neither SAME nor VALID"), RECONVERT)),
    };
    let mut window = WindowSpec::valid([0, 0]);
    for (axis, size) in [height, width].into_iter().enumerate() {
        let (zeros_before, zeros_after) = (padded.before[axis], padded.after[axis]);
        let (taps, step) = (kernel.both()[axis], dilation.both()[axis]);
        let whole = u64::from(size) + u64::from(zeros_before) + u64::from(zeros_after);
        let Some(stride) = u64::try_from(stride[axis]).ok().filter(|stride| *stride > 0) else {
            return Err(node.refuse(format!("its stride is {}", stride[axis]), RECONVERT));
        };
        // `ComputePaddingHeightWidth`: what the last window lacks, the smaller half of it in front.
        let reach = u64::from(taps.saturating_sub(1)) * u64::from(step) + 1;
        let lacks = if same { ((whole.div_ceil(stride) - 1) * stride + reach).saturating_sub(whole) } else { 0 };
        let field = |number: u64, what: &str| {
            let too_large = || node.refuse(format!("its {what} {number} is over 65535"), "make the window smaller");
            u16::try_from(number).map_err(|_| too_large())
        };
        window.kernel[axis] = field(taps.into(), "kernel")?;
        window.stride[axis] = field(stride, "stride")?;
        window.dilation[axis] = field(step.into(), "dilation")?;
        window.before[axis] = field(u64::from(zeros_before) + lacks / 2, "padding")?;
        window.after[axis] = field(u64::from(zeros_after) + lacks - lacks / 2, "padding")?;
    }
    Ok(window)
}

/// `AVERAGE_POOL_2D`, `MAX_POOL_2D`.
pub(super) fn pool(lowering: &mut Lowering<'_>, node: &Node<'_>, mean: bool) -> Result<()> {
    let output = lowering.output(node)?;
    let (image, padded) = image(lowering, node)?;
    let positive = |field| {
        let number = node.number(field, 0)?;
        u32::try_from(number).map_err(|_| node.refuse(format!("its window is {number} wide"), RECONVERT))
    };
    let kernel = Axes { height: positive(4)?, width: positive(3)? };
    let window = window(node, &image, padded, kernel, Axes { height: 1, width: 1 })?;
    let is_padded = (padded.before, padded.after) != ([0; 2], [0; 2]);
    let (lowest, zero_point) = (activation_range(node, 0, &image)?.0, image.grid()?.zero_point);
    let mode = match (mean, is_padded) {
        (false, true) if zero_point != lowest => {
            let advice = "make the zeros a part of the pooling (SAME), which does not see them, or pool behind a RELU";
            return Err(node.refuse("takes the maximum of an image that PAD has put zeros around", advice));
        }
        (false, _) => PoolMode::Max,
        (true, false) => PoolMode::Average,
        (true, true) if node.byte(0)? == 0 => {
            let advice = "give the pooling padding VALID, or leave out the PAD";
            return Err(node.refuse("means an image that PAD has put zeros around, with padding SAME", advice));
        }
        (true, true) => PoolMode::AveragePadded,
    };
    let spec = lowering.moved(node, &image, &output)?;
    let input = lowering.value(node, &image)?;
    // Ties away from zero of the values as they are, under either rounding.
    let rounding = if mean { Rounding::TfliteDouble } else { Rounding::HalfEven };
    let activation = activation_range(node, node.byte(5)?, &output)?;
    let written = lowering
        .write(node, &output, spec, |output| OperatorSpec::Pool(PoolSpec { input, output, mode, rounding, window }))?;
    lowering.clamped(&output, written, activation)
}

/// `MEAN` over the axes that follow the batch: a depthwise convolution of ones, with the count in its factor.
pub(super) fn mean(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, axes, output) = (lowering.input(node, 0)?, lowering.input(node, 1)?, lowering.output(node)?);
    let rank = input.shape.len() as i64;
    let mut reduced: Vec<i64> =
        axes.integers()?.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    reduced.sort_unstable();
    reduced.dedup();
    let last = reduced.len();
    let contiguous = reduced.iter().copied().eq(1..=last as i64);
    let (Some(over), Some(kept)) = (input.shape.get(1..=last), input.shape.get(last + 1..)) else {
        return Err(node.refuse(format!("means over axes {reduced:?} of {rank}"), RECONVERT));
    };
    if !contiguous || last == 0 || input.shape.first() != Some(&1) {
        return Err(node.refuse(
            format!("means over axes {reduced:?} of {:?}", input.shape),
            "read are means over the axes behind a batch of 1: height and width of an image, or everything",
        ));
    }
    let product = |dims: &[u32]| dims.iter().fold(1, |all: u64, &dim| all.saturating_mul(dim.into()));
    let (count, channels) = (product(over), product(kept));
    let (Ok(taps), Ok(channels)) = (u16::try_from(count), u32::try_from(channels)) else {
        return Err(node.refuse(format!("means {count} values"), "65,535 is the most"));
    };
    // `QuantizedMeanOrSum`: the reciprocal of the count is a part of the multiplier, which is cut and not rounded.
    let real = f64::from(input.grid()?.scale) / f64::from(output.grid()?.scale);
    let multiplier = Multiplier::new(real);
    let bits = (15 - taps.leading_zeros() as i32).min(31 + multiplier.exponent);
    let scaled = (i64::from(multiplier.significand) << bits.max(0)) / i64::from(taps);
    let multiplier = Multiplier { significand: scaled as i32, exponent: multiplier.exponent - bits };
    let factor = multiplier.factor().filter(|_| bits >= 0).ok_or_else(|| {
        node.refuse("its scales are too far apart", "quantise the model with data that is like its inputs")
    })?;

    let value = lowering.value(node, &input)?;
    let image = lowering.shaped(value, &[1, taps.into(), channels])?;
    let spec = lowering.activation(&output)?;
    let range = spec.element.range();
    let rows = RowsSpec {
        weights: vec![1i8; channels as usize * usize::from(taps)].into(),
        biases: vec![0; channels as usize],
        multipliers: vec![factor.multiplier; channels as usize],
        shifts: vec![factor.shift; channels as usize],
        rounding: lowering.rounding.rule(),
        lo: range.0,
        hi: range.1,
    };
    let written =
        lowering.write(node, &output, crate::kinf::TensorSpec { dims: vec![1, 1, channels], ..spec }, |output| {
            OperatorSpec::Conv(ConvSpec {
                input: image,
                output,
                rows,
                window: WindowSpec::valid([1, taps]),
                groups: channels,
            })
        })?;
    lowering.reshaped(&output, written)
}

/// `PAD` of height and width: remembered for the window that reads it.
pub(super) fn pad(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, sizes, output) = (lowering.input(node, 0)?, lowering.input(node, 1)?, lowering.output(node)?);
    let sizes: Option<Vec<u32>> = sizes.integers()?.iter().map(|&size| u32::try_from(size).ok()).collect();
    let grids = (input.grid()?, output.grid()?);
    match sizes.as_deref() {
        Some(&[0, 0, top, bottom, left, right, 0, 0]) if input.shape.len() == 4 && grids.0 == grids.1 => {
            lowering.value(node, &input)?;
            lowering.check_unwritten(node, &output)?;
            let padded = Padded { image: input.index, before: [top, left], after: [bottom, right] };
            lowering.padded.insert(output.index, padded);
            Ok(())
        }
        Some(sizes) if sizes.iter().all(|&size| size == 0) && dims(&input.shape) == dims(&output.shape) => {
            lowering.moved(node, &input, &output)?;
            let value = lowering.value(node, &input)?;
            lowering.alias(node, &output, value)
        }
        _ => Err(node.refuse(
            "does not put zeros around height and width alone",
            "a PAD is read in front of CONV_2D, DEPTHWISE_CONV_2D and pooling, where it becomes a part of the window",
        )),
    }
}

//! Operators that move elements.

use super::error::Result;
use super::lower::{Lowering, dims};
use super::schema::{Node, RECONVERT, Tensor};
use crate::kinf::{ConcatSpec, OperatorSpec, ReshapeSpec, SliceSpec, TensorSpec};

/// `RESHAPE`, `SQUEEZE`, `EXPAND_DIMS`: the file has the output's dimensions.
pub(super) fn reshape(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    if input.elements() != output.elements() {
        return Err(node.refuse(format!("makes {:?} of {:?}", output.shape, input.shape), RECONVERT));
    }
    let spec = lowering.moved(node, &input, &output)?;
    let input = lowering.value(node, &input)?;
    if lowering.tensors.get(usize::from(input)).is_some_and(|held| held.dims == spec.dims) {
        return lowering.alias(node, &output, input);
    }
    lowering.write(node, &output, spec, |output| OperatorSpec::Reshape(ReshapeSpec { input, output }))?;
    Ok(())
}

/// `CONCATENATION`: two at a time.
pub(super) fn concatenation(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let output = lowering.output(node)?;
    let axis = axis(node, &output, node.number(0, 0)?.into())?;
    if node.byte(1)? != 0 {
        return Err(node.refuse("has a fused activation", "make the activation an operator of its own"));
    }
    let (outer, inner) = output.shape.split_at(axis);
    let rows = product(outer);
    let mut joined: Option<u16> = None;
    let mut width = 0;
    for which in 0..node.inputs.len() {
        let input = lowering.input(node, which)?;
        let fits = input.shape.len() == output.shape.len()
            && input.shape.iter().zip(&output.shape).enumerate().all(|(at, (a, b))| at == axis || a == b);
        if !fits {
            return Err(node.refuse(format!("puts {:?} into {:?}", input.shape, output.shape), RECONVERT));
        }
        let spec = lowering.moved(node, &input, &output)?;
        let second = lowering.value(node, &input)?;
        width += input.elements() / rows;
        let whole = width == product(inner);
        joined = Some(match joined {
            None => second,
            Some(first) => {
                let dims = if whole { dims(&output.shape) } else { vec![rows as u32, width as u32] };
                let rows = rows as u32;
                let concat = |output| OperatorSpec::Concat(ConcatSpec { input: first, second, output, rows });
                lowering.push(TensorSpec { dims, ..spec }, concat)?
            }
        });
    }
    match joined {
        Some(joined) if width == product(inner) => {
            let joined = lowering.shaped(joined, &dims(&output.shape))?;
            lowering.alias(node, &output, joined)
        }
        _ => Err(node.refuse("its inputs do not make its output", RECONVERT)),
    }
}

/// `SLICE`.
pub(super) fn slice(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    let (begin, size) = (lowering.input(node, 1)?.integers()?, lowering.input(node, 2)?.integers()?);
    let cuts = input.shape.iter().zip(begin.iter().zip(&size)).map(|(&dim, (&begin, &size))| {
        let count = if size == -1 { i64::from(dim).checked_sub(begin)? } else { size };
        Cut::new(dim, begin, count, 1)
    });
    take(lowering, node, (&input, &output), cuts.collect())
}

/// `STRIDED_SLICE` forwards, without new axes.
pub(super) fn strided_slice(lowering: &mut Lowering<'_>, node: &Node<'_>) -> Result<()> {
    let (input, output) = (lowering.input(node, 0)?, lowering.output(node)?);
    let mut parameters = [vec![], vec![], vec![]];
    for (which, values) in parameters.iter_mut().enumerate() {
        *values = lowering.input(node, which + 1)?.integers()?;
    }
    let [begin, end, strides] = parameters;
    let [begin_mask, end_mask, ellipsis, new_axis, shrink] =
        [node.number(0, 0)?, node.number(1, 0)?, node.number(2, 0)?, node.number(3, 0)?, node.number(4, 0)?];
    if (ellipsis, new_axis, node.byte(5)?) != (0, 0, 0) || begin.len() != end.len() || begin.len() != strides.len() {
        return Err(
            node.refuse("has an ellipsis, new axes or offsets", "write the slice with a begin and an end an axis")
        );
    }
    let cuts = input.shape.iter().enumerate().map(|(axis, &dim)| {
        let (Some(&from), Some(&to), Some(&stride)) = (begin.get(axis), end.get(axis), strides.get(axis)) else {
            return Cut::new(dim, 0, dim.into(), 1);
        };
        let masked = |mask: i32| mask >> axis & 1 == 1;
        let size = i64::from(dim);
        let place = |at: i64| if at < 0 { at.saturating_add(size) } else { at }.clamp(0, size);
        let from = if masked(begin_mask) { 0 } else { place(from) };
        if masked(shrink) {
            return Cut::new(dim, from, 1, 1);
        }
        let to = if masked(end_mask) { size } else { place(to) };
        let stride = Some(stride).filter(|stride| *stride > 0)?;
        Cut::new(dim, from, (to - from).max(0).checked_add(stride - 1)? / stride, stride)
    });
    take(lowering, node, (&input, &output), cuts.collect())
}

/// What is taken of an axis; at least one entry, all inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    start: u32,
    count: u32,
    stride: u32,
}

impl Cut {
    fn new(dim: u32, start: i64, count: i64, stride: i64) -> Option<Self> {
        let cut =
            Self { start: start.try_into().ok()?, count: count.try_into().ok()?, stride: stride.try_into().ok()? };
        let last =
            u64::from(cut.count.checked_sub(1)?).checked_mul(cut.stride.into())?.checked_add(cut.start.into())?;
        (last < u64::from(dim)).then_some(cut)
    }
}

/// Slices along one axis after the other, from the last on.
fn take(
    lowering: &mut Lowering<'_>,
    node: &Node<'_>,
    (input, output): (&Tensor<'_>, &Tensor<'_>),
    cuts: Option<Vec<Cut>>,
) -> Result<()> {
    let cuts = cuts.filter(|cuts| {
        let counts: Vec<u32> = cuts.iter().map(|cut| cut.count).collect();
        cuts.len() == input.shape.len() && product(&counts) == output.elements()
    });
    let cuts = cuts.ok_or_else(|| {
        let what = format!("does not take {:?} of {:?} forwards", output.shape, input.shape);
        node.refuse(what, "read are slices with positive strides inside the tensor, of dimensions that the file states")
    })?;
    let spec = lowering.moved(node, input, output)?;
    let mut taken = lowering.value(node, input)?;
    let mut shape = input.shape.clone();
    for (axis, cut) in cuts.into_iter().enumerate().rev() {
        if cut == (Cut { start: 0, count: shape[axis], stride: 1 }) {
            continue;
        }
        let (rows, inner) = (product(&shape[..axis]) as u32, product(&shape[axis + 1..]) as u32);
        if inner > 1 && cut.stride > 1 && cut.count > 1 {
            return Err(node.refuse(
                format!("takes every entry number {} of axis {axis}", cut.stride),
                "strides are read along the last axis",
            ));
        }
        let stride = if inner > 1 { 1 } else { cut.stride };
        let (start, count) = (cut.start * inner, cut.count * inner);
        shape[axis] = cut.count;
        let spec = TensorSpec { dims: dims(&shape), ..spec.clone() };
        taken = lowering
            .push(spec, |output| OperatorSpec::Slice(SliceSpec { input: taken, output, rows, start, count, stride }))?;
    }
    let taken = lowering.shaped(taken, &spec.dims)?;
    lowering.alias(node, output, taken)
}

/// An axis of `tensor`, counted from the end where it is negative.
fn axis(node: &Node<'_>, tensor: &Tensor<'_>, axis: i64) -> Result<usize> {
    let rank = tensor.shape.len() as i64;
    let counted = if axis < 0 { axis + rank } else { axis };
    let inside = usize::try_from(counted).ok().filter(|axis| *axis < tensor.shape.len());
    inside.ok_or_else(|| node.refuse(format!("axis {axis} of {rank} is named"), RECONVERT))
}

fn product(dims: &[u32]) -> u64 {
    dims.iter().fold(1, |all: u64, &dim| all.saturating_mul(dim.into()))
}

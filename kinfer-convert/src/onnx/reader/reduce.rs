//! Reductions over axes: means and maxima are pools, sums of everything a dense layer.

use super::super::GraphError;
use super::super::node::int;
use super::arithmetic::scaled;
use super::context::Context;
use super::moves::{axes, moved, permuted};
use super::value::{Tensor, Value};
use crate::graph::{Function, Matrix, Operator, Pool, PoolKind};
use crate::kinf::WindowSpec;

/// Weights of a dense layer that sums, at most; more is a pool.
const MOST_SUMMED: usize = 1 << 14;

#[derive(Clone, Copy, PartialEq)]
enum Reduction {
    Mean,
    Sum,
    Max,
    Min,
}

/// Global pools, ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceL1, ReduceL2, ReduceSumSquare.
pub(super) fn reduce(context: &mut Context<'_>) -> Result<Value, GraphError> {
    let tensor = context.tensor(0)?;
    let name = context.node.op_type.as_str();
    let is_global = name.starts_with("Global");
    let over = if is_global { (2..tensor.dims.len()).collect() } else { reduced(context, &tensor)? };
    let keeps = is_global || int(context.node, "keepdims", 1) != 0;
    let dims: Vec<usize> = if keeps {
        tensor.dims.iter().enumerate().map(|(axis, &dim)| if over.contains(&axis) { 1 } else { dim }).collect()
    } else {
        tensor.dims.iter().enumerate().filter(|(axis, _)| !over.contains(axis)).map(|(_, &dim)| dim).collect()
    };
    let mut map = |function, from: &Tensor| context.push(Operator::Map(function), vec![from.id], from.dims.clone());
    let (tensor, reduction) = match name {
        "GlobalAveragePool" | "ReduceMean" => (tensor, Reduction::Mean),
        "ReduceSum" => (tensor, Reduction::Sum),
        "ReduceL1" => (map(Function::Abs, &tensor), Reduction::Sum),
        "ReduceL2" | "ReduceSumSquare" => (map(Function::Square, &tensor), Reduction::Sum),
        "ReduceMin" => (tensor, Reduction::Min),
        _ => (tensor, Reduction::Max),
    };
    let is_root = name == "ReduceL2";
    let result = over_axes(context, &tensor, &over, reduction, dims)?;
    if !is_root {
        return Ok(Value::Tensor(result));
    }
    Ok(context.value(Operator::Map(Function::Sqrt), vec![result.id], result.dims))
}

/// Axes of more than one element that are reduced: all of them where none are named.
fn reduced(context: &Context<'_>, tensor: &Tensor) -> Result<Vec<usize>, GraphError> {
    let named = axes(context)?.unwrap_or_default();
    if named.is_empty() {
        let nothing = int(context.node, "noop_with_empty_axes", 0) != 0;
        return Ok(if nothing { vec![] } else { (0..tensor.dims.len()).collect() });
    }
    let axes: Option<Vec<usize>> = named.iter().map(|&axis| tensor.axis(axis)).collect();
    axes.ok_or_else(|| {
        let what = format!("its axes are not those of {:?} (with a batch of one)", tensor.dims);
        context.wrong(what, "the file is damaged: export it again")
    })
}

fn over_axes(
    context: &mut Context<'_>,
    tensor: &Tensor,
    over: &[usize],
    reduction: Reduction,
    dims: Vec<usize>,
) -> Result<Tensor, GraphError> {
    let rank = tensor.dims.len();
    let (reduced, kept): (Vec<usize>, Vec<usize>) = (0..rank).partition(|axis| over.contains(axis));
    let size = |axes: &[usize]| axes.iter().map(|&axis| tensor.dims[axis]).product::<usize>();
    let (window, channels) = (size(&reduced), size(&kept));
    if window == 1 {
        return Ok(context.push(Operator::Reshape, vec![tensor.id], dims));
    }
    if channels == 1 && matches!(reduction, Reduction::Mean | Reduction::Sum) {
        let weight = if reduction == Reduction::Mean { 1.0 / window as f64 } else { 1.0 };
        let weights = Matrix { columns: window, data: vec![weight; window] };
        return Ok(context.push(Operator::Dense { weights, bias: vec![0.0] }, vec![tensor.id], dims));
    }
    if reduction == Reduction::Sum && channels * channels * window <= MOST_SUMMED {
        let kept_order: Vec<usize> = kept.iter().chain(&reduced).copied().collect();
        let rows = moved(context, tensor, permuted(&tensor.dims, &kept_order), vec![1, channels, window]);
        let mut weights = Matrix::zeros(channels, channels * window);
        (0..channels).for_each(|channel| weights.row_mut(channel)[channel * window..][..window].fill(1.0));
        let operator = Operator::Dense { weights, bias: vec![0.0; channels] };
        return Ok(context.push(operator, vec![rows.id], dims));
    }
    // The reduced axes become an image's height and width, what is kept its channels.
    let order: Vec<usize> = reduced.iter().chain(&kept).copied().collect();
    let axes: Vec<usize> = reduced.iter().map(|&axis| tensor.dims[axis]).filter(|&dim| dim > 1).collect();
    let image = match axes[..] {
        [height, width] => [height, width, channels],
        _ => [1, window, channels],
    };
    let kernel = [image[0], image[1]].map(u16::try_from);
    let [Ok(height), Ok(width)] = kernel else { return Err(context.unsupported("it reduces over 65535 elements")) };
    let turned = moved(context, tensor, permuted(&tensor.dims, &order), vec![1, image[0], image[1], image[2]]);
    let turned = if reduction == Reduction::Min { negative(context, &turned)? } else { turned };
    let kind = if matches!(reduction, Reduction::Mean | Reduction::Sum) { PoolKind::Mean } else { PoolKind::Max };
    let pool = Pool { kind, image, window: WindowSpec::valid([height, width]) };
    let pooled = context.push(Operator::Pool(pool), vec![turned.id], vec![1, 1, 1, channels]);
    let pooled = match reduction {
        Reduction::Sum => match scaled(context, &pooled, window as f64)? {
            Value::Tensor(tensor) => tensor,
            _ => pooled,
        },
        Reduction::Min => negative(context, &pooled)?,
        Reduction::Mean | Reduction::Max => pooled,
    };
    Ok(context.push(Operator::Reshape, vec![pooled.id], dims))
}

fn negative(context: &mut Context<'_>, tensor: &Tensor) -> Result<Tensor, GraphError> {
    match scaled(context, tensor, -1.0)? {
        Value::Tensor(tensor) => Ok(tensor),
        other => Err(context.unsupported(format!("its input is {}", other.describe()))),
    }
}

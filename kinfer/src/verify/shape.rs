//! Proof of operators that move elements: no value changes, so that all there is to show is that they are there.

use super::{Node, OperatorReport};
use crate::error::Problem;
use crate::format::{Concat, Reshape, Slice, Tensor};

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn concat(node: &Node<'_>, concat: &Concat, report: &mut OperatorReport) -> Result<(), Problem> {
    let (second, range) = node.second;
    same_grid(&node.input, &node.output)?;
    same_grid(&second, &node.output)?;
    row(&node.input, concat.rows)?;
    row(&second, concat.rows)?;
    let both = node.input.elements().saturating_add(second.elements());
    if node.output.elements() != both {
        return Err(Problem::Shapes { input: both, output: node.output.elements() });
    }
    let all = node.range.union(range);
    report.reach(all, all);
    Ok(())
}

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn slice(node: &Node<'_>, slice: &Slice) -> Result<(), Problem> {
    same_grid(&node.input, &node.output)?;
    let width = row(&node.input, slice.rows)?;
    let count = row(&node.output, slice.rows)?;
    let (Some(steps), true) = (slice.count.checked_sub(1), slice.stride > 0) else {
        return Err(Problem::EmptySlice);
    };
    // Below 2^64: a product of two numbers below 2^32, and one more of them.
    let last = u64::from(steps).saturating_mul(u64::from(slice.stride)).saturating_add(u64::from(slice.start));
    if last >= width {
        return Err(Problem::Slice { last, width });
    }
    if u64::from(slice.count) != count {
        return Err(Problem::Shapes { input: node.input.elements(), output: node.output.elements() });
    }
    Ok(())
}

#[inline(never)]
pub(super) fn reshape(node: &Node<'_>, _reshape: &Reshape, report: &mut OperatorReport) -> Result<(), Problem> {
    same_grid(&node.input, &node.output)?;
    if node.input.elements() != node.output.elements() {
        return Err(Problem::Shapes { input: node.input.elements(), output: node.output.elements() });
    }
    report.operations = 0;
    Ok(())
}

/// Refuses tensors in which the same integer is not the same real number.
#[inline(never)]
pub(super) fn same_grid(one: &Tensor, other: &Tensor) -> Result<(), Problem> {
    if (one.element, one.zero_point, one.scale) != (other.element, other.zero_point, other.scale) {
        return Err(Problem::Grids);
    }
    Ok(())
}

/// Elements of one of `rows` rows.
#[inline(never)]
fn row(tensor: &Tensor, rows: u32) -> Result<u64, Problem> {
    let (elements, rows) = (tensor.elements(), u64::from(rows));
    match elements.checked_rem(rows) {
        Some(0) => elements.checked_div(rows).ok_or(Problem::Rows { is: rows, elements }),
        _ => Err(Problem::Rows { is: rows, elements }),
    }
}

//! Proof of pooling: every window has a pixel, so that a maximum is one of the input's values and no mean divides by zero.

use super::{window, Interval, Node, OperatorReport};
use crate::error::Problem;
use crate::format::{Pool, PoolMode, Rounding};

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(node: &Node<'_>, pool: &Pool, report: &mut OperatorReport) -> Result<(), Problem> {
    window::check(node, &pool.window)?;
    let (input, output) = (node.input.channels(), node.output.channels());
    if input != output {
        return Err(Problem::Channels { input, output });
    }
    let (from, to) = (&node.input, &node.output);
    if (from.element, from.scale, from.zero_point) != (to.element, to.scale, to.zero_point) {
        return Err(Problem::Grids);
    }
    let window = &pool.window;
    for (axis, kernel, [before, after]) in [
        (0, window.kernel[0], [window.before[0], window.after[0]]),
        (1, window.kernel[1], [window.before[1], window.after[1]]),
    ] {
        if before >= kernel || after >= kernel {
            return Err(Problem::InPadding { axis });
        }
    }

    let zero = Interval::point(i64::from(node.input.zero_point));
    let counts_padding = pool.mode == PoolMode::AveragePadded && window.is_padded();
    // A mean, rounded to the nearest integer, is between the integers that it is a mean of.
    let output = if counts_padding { node.range.union(zero) } else { node.range };
    let accumulator = match pool.mode {
        PoolMode::Max => node.range,
        PoolMode::Average | PoolMode::AveragePadded => sums(node, pool, output)?,
    };
    report.reach(accumulator, output);
    report.operations = report.operations.saturating_mul(window.taps() as u64);
    Ok(())
}

/// What the values of a window add up to, each in `of`: from one of them to as many as the window has taps.
fn sums(node: &Node<'_>, pool: &Pool, of: Interval) -> Result<Interval, Problem> {
    let overflow = Problem::Accumulator { channel: 0 };
    let each = match pool.rounding {
        Rounding::HalfEven => of.offset_down(i64::from(node.input.zero_point)).ok_or(overflow)?,
        _ => of,
    };
    let taps = i64::try_from(pool.window.taps()).map_err(|_| overflow)?;
    let all = Interval::point(0).add_product(taps, each).ok_or(overflow)?;
    Ok(each.union(all))
}

//! Proof of windows: images on both sides, and as many positions as the window has.

use super::Node;
use crate::error::Problem;
use crate::format::Window;

/// Proves that `window` goes from the node's input to its output.
#[inline(never)]
pub(super) fn check(node: &Node<'_>, window: &Window) -> Result<(), Problem> {
    let ([height, width, _, 1], [rows, columns, _, 1]) = (node.input.dims, node.output.dims) else {
        return Err(Problem::NotAnImage);
    };
    let [down, across] = window.positions([height, width]);
    for (axis, makes, has) in [(0, down, rows), (1, across, columns)] {
        if makes != has {
            return Err(Problem::Positions { axis, makes, has });
        }
    }
    Ok(())
}

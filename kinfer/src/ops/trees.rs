//! Decision trees on quantised values: ONNX-ML TreeEnsemble with mode `BRANCH_LEQ`, in integers.
//!
//! A float threshold `t` is `floor(t)` here, for `x <= t` and `x <= floor(t)` are the same for integers `x`; never
//! truncated toward zero. XGBoost's `x < t` is `x <= ceil(t) − 1`.

use crate::format::{Child, Split};

/// The value that stands for a missing one, in an operator with a missing-value branch.
pub const MISSING: i32 = i16::MIN as i32;

/// The deepest tree: comparisons from root to leaf.
pub const MAX_DEPTH: u32 = 32;

/// The most nodes of a tree.
pub const MAX_NODES: u32 = i16::MAX as u32;

/// Where `split` sends `value`. `missing` is whether the operator has a missing-value branch.
#[inline]
pub const fn step(split: &Split, missing: bool, value: i32) -> Child {
    let right = if missing && value == MISSING { split.missing_right } else { value > split.threshold as i32 };
    if right {
        split.right
    } else {
        split.left
    }
}

#[cfg(test)]
mod tests {
    use super::{step, MISSING};
    use crate::format::{Child, Split};

    const SPLIT: Split =
        Split { feature: 0, threshold: -3, missing_right: true, left: Child::Leaf(0), right: Child::Leaf(1) };

    #[test]
    fn a_value_at_the_threshold_goes_left() {
        assert_eq!(step(&SPLIT, false, -3), Child::Leaf(0));
        assert_eq!(step(&SPLIT, false, -2), Child::Leaf(1));
    }

    #[test]
    fn a_negative_threshold_is_a_floor() {
        // -2.5 is -3: -3 goes left, -2 goes right; truncation would send -2 left.
        assert_eq!(step(&SPLIT, false, -2), Child::Leaf(1));
    }

    #[test]
    fn a_missing_value_goes_where_the_node_says() {
        assert_eq!(step(&SPLIT, true, MISSING), Child::Leaf(1));
        assert_eq!(step(&Split { missing_right: false, ..SPLIT }, true, MISSING), Child::Leaf(0));
        assert_eq!(step(&SPLIT, false, MISSING), Child::Leaf(0));
    }
}

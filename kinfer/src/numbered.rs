//! Counting without a panic path.

/// Items with their number from 0, as far as `u32` counts. `enumerate` and `(0..).zip` both check the counter for overflow
/// where the kernel compiles with overflow checks, and that leaves a panic in the object.
pub(crate) fn numbered<T>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = (u32, T)> {
    (0..u32::MAX).zip(items)
}

//! Words as narrower integers, without a copy.
//!
//! Packed memory and scratch are words of 64 bits, so that they are aligned for whatever lies in them. None of these can
//! fail: the alignment of a word does for all, and its size is a multiple of theirs.

/// Two values a word, in the machine's order.
#[inline]
pub(crate) fn i32s(words: &[i64]) -> &[i32] {
    bytemuck::try_cast_slice(words).unwrap_or_default()
}

/// As [`i32s`], to write to.
#[inline]
pub(crate) fn i32s_mut(words: &mut [i64]) -> &mut [i32] {
    bytemuck::try_cast_slice_mut(words).unwrap_or_default()
}

/// Four values a word.
#[inline]
pub(crate) fn i16s(words: &[i64]) -> &[i16] {
    bytemuck::try_cast_slice(words).unwrap_or_default()
}

/// As [`i16s`], to write to.
#[inline]
pub(crate) fn i16s_mut(words: &mut [i64]) -> &mut [i16] {
    bytemuck::try_cast_slice_mut(words).unwrap_or_default()
}

//! Words as narrower integers, without a copy.
//!
//! Packed memory and scratch are words of 64 bits, so that they are aligned for whatever lies in them. To narrower
//! ones it cannot fail: the alignment of a word does for all, and its size is a multiple of theirs.

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

/// Whole words in values of half a word. Empty when they do not begin and end with a word.
#[inline]
pub(crate) fn i64s_mut(values: &mut [i32]) -> &mut [i64] {
    let even = values.len() & !1;
    let whole = values.get_mut(..even).unwrap_or_default();
    bytemuck::try_cast_slice_mut(whole).unwrap_or_default()
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

/// Words by `N`; none when their number is not a multiple of it.
#[inline]
pub(crate) fn arrays<const N: usize>(words: &[i64]) -> &[[i64; N]] {
    bytemuck::try_cast_slice(words).unwrap_or_default()
}

/// Two values in a word, the first in the low half.
#[inline]
pub(crate) const fn pair(low: i32, high: i32) -> i64 {
    (low as u32 as i64) | (high as i64) << 32
}

/// The two values of [`pair`].
#[inline]
pub(crate) const fn halves(word: i64) -> (i32, i32) {
    (word as i32, (word >> 32) as i32)
}

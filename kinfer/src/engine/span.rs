//! Parts of scratch, of packed memory, of the caller's state.

/// A part: where it begins, in words of 64 bits, and how many of its elements there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First word.
    pub at: u32,
    /// Elements: of a tensor `i32`s, two a word; of memory words.
    pub len: u32,
}

impl Span {
    /// The first word after the tensor.
    pub const fn tensor_end(self) -> u32 {
        self.at.saturating_add(self.len.div_ceil(2))
    }

    /// The first word after the memory.
    pub const fn end(self) -> u32 {
        self.at.saturating_add(self.len)
    }

    /// This part of memory; empty when it is not all there.
    #[inline]
    pub fn of(self, words: &[i64]) -> &[i64] {
        words.get(self.at as usize..).and_then(|tail| tail.get(..self.len as usize)).unwrap_or(&[])
    }

    /// As [`Span::of`], to write to.
    #[inline]
    pub fn of_mut(self, words: &mut [i64]) -> &mut [i64] {
        words.get_mut(self.at as usize..).and_then(|tail| tail.get_mut(..self.len as usize)).unwrap_or_default()
    }

    /// The tensor that lies here; empty when it is not all there.
    #[inline]
    pub fn tensor(self, words: &[i64]) -> &[i32] {
        let words = words.get(self.at as usize..).unwrap_or(&[]);
        crate::cast::i32s(words).get(..self.len as usize).unwrap_or(&[])
    }

    pub(super) const fn to_word(self) -> i64 {
        (self.at as i64) | (self.len as i64).wrapping_shl(32)
    }

    #[inline]
    pub(super) const fn from_word(word: i64) -> Self {
        Self { at: word as u32, len: (word >> 32) as u32 }
    }
}

//! Parts of scratch and of packed memory.

/// A part: where it begins and how long it is. Of a tensor both count `i32`s of scratch, of memory words of 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First element.
    pub at: u32,
    /// Elements.
    pub len: u32,
}

impl Span {
    /// The first element after it.
    pub const fn end(self) -> u32 {
        self.at.saturating_add(self.len)
    }

    /// This part, if it is all there.
    #[inline]
    pub fn get<T>(self, all: &[T]) -> Option<&[T]> {
        all.get(self.at as usize..)?.get(..self.len as usize)
    }

    /// This part; empty when it is not all there.
    #[inline]
    pub fn of<T>(self, all: &[T]) -> &[T] {
        self.get(all).unwrap_or_default()
    }

    /// As [`Span::of`], to write to.
    #[inline]
    pub fn of_mut<T>(self, all: &mut [T]) -> &mut [T] {
        all.get_mut(self.at as usize..).and_then(|tail| tail.get_mut(..self.len as usize)).unwrap_or_default()
    }

    pub(super) const fn to_word(self) -> i64 {
        (self.at as i64) | (self.len as i64).wrapping_shl(32)
    }

    #[inline]
    pub(super) const fn from_word(word: i64) -> Self {
        Self { at: word as u32, len: (word >> 32) as u32 }
    }
}

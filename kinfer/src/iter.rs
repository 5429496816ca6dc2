//! Iterators without a panic path.
//!
//! The kernel compiles with overflow checks, and the standard library's `enumerate`, `(0..).zip(…)` and `zip` over
//! `chunks_exact` then leave calls of `core::panicking` in the object.

/// Items with their number from 0, as `enumerate`.
pub(crate) fn numbered<I: IntoIterator>(items: I) -> Numbered<I::IntoIter> {
    Numbered { items: items.into_iter(), next: 0 }
}

/// Slices of `size` items, as `chunks_exact`; none when `size` is zero.
pub(crate) const fn chunks<T>(items: &[T], size: usize) -> Chunks<'_, T> {
    Chunks { items, size }
}

/// As [`chunks`], to write to.
pub(crate) const fn chunks_mut<T>(items: &mut [T], size: usize) -> ChunksMut<'_, T> {
    ChunksMut { items, size }
}

/// See [`numbered`].
pub(crate) struct Numbered<I> {
    items: I,
    next: u32,
}

impl<I: Iterator> Iterator for Numbered<I> {
    type Item = (u32, I::Item);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let item = self.items.next()?;
        let number = self.next;
        self.next = number.wrapping_add(1);
        Some((number, item))
    }
}

/// See [`chunks`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks<'a, T> {
    items: &'a [T],
    size: usize,
}

impl<'a, T> Iterator for Chunks<'a, T> {
    type Item = &'a [T];

    #[inline]
    fn next(&mut self) -> Option<&'a [T]> {
        let (chunk, rest) = self.items.split_at_checked(self.size).filter(|(chunk, _)| !chunk.is_empty())?;
        self.items = rest;
        Some(chunk)
    }
}

/// See [`chunks_mut`].
pub(crate) struct ChunksMut<'a, T> {
    items: &'a mut [T],
    size: usize,
}

impl<'a, T> Iterator for ChunksMut<'a, T> {
    type Item = &'a mut [T];

    #[inline]
    fn next(&mut self) -> Option<&'a mut [T]> {
        let items = core::mem::take(&mut self.items);
        let (chunk, rest) = items.split_at_mut_checked(self.size).filter(|(chunk, _)| !chunk.is_empty())?;
        self.items = rest;
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::{chunks, chunks_mut, numbered};
    use std::vec::Vec;

    #[test]
    fn a_rest_shorter_than_a_chunk_is_left_out() {
        assert_eq!(chunks(&[1u8, 2, 3, 4, 5], 2).collect::<Vec<_>>(), [[1, 2], [3, 4]]);
        assert_eq!(chunks(&[1u8, 2, 3], 0).count(), 0);
        let mut bytes = [1u8, 2, 3, 4, 5];
        for (number, chunk) in numbered(chunks_mut(&mut bytes, 2)) {
            chunk.fill(number as u8);
        }
        assert_eq!(bytes, [0, 0, 1, 1, 5]);
    }
}

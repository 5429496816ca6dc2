//! Iterators without a panic path.
//!
//! The kernel compiles with overflow checks, and the standard library's `enumerate`, `(0..).zip(…)` and `zip` over
//! `chunks_exact` then leave calls of `core::panicking` in the object.

/// Items with their number from 0, as `enumerate`.
pub(crate) fn numbered<I: IntoIterator>(items: I) -> Numbered<I::IntoIter> {
    Numbered { items: items.into_iter(), next: 0 }
}

/// Slices of `size` bytes, as `chunks_exact`; none when `size` is zero.
pub(crate) const fn chunks(bytes: &[u8], size: usize) -> Chunks<'_> {
    Chunks { bytes, size }
}

/// As [`chunks`], to write to.
pub(crate) const fn chunks_mut(bytes: &mut [u8], size: usize) -> ChunksMut<'_> {
    ChunksMut { bytes, size }
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
pub(crate) struct Chunks<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (chunk, rest) = self.bytes.split_at_checked(self.size).filter(|(chunk, _)| !chunk.is_empty())?;
        self.bytes = rest;
        Some(chunk)
    }
}

/// See [`chunks_mut`].
pub(crate) struct ChunksMut<'a> {
    bytes: &'a mut [u8],
    size: usize,
}

impl<'a> Iterator for ChunksMut<'a> {
    type Item = &'a mut [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a mut [u8]> {
        let bytes = core::mem::take(&mut self.bytes);
        let (chunk, rest) = bytes.split_at_mut_checked(self.size).filter(|(chunk, _)| !chunk.is_empty())?;
        self.bytes = rest;
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::{chunks, chunks_mut, numbered};
    use std::vec::Vec;

    #[test]
    fn a_rest_shorter_than_a_chunk_is_left_out() {
        assert_eq!(chunks(&[1, 2, 3, 4, 5], 2).collect::<Vec<_>>(), [[1, 2], [3, 4]]);
        assert_eq!(chunks(&[1, 2, 3], 0).count(), 0);
        let mut bytes = [1, 2, 3, 4, 5];
        for (number, chunk) in numbered(chunks_mut(&mut bytes, 2)) {
            chunk.fill(number as u8);
        }
        assert_eq!(bytes, [0, 0, 1, 1, 5]);
    }
}

//! Filling packed memory from its front.

/// Packed memory that is not written yet. What does not fit is left out: the verifier has counted the words.
pub(super) struct Writer<'a>(pub(super) &'a mut [i64]);

impl<'a> Writer<'a> {
    /// One word.
    pub(super) fn word(&mut self, word: i64) {
        if let Some(to) = self.take(1).first_mut() {
            *to = word;
        }
    }

    /// Two values in a word, the first in the low half.
    pub(super) fn pair(&mut self, low: i32, high: i32) {
        self.word(i64::from(low as u32) | i64::from(high).wrapping_shl(32));
    }

    /// The next `words`, to fill.
    pub(super) fn take(&mut self, words: usize) -> &'a mut [i64] {
        let all = core::mem::take(&mut self.0);
        let (taken, rest) = all.split_at_mut_checked(words).unwrap_or_default();
        self.0 = rest;
        taken
    }
}

/// The two values of [`Writer::pair`].
#[inline]
pub(super) const fn halves(word: i64) -> (i32, i32) {
    (word as i32, (word >> 32) as i32)
}

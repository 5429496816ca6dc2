//! Filling packed memory from its front. Functions of their own: every operator calls them.

use crate::cast::{i16s_mut, i32s_mut};
use crate::format::{ChannelIter, Entries, Rounding, WeightsIter, Window};
use crate::ops::requantize::Output;
use crate::ops::window::Windows;
use crate::verify::Node;

/// Packed memory that is not written yet. What does not fit is left out: the verifier has counted the words.
pub(super) struct Writer<'a>(pub(super) &'a mut [i64]);

impl<'a> Writer<'a> {
    /// One word.
    #[inline(never)]
    pub(super) fn word(&mut self, word: i64) {
        if let Some(to) = self.take(1).first_mut() {
            *to = word;
        }
    }

    /// Two values in a word, the first in the low half.
    #[inline(never)]
    pub(super) fn pair(&mut self, low: i32, high: i32) {
        self.word(i64::from(low as u32) | i64::from(high).wrapping_shl(32));
    }

    /// As many of `values` as fit `words`, two a word.
    #[inline(never)]
    pub(super) fn values(&mut self, words: usize, values: Entries<'_>) {
        values.copy_to(i32s_mut(self.take(words)));
    }

    /// The weights of a channel, four a word.
    #[inline(never)]
    pub(super) fn weights(&mut self, words: usize, weights: WeightsIter<'_>) {
        for (to, weight) in i16s_mut(self.take(words)).iter_mut().zip(weights) {
            *to = weight as i16; // weights have at most 16 bits
        }
    }

    /// Of each channel bias and factor, then its weights in `words`.
    #[inline(never)]
    pub(super) fn channels(&mut self, channels: ChannelIter<'_>, words: usize) {
        for channel in channels {
            self.word(channel.bias);
            self.pair(channel.factor.multiplier, i32::from(channel.factor.shift));
            self.weights(words, channel.weights());
        }
    }

    /// What all channels share.
    #[inline(never)]
    pub(super) fn output(&mut self, output: Output) {
        self.place(output.zero_point, output.rounding, output.lo, output.hi);
    }

    /// A zero point and a rounding, then the bounds.
    #[inline(never)]
    pub(super) fn place(&mut self, zero_point: i32, rounding: Rounding, lo: i32, hi: i32) {
        self.pair(zero_point, i32::from(rounding as u8));
        self.pair(lo, hi);
    }

    /// Windows.
    #[inline(never)]
    pub(super) fn windows(&mut self, window: &Window, node: &Node<'_>) {
        for word in Windows::new(window, node.input.size()).to_words() {
            self.word(word);
        }
    }

    /// The next `words`, to fill.
    #[inline(never)]
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

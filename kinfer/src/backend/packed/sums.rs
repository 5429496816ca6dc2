//! The sums of a block: `bias + Σ input · word`, all words side by side.

use crate::cast::arrays;

/// Inputs to sum over.
pub(super) trait Sums: Copy {
    /// Adds the products of the inputs and their words to `sums`; `weights` has `W` words an input.
    fn sum<const W: usize>(self, sums: &mut [i64; W], weights: &[i64]);
}

/// All of them.
#[derive(Clone, Copy)]
pub(super) struct All<'a>(pub(super) &'a [i32]);

impl Sums for All<'_> {
    #[inline(always)]
    fn sum<const W: usize>(self, sums: &mut [i64; W], weights: &[i64]) {
        // With many words, the loop needs the registers to itself.
        if W > 2 {
            sum_apart(self.0, sums, weights);
        } else {
            sum_all(self.0, sums, weights);
        }
    }
}

#[inline(never)]
fn sum_apart<const W: usize>(inputs: &[i32], sums: &mut [i64; W], weights: &[i64]) {
    sum_all(inputs, sums, weights);
}

#[inline(always)]
pub(super) fn sum_all<const W: usize>(inputs: &[i32], to: &mut [i64; W], weights: &[i64]) {
    let mut sums = *to;
    let columns: &[[i64; W]] = arrays(weights);
    for (words, &input) in columns.iter().zip(inputs) {
        add(&mut sums, words, i64::from(input));
    }
    *to = sums;
}

/// Some of them: each entry has a value in its low half and the number of its input in the high.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a>(&'a [i64]);

impl<'a> Listed<'a> {
    /// The entries of a list that begins with their number.
    #[inline]
    pub(super) fn new(list: &'a [i64]) -> Self {
        let entries = list.split_first().and_then(|(&count, entries)| entries.get(..count as usize));
        Self(entries.unwrap_or_default())
    }
}

impl Sums for Listed<'_> {
    #[inline(never)]
    fn sum<const W: usize>(self, to: &mut [i64; W], weights: &[i64]) {
        let mut sums = *to;
        let columns: &[[i64; W]] = arrays(weights);
        for &entry in self.0 {
            if let Some(words) = columns.get((entry as u64).wrapping_shr(32) as usize) {
                add(&mut sums, words, i64::from(entry as i32));
            }
        }
        *to = sums;
    }
}

#[inline]
fn add<const W: usize>(sums: &mut [i64; W], words: &[i64; W], input: i64) {
    for (sum, word) in sums.iter_mut().zip(words) {
        *sum = sum.wrapping_add(word.wrapping_mul(input));
    }
}

//! A function of one value, from a table: Sigmoid, Tanh, HardSigmoid, HardSwish, Gelu, Elu, Softplus, whatever the
//! converter sampled.
//!
//! *Direct*, for int8: one entry for each of the 256 inputs, from −128 up, in the type of the output.
//!
//! *Interpolated*, for int16: `2^k` segments of equal width between `2^k + 1` knots; knot `i` is the output, zero point
//! included, at `q = −32768 + i · 2^(16 − k)` in units of `2^−fraction`. With `t = q + 32768`, `i = t / 2^(16 − k)` rounded
//! down and `r` the remainder,
//!
//! `out = clamp(half_even((knot[i] · 2^(16 − k) + (knot[i + 1] − knot[i]) · r) / 2^(16 − k + fraction)), lo, hi)`.
//!
//! A function that saturates (HardSigmoid) is sampled without its bounds, which are `lo` and `hi`: its corners are exact.

use super::divide::{clamp, Divide};
use crate::format::Rounding;

/// Entries of a direct table.
pub const DIRECT_ENTRIES: usize = 256;
/// Bits of an input of an interpolated table.
pub const INPUT_BITS: u8 = 16;

/// How an interpolated table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interpolation {
    /// Bits of the position in a segment, 0 to 16: what the segments' number leaves of 16.
    pub position_bits: u8,
    /// From a position and a knot's fraction to an output.
    pub divide: Divide,
    /// Smallest result.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Interpolation {
    /// Over `2^segment_bits` segments of knots with `fraction` bits behind the point.
    #[inline]
    pub fn new(segment_bits: u8, fraction: u8, lo: i32, hi: i32) -> Self {
        let position_bits = INPUT_BITS.wrapping_sub(segment_bits);
        Self { position_bits, divide: Divide::new(position_bits.wrapping_add(fraction), Rounding::HalfEven), lo, hi }
    }

    /// The segment of an int16 input, and the position in it.
    #[inline]
    pub fn segment(self, q: i32) -> (usize, i64) {
        let from_lowest = q.wrapping_sub(i32::from(i16::MIN)) as u16;
        let bits = u32::from(self.position_bits);
        let mask = 1u32.wrapping_shl(bits).wrapping_sub(1);
        (u32::from(from_lowest).wrapping_shr(bits) as usize, i64::from(u32::from(from_lowest) & mask))
    }

    /// The output at `position` of a segment that begins at the knot `from` and ends at `to`. Between the outputs at both,
    /// and monotone in the position.
    #[inline]
    pub fn between(self, from: i32, to: i32, position: i64) -> i32 {
        let (from, to) = (i64::from(from), i64::from(to));
        let start = from.wrapping_shl(u32::from(self.position_bits));
        // Below 2^31 · 2^16 + 2^32 · 2^16.
        let exact = start.wrapping_add(to.wrapping_sub(from).wrapping_mul(position));
        clamp(self.divide.of(exact), self.lo, self.hi)
    }
}

/// The output for an int16 input; `None` when the table is shorter than it should be.
#[inline]
pub fn interpolate(knots: &[i32], q: i32, interpolation: Interpolation) -> Option<i32> {
    let (segment, position) = interpolation.segment(q);
    let (&from, &to) = (knots.get(segment)?, knots.get(segment.wrapping_add(1))?);
    Some(interpolation.between(from, to, position))
}

/// Where the entry of an int8 input lies in a table whose entries begin with those of inputs from 0 up and end with those
/// from −128 to −1: in such an order, the low byte of the input is the index.
#[inline]
pub const fn wrapped_index(q: i32) -> u8 {
    q as u8
}

#[cfg(test)]
mod tests {
    use super::{interpolate, wrapped_index, Interpolation};
    use std::vec::Vec;

    #[test]
    fn knots_are_met_and_between_them_is_a_line() {
        // Two segments: 0 at −32768, 4 at 0, −4 at 32768, with 2 bits behind the point.
        let knots = [0, 16, -16];
        let interpolation = Interpolation::new(1, 2, -128, 127);
        let of = |q: i32| interpolate(&knots, q, interpolation);
        let out: Vec<_> = [-32_768, -16_384, 0, 8_192, 16_384, 32_767].into_iter().filter_map(of).collect();
        assert_eq!(out, [0, 2, 4, 2, 0, -4]);
        // A tie at an eighth of the way: half a unit goes to the even 0.
        assert_eq!((of(-32_768 + 4_096), of(-32_768 + 4_097)), (Some(0), Some(1)));
    }

    #[test]
    fn a_knot_for_every_input_is_a_direct_table() {
        let knots: Vec<i32> = (0..=65_536).map(|i| (i * 7) % 1_000).collect();
        let interpolation = Interpolation::new(16, 0, -32_768, 32_767);
        for q in -32_768..=32_767 {
            assert_eq!(interpolate(&knots, q, interpolation), Some(((q + 32_768) * 7) % 1_000));
        }
    }

    #[test]
    fn one_segment_spans_the_whole_type_and_the_widest_knots_do_not_wrap() {
        let knots = [i32::MIN, i32::MAX];
        let interpolation = Interpolation::new(0, 0, i32::MIN, i32::MAX);
        let of = |q| interpolate(&knots, q, interpolation).unwrap();
        assert_eq!((of(-32_768), of(32_767)), (i32::MIN, i32::MAX - 65_536));
        // The middle is at −½: a tie, to the even 0.
        assert_eq!(of(0), 0);
    }

    #[test]
    fn a_table_that_is_too_short_gives_nothing() {
        assert_eq!(interpolate(&[1, 2], 32_767, Interpolation::new(1, 0, 0, 9)), None);
    }

    #[test]
    fn inputs_from_zero_come_first() {
        assert_eq!([0, 1, 127, -128, -1].map(wrapped_index), [0, 1, 127, 128, 255]);
    }
}

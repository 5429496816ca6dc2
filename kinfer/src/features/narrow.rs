//! [`affine`](super::affine) in 64 bits, bit for bit the same.
//!
//! The map is monotone, so there is a range of counters outside of which its result saturates. A counter clamped to that
//! range has the same result; and when the sums at both ends of the range fit 64 bits, so does every sum between.

use super::affine::Affine;
use crate::format::Rounding;

/// Sums stay below this, and not below it negated, so that adding half a unit cannot overflow.
const SUM_LIMIT: i128 = 1 << 62;

/// An affine step whose sums fit 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Narrow {
    /// Smallest counter that need not be told from smaller ones.
    pub(super) first: i64,
    /// Largest counter that need not be told from larger ones.
    pub(super) last: i64,
    pub(super) multiplier: i64,
    /// What is added before the shift, modulo 2^64; where the step rounds, half a unit is part of it, less one
    /// with ties.
    pub(super) bias: i64,
    pub(super) shift: u8,
    /// Whether a counter in the range can be a tie, which the rounding sends to the even integer.
    pub(super) ties: bool,
}

impl Narrow {
    /// The same map as `affine` saturated to `lo..=hi`, if 64 bits are enough.
    pub(super) fn of(affine: Affine, lo: i32, hi: i32) -> Option<Self> {
        let affine = reduce(affine);
        // Rising: results up to `lo` come first. Falling: results from `hi` on.
        let (begin, end) = if affine.multiplier >= 0 {
            (i64::from(lo).wrapping_add(1), i64::from(hi))
        } else {
            (1i64.wrapping_sub(i64::from(hi)), i64::from(lo).wrapping_neg())
        };
        let first = last(&affine, begin).unwrap_or(i64::MIN);
        let last = last(&affine, end).map_or(i64::MIN, |raw| raw.saturating_add(1)).max(first);
        if affine.shift > 62 || !fits(&affine, first) || !fits(&affine, last) {
            return None;
        }
        let rounds = affine.shift > 0 && affine.rounding != Rounding::Shift;
        let ties = rounds && affine.rounding == Rounding::HalfEven && has_tie(&affine, first, last);
        let half = if rounds { 1i64.wrapping_shl(u32::from(affine.shift).wrapping_sub(1)) } else { 0 };
        let bias = (affine.bias as i64).wrapping_add(half).wrapping_sub(i64::from(ties));
        Some(Self { first, last, multiplier: affine.multiplier, bias, shift: affine.shift, ties })
    }

    /// The result before it saturates.
    #[inline]
    pub(super) fn round(self, raw: i64) -> i64 {
        // The product may wrap: the sum does not, and is what counts.
        let raw = raw.max(self.first).min(self.last);
        let sum = raw.wrapping_mul(self.multiplier).wrapping_add(self.bias);
        let shift = u32::from(self.shift);
        // One more makes a tie go up that is odd, and changes nothing where what is added has carried already.
        let odd = sum.wrapping_shr(shift) & i64::from(self.ties);
        sum.wrapping_add(odd).wrapping_shr(shift)
    }
}

fn fits(affine: &Affine, raw: i64) -> bool {
    affine.sum(raw).wrapping_add(SUM_LIMIT) as u128 >> 63 == 0
}

/// The same map with the smallest shift: what multiplier and bias have in common is in no sum.
fn reduce(affine: Affine) -> Affine {
    // Of a multiplier of 0 and a bias far up there may be more: then the wide form, which gives the same.
    let common = (affine.multiplier | affine.bias as i64).trailing_zeros().min(u32::from(affine.shift)).min(63);
    Affine {
        multiplier: affine.multiplier.wrapping_shr(common),
        bias: affine.bias.wrapping_shr(common),
        shift: affine.shift.wrapping_sub(common as u8),
        ..affine
    }
}

/// The largest counter whose result, negated if results fall, is below `end`; `None` when there is none.
#[inline(never)]
fn last(affine: &Affine, end: i64) -> Option<i64> {
    let falls = i128::from(affine.multiplier >> 63);
    let below = |counter| (affine.round(counter) ^ falls).wrapping_sub(falls) < i128::from(end);
    let (mut found, mut bit) = (0u64, 1u64 << 63);
    while bit > 0 {
        if below(counter(found | bit)) {
            found |= bit;
        }
        bit >>= 1;
    }
    (found > 0 || below(i64::MIN)).then(|| counter(found))
}

/// The counter `above` the smallest.
const fn counter(above: u64) -> i64 {
    (above ^ (1 << 63)) as i64
}

/// Whether a counter in `first..=last` makes a sum half-way between two integers: a solution of
/// `raw · multiplier + bias ≡ half` modulo `2^shift`, the shift being 1 to 62.
fn has_tie(affine: &Affine, first: i64, last: i64) -> bool {
    let mask = |bits: u32| 1u64.wrapping_shl(bits).wrapping_sub(1);
    let shift = u32::from(affine.shift);
    let wanted = 1u64.wrapping_shl(shift.wrapping_sub(1)).wrapping_sub(affine.bias as u64) & mask(shift);
    let even = affine.multiplier.trailing_zeros();
    if even >= shift {
        return wanted == 0;
    }
    if wanted & mask(even) != 0 {
        return false;
    }
    let odd = (affine.multiplier as u64).wrapping_shr(even);
    let solution = wanted.wrapping_shr(even).wrapping_mul(inverse(odd));
    let next = solution.wrapping_sub(first as u64) & mask(shift.wrapping_sub(even));
    next <= (last as u64).wrapping_sub(first as u64)
}

/// `odd · inverse(odd) ≡ 1` modulo 2^64, by Newton's iteration: each doubles the bits that are right.
fn inverse(odd: u64) -> u64 {
    let mut x = odd.wrapping_mul(3) ^ 2;
    loop {
        let product = odd.wrapping_mul(x);
        if product == 1 {
            return x;
        }
        x = x.wrapping_mul(2u64.wrapping_sub(product));
    }
}

#[cfg(test)]
mod tests {
    use super::super::affine::{quantize, Affine};
    use super::{inverse, last, Narrow};
    use crate::format::Rounding;

    fn same(affine: Affine, lo: i32, hi: i32) -> Narrow {
        let narrow = Narrow::of(affine, lo, hi).unwrap();
        let near = [i64::MIN, narrow.first, 0, narrow.last, i64::MAX];
        for raw in near.iter().flat_map(|&raw| (-300..300i64).map(move |by| raw.saturating_add(by))) {
            let q = narrow.round(raw).clamp(i64::from(lo), i64::from(hi)) as i32;
            assert_eq!(q, quantize(raw, affine, lo, hi), "{affine:?} at {raw}");
        }
        narrow
    }

    #[test]
    fn gives_the_same_as_the_wide_form() {
        for rounding in [Rounding::HalfEven, Rounding::TfliteSingle, Rounding::Shift] {
            for multiplier in [0, 1, -1, 2, 3, -3, 40, 1 << 20, -(1 << 20), 0x1234_5677, (1 << 52) - 1] {
                for bias in [0, 1, -1, 2, 1 << 20, -(1 << 24), 0x7654_3210] {
                    for shift in [0, 1, 2, 7, 22, 40, 50] {
                        for (lo, hi) in [(-128, 127), (0, 9), (5, 5), (-32_768, 32_767)] {
                            let affine = Affine { multiplier, bias, shift, rounding };
                            if Narrow::of(affine, lo, hi).is_some() {
                                same(affine, lo, hi);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn counters_beyond_saturation_are_not_told_apart() {
        let affine = Affine { multiplier: 1 << 20, bias: 0, shift: 22, rounding: Rounding::HalfEven };
        let narrow = same(affine, -128, 127);
        assert_eq!((narrow.first, narrow.last), (-510, 507)); // −127.5 goes to −128, 126.5 to 126
        assert_eq!((narrow.multiplier, narrow.shift, narrow.ties), (1, 2, true));
    }

    #[test]
    fn ties_are_found_only_where_a_counter_reaches_one() {
        let ties = |multiplier, bias, shift| {
            let affine = Affine { multiplier, bias, shift, rounding: Rounding::HalfEven };
            same(affine, -128, 127).ties
        };
        assert!(ties(1, 0, 1));
        assert!(!ties(2, 1, 2), "odd quarters");
        assert!(ties(2, 0, 2));
        assert!(!ties(0x4000_0001, 7, 40), "its tie is at a counter that saturates");
        assert!(!ties(0, 1, 2));
        assert!(ties(0, 2, 2), "the constant a half");
    }

    #[test]
    fn sums_that_need_more_bits_are_left_to_the_wide_form() {
        let affine = Affine { multiplier: (1 << 61) - 1, bias: 0, shift: 96, rounding: Rounding::HalfEven };
        assert_eq!(Narrow::of(affine, -128, 127), None);
    }

    #[test]
    fn the_last_counter_is_found_at_every_place() {
        for at in [i64::MIN, -5, -1, 0, 1, 77, i64::MAX] {
            let after = |multiplier: i64| Affine {
                multiplier,
                bias: -i128::from(at) * i128::from(multiplier),
                shift: 0,
                rounding: Rounding::Shift,
            };
            assert_eq!(last(&after(1), 1), Some(at));
            assert_eq!(last(&after(-1), 1), Some(at));
        }
        let constant = Affine { multiplier: 0, bias: 5, shift: 0, rounding: Rounding::Shift };
        assert_eq!((last(&constant, 5), last(&constant, 6)), (None, Some(i64::MAX)));
    }

    #[test]
    fn inverses_are_inverse() {
        for odd in [1u64, 3, 5, 0xffff_ffff_ffff_ffff, 0x1234_5677, 1 << 63 | 1] {
            assert_eq!(odd.wrapping_mul(inverse(odd)), 1);
        }
    }
}

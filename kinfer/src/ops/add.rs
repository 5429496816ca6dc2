//! ONNX Add and Sub on quantised values.
//!
//! `out = clamp(zero_point_out + round(((a − zero_a) · multiplier_a + (b − zero_b) · multiplier_b) / 2^shift), lo, hi)`:
//! one rounding of the exact sum. A subtraction has a negative multiplier. A second tensor of one element is added to
//! every element of the first.

use super::divide::{Divide, Place};

/// One operand: its zero point, and what a unit of it is in the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Quantised value of real zero.
    pub zero_point: i32,
    /// Factor in the sum.
    pub multiplier: i32,
}

impl Term {
    /// The operand's part of the sum: below 2^48 for operands of 16 bits.
    #[inline]
    pub fn of(self, q: i32) -> i64 {
        i64::from(q).wrapping_sub(i64::from(self.zero_point)).wrapping_mul(i64::from(self.multiplier))
    }
}

/// Adds `b`, of as many elements or of one, to `a`.
#[inline]
pub fn add(terms: (Term, Term), divide: Divide, place: Place, a: &[i32], b: &[i32], output: &mut [i32]) {
    let (term_a, term_b) = terms;
    if let &[b] = b {
        let b = term_b.of(b);
        for (out, &a) in output.iter_mut().zip(a) {
            *out = place.of(divide.of(term_a.of(a).wrapping_add(b)));
        }
    } else {
        for (out, (&a, &b)) in output.iter_mut().zip(a.iter().zip(b)) {
            *out = place.of(divide.of(term_a.of(a).wrapping_add(term_b.of(b))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{add, Divide, Place, Term};
    use crate::format::Rounding;

    const PLACE: Place = Place { zero_point: 1, lo: -128, hi: 127 };

    #[test]
    fn the_sum_is_rounded_once() {
        // Halves of 1 and 1 make 1, where two roundings to even would make 0.
        let term = |zero_point| Term { zero_point, multiplier: 1 };
        let mut output = [0; 3];
        let half = Divide::new(1, Rounding::HalfEven);
        add((term(10), term(-10)), half, PLACE, &[11, 12, 127], &[-9, -9, 127], &mut output);
        assert_eq!(output, [2, 3, 127]);
    }

    #[test]
    fn one_element_is_added_to_all_and_a_negative_multiplier_subtracts() {
        let terms = (Term { zero_point: 0, multiplier: 2 }, Term { zero_point: 0, multiplier: -1 });
        let mut output = [0; 3];
        add(terms, Divide::new(0, Rounding::HalfEven), PLACE, &[1, 2, 3], &[5], &mut output);
        assert_eq!(output, [-2, 0, 2]);
    }
}

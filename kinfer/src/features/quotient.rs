//! Ratio of two counters in fixed point, in divisions of 64 bits: the kernel has none of 128.

use super::saturate::shift_left;

/// Largest binary point of a ratio.
pub const MAX_SHIFT: u8 = 32;

/// `⌊a · 2^shift / b⌋`, saturated to 64 bits; 0 when `b` is not above zero. `shift` is at most [`MAX_SHIFT`].
#[inline(never)]
pub fn ratio(a: i64, b: i64, shift: u8) -> i64 {
    let divisor = b.max(1);
    // a = whole · b + rest, the rest in 0..b
    let whole = a.checked_div(divisor).unwrap_or(0);
    let rest = a.wrapping_sub(whole.wrapping_mul(divisor));
    let below = i64::from(rest < 0);
    let (whole, rest) = (whole.wrapping_sub(below), rest.wrapping_add(divisor & below.wrapping_neg()));
    let fraction = fraction(rest as u64, divisor as u64) >> (u32::from(MAX_SHIFT).wrapping_sub(u32::from(shift)) & 63);

    shift_left(whole, shift, fraction as i64) & i64::from(b > 0).wrapping_neg()
}

/// `⌊rest · 2^32 / divisor⌋` for a rest below the divisor, which is below 2^63: one digit of Knuth's algorithm D (The Art of
/// Computer Programming, 4.3.1), in base 2^32.
#[inline]
fn fraction(rest: u64, divisor: u64) -> u64 {
    let zeros = divisor.leading_zeros() & 63;
    let (rest, divisor) = (rest.wrapping_shl(zeros), divisor.wrapping_shl(zeros));
    let (high, low) = (divisor >> 32, divisor & 0xffff_ffff);
    // At most two more than the digit, because the divisor's highest bit is set.
    let mut digit = rest.checked_div(high).unwrap_or(0).min(0xffff_ffff);
    let mut left = rest.wrapping_sub(digit.wrapping_mul(high));
    for _ in 0..2 {
        // What is left, with 32 zero bits behind it, must cover the digit's product with the lower half.
        let over = u64::from(left >> 32 == 0) & u64::from(digit.wrapping_mul(low) > left << 32);
        digit = digit.wrapping_sub(over);
        left = left.wrapping_add(high & over.wrapping_neg());
    }
    digit
}

#[cfg(test)]
mod tests {
    use super::{ratio, MAX_SHIFT};

    fn expected(a: i64, b: i64, shift: u8) -> i64 {
        if b <= 0 {
            return 0;
        }
        let quotient = (i128::from(a) << shift).div_euclid(i128::from(b));
        quotient.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    #[test]
    fn rounds_down_on_both_sides_of_zero() {
        assert_eq!((ratio(1, 3, 16), ratio(-1, 3, 16)), (21_845, -21_846));
        assert_eq!((ratio(7, 2, 0), ratio(-7, 2, 0), ratio(-8, 2, 0)), (3, -4, -4));
    }

    #[test]
    fn a_divisor_that_is_not_above_zero_gives_zero() {
        for b in [0, -1, i64::MIN] {
            assert_eq!((ratio(5, b, 8), ratio(i64::MIN, b, 8)), (0, 0));
        }
    }

    #[test]
    fn equals_the_division_of_128_bits() {
        let ends = [i64::MIN, i64::MIN + 1, -5, -1, 0, 1, 2, 3, 1 << 31, 1 << 32, i64::MAX - 1, i64::MAX];
        for a in ends {
            for b in ends {
                for shift in 0..=MAX_SHIFT {
                    assert_eq!(ratio(a, b, shift), expected(a, b, shift), "{a} / {b} at {shift}");
                }
            }
        }
        let mut x: u64 = 1;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = (x >> 58) as u32;
            ((x ^ x << 29) as i64) >> bits
        };
        for round in 0..200_000 {
            let (a, b, shift) = (next(), next(), (round % 33) as u8);
            assert_eq!(ratio(a, b, shift), expected(a, b, shift), "{a} / {b} at {shift}");
        }
    }
}

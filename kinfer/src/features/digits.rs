//! Decimal digits of a counter: LinnOS's encoding of queue lengths and latencies (Hao et al., "LinnOS: Predictability on
//! Unpredictable Flash Storage with a Light Neural Network", OSDI 2020).
//!
//! No division: the counter is multiplied by 2^60 / 10^(n − 1), which puts its first digit above the binary point; ten times
//! what is left puts the next one there. Exact for nine digits at a time: see [`reciprocal`].

/// The most digits of a step.
pub const MAX_DIGITS: u16 = 18;
/// Digits at a time.
const GROUP: usize = 9;
/// Position of the binary point.
const POINT: u32 = 60;
/// [`reciprocal`] of nine digits.
const NINE: u64 = (1 << POINT) / 100_000_000 + 1;

/// `10^digits − 1`, the largest counter that has so many digits, at most [`MAX_DIGITS`].
pub fn largest(digits: u16) -> i64 {
    power_of_ten(digits).wrapping_sub(1)
}

#[inline(never)]
fn power_of_ten(exponent: u16) -> i64 {
    let mut power = 1i64;
    for _ in 0..exponent {
        power = power.wrapping_mul(10);
    }
    power
}

/// The factor for the first group of `digits` digits, at most [`MAX_DIGITS`].
///
/// Of a group of n: `⌊2^60 / 10^(n − 1)⌋ + 1`. It is too large by 1 at most, and the counter is below 10^n, so that the product
/// is too large by less than 10^n, in units of 2^-60. The last digit counts 10^(n − 1) times as much, and 10^(2n − 1) < 2^60 for
/// n up to 9: no digit changes. The product is below 10 · 2^60 + 10^n < 2^64.
pub fn reciprocal(digits: u16) -> i64 {
    let group = if usize::from(digits) > GROUP { digits.wrapping_sub(GROUP as u16) } else { digits };
    let power = power_of_ten(group.saturating_sub(1));
    (1i64 << POINT).checked_div(power).unwrap_or(0).wrapping_add(1)
}

/// Writes `base` and the digits of `clamp(x, 0, largest)`, as many as `to` has elements, the most significant first.
/// `largest` and `reciprocal` are those of the number of digits.
#[inline]
pub fn digits(x: i64, largest: i64, reciprocal: i64, base: i32, to: &mut [i32]) {
    let x = x.max(0).min(largest) as u64;
    let (mut group, mut last): (_, &mut [i32]) = (to, &mut []);
    let (mut x, mut rest, mut reciprocal) = (x, 0, reciprocal as u64);
    if group.len() > GROUP {
        let billions = x.checked_div(1_000_000_000).unwrap_or(0); // by a constant: a multiplication
        let more = group.len().wrapping_sub(GROUP);
        rest = x.wrapping_sub(billions.wrapping_mul(1_000_000_000));
        (group, last) = group.split_at_mut_checked(more).unwrap_or_default();
        x = billions;
    }
    loop {
        let mut product = x.wrapping_mul(reciprocal);
        for digit in group {
            *digit = base.wrapping_add((product >> POINT) as i32);
            product = (product & ((1 << POINT) - 1)).wrapping_mul(10);
        }
        if last.is_empty() {
            return;
        }
        (group, last, x, reciprocal) = (last, <&mut [i32]>::default(), rest, NINE);
    }
}

#[cfg(test)]
mod tests {
    use super::{digits, largest, reciprocal, MAX_DIGITS};
    use std::{format, vec, vec::Vec};

    fn check(x: i64, count: u16) {
        let mut elements = vec![0; usize::from(count)];
        digits(x, largest(count), reciprocal(count), 0, &mut elements);
        let text = format!("{:0width$}", x.clamp(0, largest(count)), width = usize::from(count));
        let expected: Vec<i32> = text.bytes().map(|digit| i32::from(digit - b'0')).collect();
        assert_eq!(elements, expected, "{x} in {count}");
    }

    #[test]
    fn every_counter_of_up_to_six_digits_is_spelt() {
        for count in 1..=6 {
            (0..=largest(count)).for_each(|x| check(x, count));
        }
    }

    #[test]
    fn counters_beside_powers_of_ten_and_anywhere_are_spelt_in_any_number_of_digits() {
        let mut x: u64 = 1;
        for count in 1..=MAX_DIGITS {
            for power in 0..19 {
                let power = 10i64.pow(power);
                for near in [power - 1, power, power + 1, 7 * (power / 10), 9 * (power / 10) + 1] {
                    check(near, count);
                }
            }
            for _ in 0..20_000 {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                check((x >> (x % 64)) as i64, count);
            }
            [i64::MIN, -1, 0, i64::MAX].into_iter().for_each(|x| check(x, count));
        }
    }

    #[test]
    fn nine_digits_hold_where_the_error_is_largest() {
        // Trailing zeros: the digit is exact, so an error would show first.
        for head in (1..1_000_000).step_by(7) {
            for zeros in 0..=3 {
                check(head * 10i64.pow(zeros), 9);
                check(head * 10i64.pow(zeros) + largest(9) / 2, 9);
            }
        }
    }

    #[test]
    fn the_base_is_added_to_every_digit() {
        let mut elements = [0; 3];
        digits(42, largest(3), reciprocal(3), -128, &mut elements);
        assert_eq!(elements, [-128, -124, -126]);
    }
}

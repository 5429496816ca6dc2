//! `gemmlowp`'s logistic and hyperbolic tangent on 32 bits (`fixedpoint/fixedpoint.h`), which tflite-micro's kernels
//! evaluate for each int8 element.
//!
//! A number of *i* integer bits is an `i32` in units of 2^(*i* − 31). Products are doubling high halves, rounded with ties up;
//! the integer bits of a product are the sum of those of its factors.

/// One, of no integer bits: the largest number below it.
const ONE: i32 = i32::MAX;
/// One, of two integer bits.
const ONE_2: i32 = 1 << 29;

/// `1 / (1 + exp(−x))` for an `x` of four integer bits; of none.
pub(super) fn logistic(x: i32) -> i32 {
    if x == 0 {
        return 1 << 30;
    }
    let positive = one_over_one_plus(exp_of_negative(-x.saturating_abs(), 4));
    if x > 0 { positive } else { ONE - positive }
}

/// `tanh(x)` for an `x` of four integer bits; of none.
pub(super) fn tanh(x: i32) -> i32 {
    if x == 0 {
        return 0;
    }
    // Read with five integer bits, −|x| is −2|x|.
    let positive = one_minus_over_one_plus(exp_of_negative(-x.saturating_abs(), 5));
    if x > 0 { positive } else { -positive }
}

/// `exp(x)` for a negative `x` of `integer_bits`; of no integer bits.
fn exp_of_negative(x: i32, integer_bits: u32) -> i32 {
    /// `exp(−2^k)` of no integer bits, for k from −2 on.
    const POWERS: [i32; 7] = [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    let quarter_bit = 31 - integer_bits - 2;
    let quarter = 1i32 << quarter_bit;
    // Into −1/4..0, and a sum of powers of two.
    let part = (x & (quarter - 1)) - quarter;
    let rest = part.wrapping_sub(x);
    let powers = POWERS.iter().take(integer_bits as usize + 2).enumerate();
    powers.fold(exp_near_zero(up(part, integer_bits)), |exp, (k, &power)| {
        if rest >> (quarter_bit as usize + k) & 1 == 1 { product(exp, power) } else { exp }
    })
}

/// `exp(x)` for `x` in −1/4..0, both of no integer bits: four terms of the series around −1/8.
fn exp_near_zero(x: i32) -> i32 {
    const EXP_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = x.wrapping_add(1 << 28);
    let square = product(x, x);
    let cube = product(square, x);
    let fourth = product(square, square);
    let tail = product(down(fourth, 2).wrapping_add(cube), THIRD).wrapping_add(square);
    EXP_MINUS_EIGHTH.wrapping_add(product(EXP_MINUS_EIGHTH, x.wrapping_add(down(tail, 1))))
}

/// `1 / (1 + x)` for `x` in 0..1.
fn one_over_one_plus(x: i32) -> i32 {
    // Twice the reciprocal of (1 + x) is that of half of it, read with a bit less.
    up(reciprocal(half_of_one_and(x)), 1)
}

/// `(1 − x) / (1 + x)` for `x` in 0..1.
fn one_minus_over_one_plus(x: i32) -> i32 {
    up(reciprocal(half_of_one_and(x)).wrapping_sub(ONE_2), 2)
}

fn half_of_one_and(x: i32) -> i32 {
    ((i64::from(x) + i64::from(ONE) + 1) / 2) as i32
}

/// Reciprocal of a number in ½..1 of no integer bits, of two integer bits: three steps of Newton's method.
fn reciprocal(half: i32) -> i32 {
    const START: i32 = 1_515_870_810; // 48/17
    const SLOPE: i32 = -1_010_580_540; // −32/17
    (0..3).fold(START.wrapping_add(product(half, SLOPE)), |x, _| {
        let error = ONE_2.wrapping_sub(product(half, x));
        x.wrapping_add(up(product(x, error), 2))
    })
}

fn product(a: i32, b: i32) -> i32 {
    let high = (i64::from(a) * i64::from(b) + (1 << 30)) >> 31;
    high.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// `x · 2^bits`, saturated.
fn up(x: i32, bits: u32) -> i32 {
    (i64::from(x) << bits).clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// `x / 2^bits` to the nearest, ties away from zero.
pub(super) fn down(x: i32, bits: u8) -> i32 {
    let half = if bits == 0 { 0 } else { 1i64 << (bits - 1) };
    let away = (i64::from(x).abs() + half) >> bits;
    (i64::from(x).signum() * away) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_near_the_real_ones() {
        for x in -1_023..1_024 {
            let (real, fixed) = (f64::from(x) / 64.0, x << 21);
            let near = |value: i32, expected: f64| (f64::from(value) / 31f64.exp2() - expected).abs() < 1e-6;
            assert!(near(logistic(fixed), 1.0 / (1.0 + (-real).exp())), "logistic({real})");
            assert!(near(tanh(fixed), real.tanh()), "tanh({real})");
        }
    }

    #[test]
    fn down_rounds_ties_away_from_zero() {
        assert_eq!([-3, -2, -1, 1, 2, 3].map(|x| down(x, 1)), [-2, -1, -1, 1, 1, 2]);
        assert_eq!([-6, -5, 5, 6, i32::MIN, i32::MAX].map(|x| down(x, 2)), [-2, -1, 1, 2, -(1 << 29), 1 << 29]);
        assert_eq!(down(-7, 0), -7);
    }
}

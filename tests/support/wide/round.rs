//! Roundings, from quotient and remainder, not by adding a half.

use kinfer::format::Rounding;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed};

/// `acc · multiplier / 2^shift`, rounded as told.
pub(super) fn scale(acc: &BigInt, multiplier: i32, shift: u8, rounding: Rounding) -> BigInt {
    match rounding {
        Rounding::HalfEven => half_even(&(acc * multiplier), shift),
        Rounding::TfliteSingle => half_up(&(acc * multiplier), shift),
        Rounding::Shift => acc.div_floor(&(BigInt::one() << shift)),
        Rounding::TfliteDouble => {
            let (left, right) = if shift < 31 { (31 - shift, 0) } else { (0, shift - 31) };
            let high = half_up(&((acc << left) * multiplier), 31);
            if high.is_negative() { -half_up(&-high, right) } else { half_up(&high, right) }
        }
    }
}

/// `value / 2^shift` to the nearest integer, ties to even.
pub(super) fn half_even(value: &BigInt, shift: u8) -> BigInt {
    let divisor = BigInt::one() << shift;
    let (quotient, remainder) = value.div_mod_floor(&divisor);
    match (remainder * 2i32).cmp(&divisor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal if quotient.is_even() => quotient,
        std::cmp::Ordering::Equal => quotient + 1,
    }
}

/// `value / 2^shift` to the nearest integer, ties up.
pub(super) fn half_up(value: &BigInt, shift: u8) -> BigInt {
    let divisor = BigInt::one() << shift;
    let (quotient, remainder) = value.div_mod_floor(&divisor);
    if remainder * 2i32 >= divisor && shift > 0 { quotient + 1 } else { quotient }
}

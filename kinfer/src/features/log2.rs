//! Binary logarithm of a counter, in fixed point.
//!
//! Counters of times and sizes span many powers of two; their logarithm is what a small network can use. The integer part
//! is the position of the highest bit. The fraction is read from a table of `log2(1 + i/256)`, linear between its entries.
//! The result differs from the real logarithm by less than 0.7 of its unit, is exact at powers of two, and never falls.

/// Bits of the result behind the binary point.
pub const FRACTION_BITS: u32 = 16;
/// The largest result: of 2^63 − 1, and of 2^63, which is `1 + i64::MAX`.
pub const MAX: i64 = 63 << FRACTION_BITS;

/// Intervals of the table: 2^8.
const INDEX_BITS: u32 = 8;
/// Bits of the table's entries behind the binary point.
const TABLE_BITS: u32 = 30;
/// Bits that say where in an interval.
const INSIDE_BITS: u32 = 16;
const ENTRIES: usize = (1 << INDEX_BITS) + 1;

static TABLE: [u32; ENTRIES] = table();

/// `log2(max(x, 1))` in units of 2^-16.
#[inline]
pub fn log2(x: i64) -> i64 {
    log2_of(x, 0)
}

/// `log2(1 + max(x, 0))` in units of 2^-16.
#[inline]
pub fn log2_one_plus(x: i64) -> i64 {
    log2_of(x, 1)
}

/// `log2(max(x + more, 1))` in units of 2^-16, `more` being 0 or 1.
#[inline]
pub(super) fn log2_of(x: i64, more: u8) -> i64 {
    let more = u64::from(more);
    let x = (x.max(1u64.wrapping_sub(more) as i64) as u64).wrapping_add(more);
    let zeros = x.leading_zeros() & 63;
    // The highest bit is shifted out; the next ones choose the interval, the following where in it.
    let behind = x.wrapping_shl(zeros).wrapping_shl(1);
    let index = (behind >> (64 - INDEX_BITS)) as usize;
    let inside = (behind << INDEX_BITS) >> (64 - INSIDE_BITS);
    let (left, right) = match TABLE.get(index..) {
        Some(&[left, right, ..]) => (u64::from(left), u64::from(right)),
        _ => (0, 0), // the index has 8 bits, the table one entry more than they count
    };
    let fraction = left.wrapping_add(right.wrapping_sub(left).wrapping_mul(inside) >> INSIDE_BITS);
    let whole = u64::from(63u32.wrapping_sub(zeros)) << TABLE_BITS;
    let half = 1u64 << (TABLE_BITS - FRACTION_BITS - 1);
    (whole.wrapping_add(fraction).wrapping_add(half) >> (TABLE_BITS - FRACTION_BITS)) as i64
}

/// `log2(1 + i/256)` to the nearest unit of 2^-30, bit by bit: the square of a number has twice its logarithm.
const fn table() -> [u32; ENTRIES] {
    let mut entries = [0; ENTRIES];
    let mut rest: &mut [u32] = &mut entries;
    let mut i: u128 = 0;
    while let Some((entry, behind)) = rest.split_first_mut() {
        // A number from 1 to 2, with 63 bits behind the binary point.
        let mut number = (1u128 << 63).wrapping_add(i.wrapping_mul(1 << (63 - INDEX_BITS)));
        let mut logarithm: u64 = 0;
        if i == 1 << INDEX_BITS {
            number = 1 << 63;
            logarithm = 1;
        }
        let mut bits: u32 = 0;
        while bits < TABLE_BITS + 1 {
            number = number.wrapping_mul(number) >> 63;
            let twice = number >> 64;
            number >>= twice as u32;
            logarithm = logarithm.wrapping_mul(2) | twice as u64;
            bits = bits.wrapping_add(1);
        }
        *entry = (logarithm.wrapping_add(1) >> 1) as u32;
        rest = behind;
        i = i.wrapping_add(1);
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::{log2, log2_one_plus, FRACTION_BITS, MAX, TABLE, TABLE_BITS};

    fn error(x: u64, says: i64) -> f64 {
        (x as f64).log2() * f64::from(1 << FRACTION_BITS) - says as f64
    }

    #[test]
    fn the_table_is_the_logarithm_to_the_nearest_unit() {
        for (i, &entry) in TABLE.iter().enumerate() {
            let real = (1.0 + i as f64 / 256.0).log2() * f64::from(1 << TABLE_BITS);
            assert_eq!(entry, real.round() as u32, "entry {i}");
        }
    }

    #[test]
    fn powers_of_two_are_exact_and_nothing_is_below_zero() {
        for power in 0..63 {
            assert_eq!(log2(1 << power), power << FRACTION_BITS);
            assert_eq!(log2_one_plus((1 << power) - 1), power << FRACTION_BITS);
        }
        assert_eq!((log2(0), log2(-1), log2(i64::MIN)), (0, 0, 0));
        assert_eq!((log2_one_plus(0), log2_one_plus(-1), log2_one_plus(i64::MIN)), (0, 0, 0));
        assert_eq!((log2(i64::MAX), log2_one_plus(i64::MAX)), (MAX, MAX));
    }

    #[test]
    fn the_error_is_below_seven_tenths_of_a_unit_for_every_small_counter() {
        let (mut low, mut high, mut before) = (0f64, 0f64, 0);
        for x in 1..1i64 << 20 {
            let says = log2(x);
            assert!(says >= before, "falls at {x}");
            let error = error(x as u64, says);
            (low, high, before) = (low.min(error), high.max(error), says);
            assert_eq!(log2_one_plus(x - 1), says);
        }
        assert!(-0.7 < low && high < 0.7, "{low} {high}");
    }

    #[test]
    fn the_error_holds_beside_powers_of_two_and_all_over_the_range() {
        let mut x: u64 = 1;
        for _ in 0..200_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let sample = ((x >> 1) >> (x % 63)).max(1);
            assert!(error(sample, log2(sample as i64)).abs() < 0.7, "{sample}");
        }
        for power in 1..63u32 {
            for x in [(1u64 << power) - 1, 1 << power, (1 << power) + 1] {
                assert!(error(x, log2(x as i64)).abs() < 0.7, "{x}");
            }
        }
    }
}

//! The arithmetic that functions share, as `docs/arithmetic.md` and `docs/features.md` say it. A source has the helpers
//! that it calls, and those that these call.

use crate::emit::code::Code;

/// Helpers in an order in which each comes behind those it calls: name, text. 128 bits are multiplied and shifted and never
/// divided, for which a kernel has no function.
const HELPERS: [(&str, &str); 29] = [
    ("keep", KEEP),
    ("clamp", CLAMP),
    ("clamp_wide", CLAMP_WIDE),
    ("half_even", HALF_EVEN),
    ("half_up", HALF_UP),
    ("half_even_wide", HALF_EVEN_WIDE),
    ("half_up_wide", HALF_UP_WIDE),
    ("double_round", DOUBLE_ROUND),
    ("requantize_half_even", REQUANTIZE_HALF_EVEN),
    ("requantize_half_up", REQUANTIZE_HALF_UP),
    ("requantize_down", REQUANTIZE_DOWN),
    ("requantize_half_even_wide", REQUANTIZE_HALF_EVEN_WIDE),
    ("requantize_half_up_wide", REQUANTIZE_HALF_UP_WIDE),
    ("requantize_down_wide", REQUANTIZE_DOWN_WIDE),
    ("requantize_double", REQUANTIZE_DOUBLE),
    ("mean_half_even", MEAN_HALF_EVEN),
    ("mean_half_away", MEAN_HALF_AWAY),
    ("affine_half_even", AFFINE_HALF_EVEN),
    ("affine_half_up", AFFINE_HALF_UP),
    ("affine_down", AFFINE_DOWN),
    ("rank", RANK),
    ("limit", LIMIT),
    ("is_nth", IS_NTH),
    ("log2", LOG2),
    ("difference", DIFFERENCE),
    ("saturate", SATURATE),
    ("ratio", RATIO),
    ("ewma", EWMA),
    ("apart", APART),
];

/// Writes the helpers that `body`, a template, calls.
pub(super) fn write(code: &mut Code, body: &str) {
    let (mut used, mut chosen) = (body.to_owned(), Vec::new());
    for (name, text) in HELPERS.iter().rev() {
        if used.contains(&format!("@{name}(")) {
            used += text;
            chosen.push((name, text));
        }
    }
    for (name, text) in chosen.iter().rev() {
        code.blank();
        if **name == "log2" {
            let entries: Vec<i64> = logarithms().into_iter().map(i64::from).collect();
            code.comment(&["log2(1 + i / 256) to the nearest unit of 2^-30."]);
            code.table("static const uint32_t @log2_table[257]", entries.len(), &entries);
            code.blank();
        }
        code.line(text.trim_start_matches('\n'));
    }
}

const KEEP: &str = "
/* The value, unknown to the compiler: it makes no call of memcpy or memset of a loop that stores it. */
static inline int32_t @keep(int32_t value)
{
	__asm__(\"\" : \"+r\" (value));
	return value;
}";

const CLAMP: &str = "
static inline int32_t @clamp(int64_t value, int32_t lo, int32_t hi)
{
	return @keep(value < lo ? lo : value > hi ? hi : (int32_t)value);
}";

const CLAMP_WIDE: &str = "
static inline int32_t @clamp_wide(__int128 value, int32_t lo, int32_t hi)
{
	return @keep(value < lo ? lo : value > hi ? hi : (int32_t)value);
}";

const HALF_EVEN: &str = "
/* value / 2^shift to the nearest integer, ties to the even one. */
static inline int64_t @half_even(int64_t value, int shift)
{
	if (!shift)
		return value;
	return (value + ((int64_t)1 << (shift - 1)) - 1 + ((value >> shift) & 1)) >> shift;
}";

const HALF_UP: &str = "
/* value / 2^shift to the nearest integer, ties up. */
static inline int64_t @half_up(int64_t value, int shift)
{
	if (!shift)
		return value;
	return (value + ((int64_t)1 << (shift - 1))) >> shift;
}";

const HALF_EVEN_WIDE: &str = "
/* value / 2^shift to the nearest integer, ties to the even one. */
static inline __int128 @half_even_wide(__int128 value, int shift)
{
	if (!shift)
		return value;
	return (value + ((__int128)1 << (shift - 1)) - 1 + ((value >> shift) & 1)) >> shift;
}";

const HALF_UP_WIDE: &str = "
/* value / 2^shift to the nearest integer, ties up. */
static inline __int128 @half_up_wide(__int128 value, int shift)
{
	if (!shift)
		return value;
	return (value + ((__int128)1 << (shift - 1))) >> shift;
}";

const DOUBLE_ROUND: &str = "
/*
 * acc * multiplier / 2^shift as TensorFlow Lite rounds it: a doubling high multiply of 32 bits with
 * ties up, then a division by what is left of the power of two with ties away from zero.
 */
static inline int64_t @double_round(int64_t acc, int32_t multiplier, int shift)
{
	int left = shift < 31 ? 31 - shift : 0, right = shift > 31 ? shift - 31 : 0;
	int64_t high = (acc * ((int64_t)1 << left) * multiplier + (1 << 30)) >> 31;

	return @half_up(right && high < 0 ? high - 1 : high, right);
}";

const REQUANTIZE_HALF_EVEN: &str = "
static inline int32_t @requantize_half_even(int64_t acc, int32_t multiplier, int shift, int32_t zero_point, int32_t lo, int32_t hi)
{
	return @clamp(zero_point + @half_even(acc * multiplier, shift), lo, hi);
}";

const REQUANTIZE_HALF_UP: &str = "
static inline int32_t @requantize_half_up(int64_t acc, int32_t multiplier, int shift, int32_t zero_point, int32_t lo, int32_t hi)
{
	return @clamp(zero_point + @half_up(acc * multiplier, shift), lo, hi);
}";

const REQUANTIZE_DOWN: &str = "
static inline int32_t @requantize_down(int64_t acc, int32_t multiplier, int shift, int32_t zero_point, int32_t lo, int32_t hi)
{
	return @clamp(zero_point + ((acc * multiplier) >> shift), lo, hi);
}";

const REQUANTIZE_HALF_EVEN_WIDE: &str = "
static inline int32_t @requantize_half_even_wide(int64_t acc, int32_t multiplier, int shift, int32_t zero_point, int32_t lo, int32_t hi)
{
	return @clamp_wide(zero_point + @half_even_wide((__int128)acc * multiplier, shift), lo, hi);
}";

const REQUANTIZE_HALF_UP_WIDE: &str = "
static inline int32_t @requantize_half_up_wide(int64_t acc, int32_t multiplier, int shift, int32_t zero_point, int32_t lo, int32_t hi)
{
	return @clamp_wide(zero_point + @half_up_wide((__int128)acc * multiplier, shift), lo, hi);
}";

const REQUANTIZE_DOWN_WIDE: &str = "
static inline int32_t @requantize_down_wide(int64_t acc, int32_t multiplier, int shift, int32_t zero_point, int32_t lo, int32_t hi)
{
	return @clamp_wide(zero_point + (((__int128)acc * multiplier) >> shift), lo, hi);
}";

const REQUANTIZE_DOUBLE: &str = "
static inline int32_t @requantize_double(int64_t acc, int32_t multiplier, int shift, int32_t zero_point, int32_t lo, int32_t hi)
{
	return @clamp(zero_point + @double_round(acc, multiplier, shift), lo, hi);
}";

const MEAN_HALF_EVEN: &str = "
/* sum / count to the nearest integer, ties to the even one. */
static inline int32_t @mean_half_even(int64_t sum, int64_t count)
{
	int64_t down = sum / count, twice;

	if (down * count > sum)
		down--;
	twice = 2 * (sum - down * count);
	if (twice > count || (twice == count && (down & 1)))
		down++;
	return (int32_t)down;
}";

const MEAN_HALF_AWAY: &str = "
/* sum / count to the nearest integer, ties away from zero. */
static inline int32_t @mean_half_away(int64_t sum, int64_t count)
{
	int64_t half = count / 2;

	return (int32_t)((sum < 0 ? sum - half : sum + half) / count);
}";

const AFFINE_HALF_EVEN: &str = "
static inline int32_t @affine_half_even(int64_t x, int64_t multiplier, __int128 bias, int shift, int32_t lo, int32_t hi)
{
	return @clamp_wide(@half_even_wide((__int128)x * multiplier + bias, shift), lo, hi);
}";

const AFFINE_HALF_UP: &str = "
static inline int32_t @affine_half_up(int64_t x, int64_t multiplier, __int128 bias, int shift, int32_t lo, int32_t hi)
{
	return @clamp_wide(@half_up_wide((__int128)x * multiplier + bias, shift), lo, hi);
}";

const AFFINE_DOWN: &str = "
static inline int32_t @affine_down(int64_t x, int64_t multiplier, __int128 bias, int shift, int32_t lo, int32_t hi)
{
	return @clamp_wide(((__int128)x * multiplier + bias) >> shift, lo, hi);
}";

const RANK: &str = "
/* How many of the ascending thresholds are below x. */
static inline int @rank(const int64_t *thresholds, int count, int64_t x)
{
	int from = 0;

	while (count > 0) {
		int half = (count + 1) / 2;

		if (thresholds[from + half - 1] < x)
			from += half;
		count -= half;
	}
	return from;
}";

const LIMIT: &str = "
static inline int64_t @limit(int64_t value, int64_t lo, int64_t hi)
{
	return value < lo ? lo : value > hi ? hi : value;
}";

const IS_NTH: &str = "
/* Whether x is first + n, which need not fit 64 bits. */
static inline int @is_nth(int64_t x, int64_t first, int n)
{
	return x >= first && (uint64_t)x - (uint64_t)first == (uint64_t)n;
}";

const LOG2: &str = "
/* log2(max(x + more, 1)) in units of 2^-16; more is 0 or 1. */
static inline int64_t @log2(int64_t x, int more)
{
	uint64_t v = x < 1 - more ? 1 : (uint64_t)x + (uint64_t)more;
	int whole = 63 - __builtin_clzll(v);
	/* Bits behind the highest one: 8 say which entry, 16 where behind it. */
	uint64_t behind = v << (63 - whole) << 1;
	uint64_t entry = behind >> 56, inside = behind << 8 >> 48;
	uint64_t left = @log2_table[entry], right = @log2_table[entry + 1];
	uint64_t log = ((uint64_t)whole << 30) + left + ((right - left) * inside >> 16);

	return (int64_t)((log + (1 << 13)) >> 14);
}";

const DIFFERENCE: &str = "
/* a - b, saturated. */
static inline int64_t @difference(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a < 0 ? -9223372036854775807LL - 1 : 9223372036854775807LL;
	return difference;
}";

const SATURATE: &str = "
/* The nearest integer of 64 bits. */
static inline int64_t @saturate(__int128 value)
{
	int64_t low = (int64_t)value;

	if (low == value)
		return low;
	return value < 0 ? -9223372036854775807LL - 1 : 9223372036854775807LL;
}";

const RATIO: &str = "
/* floor(a * 2^shift / b), saturated; 0 when b is not above zero. */
static inline int64_t @ratio(int64_t a, int64_t b, int shift)
{
	int64_t whole, less;
	uint64_t rest, fraction = 0;
	int i;

	if (b <= 0)
		return 0;
	whole = a / b;
	less = a % b;
	if (less < 0) {
		whole--;
		less += b;
	}
	/* Bits behind the point, the highest first: 128 bits are not divided. */
	rest = (uint64_t)less;
	for (i = 0; i < shift; i++) {
		rest <<= 1;
		fraction <<= 1;
		if (rest >= (uint64_t)b) {
			rest -= (uint64_t)b;
			fraction++;
		}
	}
	return @saturate((__int128)whole * ((int64_t)1 << shift) + (int64_t)fraction);
}";

const EWMA: &str = "
/* Takes x into the mean in the state: whether there is one, and the mean in units of 2^-fraction. */
static inline int64_t @ewma(int64_t x, int64_t alpha, int shift, int fraction, int64_t *state)
{
	int64_t sample = @saturate((__int128)x * ((int64_t)1 << fraction));
	int64_t mean = state[0] ? state[1] : sample;

	state[0] = 1;
	state[1] = (int64_t)(mean + @half_even_wide(((__int128)sample - mean) * alpha, shift));
	return state[1];
}";

const APART: &str = "
/* The distance of two values, saturated. */
static inline int64_t @apart(int64_t a, int64_t b)
{
	uint64_t distance = a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;

	return distance >> 63 ? 9223372036854775807LL : (int64_t)distance;
}";

/// `log2(1 + i/256)` to the nearest unit of 2^-30, `i` from 0 to 256.
fn logarithms() -> [u32; 257] {
    std::array::from_fn(|i| {
        // A number from 1 to 2 with 63 bits behind the point: its square has twice its logarithm.
        let mut number = (1u128 << 63) + ((i as u128) << 55);
        if number == 1 << 64 {
            return 1 << 30;
        }
        let mut logarithm = 0u32;
        for _ in 0..31 {
            number = (number * number) >> 63;
            let above = u32::from(number >> 64 != 0);
            number >>= above;
            logarithm = logarithm << 1 | above;
        }
        logarithm.div_ceil(2)
    })
}

#[cfg(test)]
mod tests {
    use super::{HELPERS, logarithms};

    #[test]
    fn a_helper_calls_only_those_before_it() {
        for (at, (name, text)) in HELPERS.iter().enumerate() {
            for (later, _) in &HELPERS[at + 1..] {
                assert!(!text.contains(&format!("@{later}(")), "{name} calls {later}");
            }
            assert!(text.contains(&format!(" @{name}(")), "{name}");
        }
    }

    #[test]
    fn logarithms_are_the_nearest() {
        for (i, entry) in logarithms().into_iter().enumerate() {
            let exact = (1.0 + i as f64 / 256.0).log2() * 30f64.exp2();
            assert!((f64::from(entry) - exact).abs() <= 0.5 + 1e-6, "{i}: {entry} for {exact}");
        }
    }
}

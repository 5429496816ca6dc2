//! What a model remembers, in the caller's memory: one value a word, less its zero point.

/// Values from `state`, whatever is in it: `out[i] = clamp(state[i] + zero_point, lo, hi)`.
#[inline]
pub fn recall(state: &[i64], zero_point: i32, lo: i32, hi: i32, output: &mut [i32]) {
    for (out, &word) in output.iter_mut().zip(state) {
        let value = word.saturating_add(i64::from(zero_point));
        *out = value.max(i64::from(lo)).min(i64::from(hi)) as i32; // inside lo..=hi, which are i32
    }
}

/// Values into `state`, `state[i] = in[i] − zero_point`, and into `output` as they are.
#[inline]
pub fn remember(input: &[i32], zero_point: i32, state: &mut [i64], output: &mut [i32]) {
    for (out, &value) in output.iter_mut().zip(input) {
        *out = value;
    }
    for (word, &value) in state.iter_mut().zip(input) {
        *word = i64::from(value).wrapping_sub(i64::from(zero_point)); // 33 bits
    }
}

#[cfg(test)]
mod tests {
    use super::{recall, remember};

    #[test]
    fn a_state_of_zeros_is_real_zero() {
        let mut output = [1, 1];
        recall(&[0, 0], -7, -128, 127, &mut output);
        assert_eq!(output, [-7, -7]);
    }

    #[test]
    fn no_state_leaves_the_range() {
        let mut output = [0; 5];
        recall(&[i64::MIN, -93, 2, 3, i64::MAX], -7, -100, -5, &mut output);
        assert_eq!(output, [-100, -100, -5, -5, -5]);
    }

    #[test]
    fn what_is_remembered_is_recalled() {
        let (input, zero_point) = ([i32::MIN, -1, 0, 5, i32::MAX], i32::MAX);
        let (mut state, mut passed, mut recalled) = ([9; 5], [0; 5], [0; 5]);
        remember(&input, zero_point, &mut state, &mut passed);
        recall(&state, zero_point, i32::MIN, i32::MAX, &mut recalled);
        assert_eq!((passed, recalled), (input, input));
        assert_eq!(state[0], -(1i64 << 32) + 1);
    }
}

//! ONNX Clip and Relu on quantised values: `out[i] = clamp(in[i], lo, hi)`.

use crate::format::Clip;

/// Clamps `input` into `output`, element by element, as far as the shorter of the two goes.
pub fn clip(clip: Clip, input: &[i64], output: &mut [i64]) {
    for (out, &value) in output.iter_mut().zip(input) {
        *out = value.max(i64::from(clip.lo)).min(i64::from(clip.hi));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn clamps_each_element() {
        let mut output = [0; 4];
        super::clip(crate::format::Clip { lo: -3, hi: 90 }, &[-128, -3, 5, 127], &mut output);
        assert_eq!(output, [-3, -3, 5, 90]);
    }
}

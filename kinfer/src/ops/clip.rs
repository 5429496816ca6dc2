//! ONNX Clip and Relu on quantised values: `out[i] = clamp(in[i], lo, hi)`.

/// Clamps `input` into `output`, element by element, as far as the shorter of the two goes.
pub fn clip(lo: i32, hi: i32, input: &[i32], output: &mut [i32]) {
    for (out, &value) in output.iter_mut().zip(input) {
        *out = value.max(lo).min(hi);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn clamps_each_element() {
        let mut output = [0; 4];
        super::clip(-3, 90, &[-128, -3, 5, 127], &mut output);
        assert_eq!(output, [-3, -3, 5, 90]);
    }
}

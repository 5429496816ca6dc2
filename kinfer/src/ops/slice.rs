//! ONNX Slice along one axis with a positive step: `out[i] = in[start + i · stride]`.

/// One row of the slice. Elements of `output` that the row is too short for stay as they are; the verifier has proved that
/// there are none.
#[inline]
pub fn slice(start: usize, stride: usize, row: &[i32], output: &mut [i32]) {
    let mut rest = row.get(start..).unwrap_or_default();
    for out in output {
        let Some(&value) = rest.first() else { return };
        *out = value;
        rest = rest.get(stride..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::slice;

    #[test]
    fn takes_every_so_many_from_the_start() {
        let row = [10, 11, 12, 13, 14, 15, 16];
        let mut output = [0; 3];
        slice(2, 1, &row, &mut output);
        assert_eq!(output, [12, 13, 14]);
        slice(0, 3, &row, &mut output);
        assert_eq!(output, [10, 13, 16], "the last one is the row's last");
    }

    #[test]
    fn one_element_may_be_the_last() {
        let mut output = [0];
        slice(6, 1_000, &[0, 0, 0, 0, 0, 0, 9], &mut output);
        assert_eq!(output, [9]);
    }
}

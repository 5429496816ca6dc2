//! ONNX Concat of two tensors: rows of the first, each followed by its row of the second.

/// One row: `first`, then `second`, as far as `output` goes.
#[inline]
pub fn concat(first: &[i32], second: &[i32], output: &mut [i32]) {
    let (head, tail) = output.split_at_mut_checked(first.len()).unwrap_or_default();
    copy(first, head);
    copy(second, tail);
}

/// As far as the shorter of the two goes.
#[inline]
fn copy(from: &[i32], to: &mut [i32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_second_follows_the_first() {
        let mut output = [0; 5];
        super::concat(&[1, 2, 3], &[-4, 5], &mut output);
        assert_eq!(output, [1, 2, 3, -4, 5]);
    }
}

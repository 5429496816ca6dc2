//! ONNX Gemm / MatMul + Add on quantised values.
//!
//! `acc[o] = bias[o] + Σ weight[o][i] · (input[i] − zero_point)`, requantised per channel.

use super::requantize::{requantize, Factor, Output};

/// One channel: `bias + Σ weight[i] · (input[i] − zero_point)`, requantised. The verifier has proved that the sum fits.
#[inline]
pub fn channel(weights: &[i16], bias: i64, zero_point: i32, input: &[i32], factor: Factor, output: Output) -> i32 {
    let acc = weights.iter().zip(input).fold(bias, |acc, (&weight, &value)| {
        let centred = i64::from(value).wrapping_sub(i64::from(zero_point));
        acc.wrapping_add(i64::from(weight).wrapping_mul(centred))
    });
    requantize(acc, factor, output)
}

#[cfg(test)]
mod tests {
    use super::{channel, Factor, Output};
    use crate::format::Rounding;

    #[test]
    fn sums_products_of_inputs_less_their_zero_point() {
        let output = Output { zero_point: 3, lo: -128, hi: 127, rounding: Rounding::HalfEven };
        let one = Factor { multiplier: 1, shift: 0 };
        // 10 + 2·(7 − 5) − 4·(6 − 5) = 10
        assert_eq!(channel(&[2, -4], 10, 5, &[7, 6], one, output), 13);
    }
}

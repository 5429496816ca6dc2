//! Tables of real functions, for given quantisations of input and output.
//!
//! ```
//! use fixed::types::U32F96;
//! use kinfer::format::ElementType::I8;
//! use kinfer_convert::kinf::{EntriesSpec, TensorSpec, functions::Function};
//!
//! // From ±8 to 0..1 in steps of 1/256.
//! let input = TensorSpec { element: I8, dims: vec![15], zero_point: 0, scale: U32F96::ONE / 16 };
//! let output = TensorSpec { element: I8, dims: vec![15], zero_point: -128, scale: U32F96::ONE / 256 };
//! let EntriesSpec::I8(entries) = Function::Sigmoid.entries(&input, &output, 10) else { unreachable!() };
//! assert_eq!((entries[0], entries[128], entries[255]), (-128, 0, 127));
//! ```

use kinfer::format::ElementType;
use kinfer::ops::softmax::{ENTRIES, ONE};

use super::{EntriesSpec, KnotsSpec, SoftmaxSpec, TensorSpec};

/// A function of one value, as ONNX names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// `1 / (1 + exp(−x))`
    Sigmoid,
    /// `tanh(x)`
    Tanh,
    /// `max(0, min(1, alpha · x + beta))`; ONNX's own alpha is 0.2, PyTorch's 1/6, beta ½.
    HardSigmoid {
        /// Slope.
        alpha: f64,
        /// Value at zero.
        beta: f64,
    },
    /// `x · max(0, min(1, x / 6 + ½))`
    HardSwish,
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `x / 2 · (1 + erf(x / √2))`
    Gelu,
    /// `x`, below zero `alpha · (exp(x) − 1)`
    Elu {
        /// How far below zero it goes.
        alpha: f64,
    },
    /// `ln(1 + exp(x))`
    Softplus,
}

impl Function {
    /// The function itself.
    pub fn value(self, x: f64) -> f64 {
        let (lo, hi) = self.bounds();
        self.unbounded(x).clamp(lo, hi)
    }

    /// Its table from `input` to `output`: direct for int8 inputs, of `2^segment_bits` segments for int16 ones. Tables of
    /// scores do not exist: for an int32 input this is that of int16, which the verifier refuses.
    pub fn entries(self, input: &TensorSpec, output: &TensorSpec, segment_bits: u8) -> EntriesSpec {
        let (min, max) = output.element.range();
        let (lo, hi) = self.bounds();
        let units = |real: f64| real / real_scale(output) + f64::from(output.zero_point);
        let bound = |real: f64| units(real).round_ties_even().clamp(min.into(), max.into()) as i32;
        match input.element {
            ElementType::I8 => direct(input, output, |x| self.value(x)),
            _ => interpolated(input, output, segment_bits, (bound(lo), bound(hi)), |x| self.unbounded(x)),
        }
    }

    /// Without the bounds that it saturates at, so that a line that meets them stays one.
    fn unbounded(self, x: f64) -> f64 {
        match self {
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
            Self::HardSigmoid { alpha, beta } => alpha * x + beta,
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Silu => x / (1.0 + (-x).exp()),
            Self::Gelu => x / 2.0 * (1.0 + erf(x / std::f64::consts::SQRT_2)),
            Self::Elu { alpha } => {
                if x < 0.0 {
                    alpha * x.exp_m1()
                } else {
                    x
                }
            }
            // Without overflow for large x.
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        }
    }

    fn bounds(self) -> (f64, f64) {
        match self {
            Self::HardSigmoid { .. } => (0.0, 1.0),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }
}

/// The table of any function from an int8 `input` to `output`: the nearest value, ties to even, saturated.
pub fn direct(input: &TensorSpec, output: &TensorSpec, function: impl Fn(f64) -> f64) -> EntriesSpec {
    let (min, max) = output.element.range();
    let entries = (-128..=127).map(|q| {
        let units = function(real(input, q.into())) / real_scale(output) + f64::from(output.zero_point);
        units.round_ties_even().clamp(min.into(), max.into()) as i32 // NaN becomes 0
    });
    match output.element {
        ElementType::I8 => EntriesSpec::I8(entries.map(|entry| entry as i8).collect()),
        ElementType::I16 => EntriesSpec::I16(entries.map(|entry| entry as i16).collect()),
        ElementType::I32 => EntriesSpec::I32(entries.collect()),
    }
}

/// The table of any function from an int16 `input` to `output`, over `2^segment_bits` segments, with results in `bounds`.
pub fn interpolated(
    input: &TensorSpec,
    output: &TensorSpec,
    segment_bits: u8,
    bounds: (i32, i32),
    function: impl Fn(f64) -> f64,
) -> EntriesSpec {
    // Twice the range of the output's type above and below it fit a knot: what is further away is far outside the bounds.
    let fraction = match output.element {
        ElementType::I8 => 22,
        ElementType::I16 => 14,
        ElementType::I32 => 0,
    };
    let width = 65_536 >> segment_bits;
    let at = |q: i64| function(real(input, q)) / real_scale(output) + f64::from(output.zero_point);
    let knots = (0..=1i64 << segment_bits).map(|knot| {
        let q = knot * width - 32_768;
        // A chord leaves a curve by an eighth of the second difference, always to the same side. Half of that off the knots
        // leaves half of it in between. Where every input is a knot, nothing is in between.
        let bow = if width > 1 { (at(q - width) - 2.0 * at(q) + at(q + width)) / 8.0 } else { 0.0 };
        ((at(q) - bow / 2.0) * f64::from(fraction).exp2()).round_ties_even() as i32 // saturates
    });
    EntriesSpec::Interpolated(KnotsSpec {
        knots: knots.collect(),
        segment_bits: segment_bits.into(),
        fraction,
        lo: bounds.0,
        hi: bounds.1,
    })
}

/// A softmax over rows of `row` elements of `input`, into `output`; the reciprocal of the output's scale is rounded.
pub fn softmax(input: (u16, &TensorSpec), output: (u16, &TensorSpec), row: u32) -> SoftmaxSpec {
    let scale = real_scale(input.1);
    let exp = |d: f64| ((-scale * d).exp() * f64::from(ONE)).round_ties_even() as i32;
    let low = (0..ENTRIES).map(|d| exp(d as f64));
    let entries = match input.1.element {
        ElementType::I8 => low.collect(),
        _ => (0..ENTRIES).map(|d| exp(d as f64 * 256.0)).chain(low).collect(),
    };
    let units = real_scale(output.1).recip().round_ties_even() as i32;
    SoftmaxSpec { input: input.0, output: output.0, row: row.cast_signed(), units, entries }
}

/// Real value of a quantised one.
fn real(tensor: &TensorSpec, q: i64) -> f64 {
    real_scale(tensor) * (q - i64::from(tensor.zero_point)) as f64
}

fn real_scale(tensor: &TensorSpec) -> f64 {
    tensor.scale.to_bits() as f64 / 96f64.exp2()
}

/// The error function, by its series of positive terms: `2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!` (Abramowitz and
/// Stegun, 7.1.6).
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum(); // to the last bit of a double
    }
    let (mut term, mut sum) = (x, x);
    let mut odd = 3.0;
    while term.abs() > sum.abs() * 1e-17 {
        term *= 2.0 * x * x / odd;
        sum += term;
        odd += 2.0;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 7.1.
        for (x, value) in
            [(0.0, 0.0), (0.5, 0.5204998778), (1.0, 0.8427007929), (2.0, 0.9953222650), (-1.0, -0.8427007929)]
        {
            assert!((erf(x) - value).abs() < 1e-10, "{x}: {}", erf(x));
        }
        assert_eq!((erf(7.0), erf(-7.0)), (1.0, -1.0));
        assert!((erf(6.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn functions_have_their_known_values() {
        let near = |function: Function, x: f64, value: f64| {
            assert!((function.value(x) - value).abs() < 1e-12, "{function:?}({x}) = {}", function.value(x));
        };
        near(Function::Sigmoid, 0.0, 0.5);
        near(Function::Tanh, 1.0, 0.761_594_155_955_764_9);
        near(Function::HardSigmoid { alpha: 0.2, beta: 0.5 }, 1.0, 0.7);
        near(Function::HardSigmoid { alpha: 0.2, beta: 0.5 }, 4.0, 1.0);
        near(Function::HardSwish, 3.0, 3.0);
        near(Function::HardSwish, -1.5, -0.375);
        near(Function::Silu, 1.0, 0.731_058_578_630_004_9);
        near(Function::Gelu, 1.0, 0.841_344_746_068_543);
        near(Function::Elu { alpha: 2.0 }, -1.0, -1.264_241_117_657_115_4);
        near(Function::Softplus, 0.0, std::f64::consts::LN_2);
        near(Function::Softplus, 1_000.0, 1_000.0);
    }
}

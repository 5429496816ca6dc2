//! Functions of one dequantised value, in `f32` as ONNX Runtime computes them: what becomes a table of 256 entries.

use std::rc::Rc;

use crate::kinf::functions::Function;

/// A function of `x`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// `x` itself.
    Identity,
    Number(f32),
    Unary(Unary, Rc<Expression>),
    Binary(Binary, Rc<Expression>, Rc<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unary {
    /// Relu, Clip.
    Clamp(f32, f32),
    LeakyRelu(f32),
    Sigmoid,
    Tanh,
    HardSigmoid(f32, f32),
    HardSwish,
    Elu(f32),
    Gelu,
    Softplus,
    Softsign,
    Negate,
    Abs,
    Exp,
    Sqrt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Min,
    Max,
}

impl Expression {
    pub(super) fn unary(self, function: Unary) -> Self {
        Self::Unary(function, Rc::new(self))
    }

    pub(super) fn binary(operator: Binary, left: Self, right: Self) -> Self {
        Self::Binary(operator, Rc::new(left), Rc::new(right))
    }

    pub(super) fn at(&self, x: f32) -> f32 {
        match self {
            Self::Identity => x,
            Self::Number(number) => *number,
            Self::Unary(function, of) => function.at(of.at(x)),
            Self::Binary(operator, left, right) => operator.at(left.at(x), right.at(x)),
        }
    }

    /// Slopes below and above zero, where the function is two lines that meet there.
    pub(super) fn slopes(&self) -> Option<(f32, f32)> {
        match self {
            Self::Identity => Some((1.0, 1.0)),
            Self::Unary(Unary::LeakyRelu(slope), of) if **of == Self::Identity => Some((*slope, 1.0)),
            _ => None,
        }
    }

    /// Bounds of a clamp around two lines that meet at zero, with the lines.
    pub(super) fn clamped_slopes(&self) -> Option<((f32, f32), (f32, f32))> {
        match self {
            Self::Unary(Unary::Clamp(lo, hi), of) => Some((of.slopes()?, (*lo, *hi))),
            _ => Some((self.slopes()?, (f32::NEG_INFINITY, f32::INFINITY))),
        }
    }
}

impl Unary {
    fn at(self, x: f32) -> f32 {
        // Transcendental functions in double precision: the nearest `f32`, whatever library computes them there.
        let double = |function: Function| function.value(x.into()) as f32;
        match self {
            // NaN goes through, as it does there.
            Self::Clamp(lo, hi) => {
                if x < lo {
                    lo
                } else if x > hi {
                    hi
                } else {
                    x
                }
            }
            Self::LeakyRelu(slope) => {
                if x < 0.0 {
                    slope * x
                } else {
                    x
                }
            }
            Self::Sigmoid => double(Function::Sigmoid),
            Self::Tanh => double(Function::Tanh),
            Self::HardSigmoid(alpha, beta) => (alpha * x + beta).clamp(0.0, 1.0),
            // As the product that ONNX defines it by.
            Self::HardSwish => x * Self::HardSigmoid(1.0 / 6.0, 0.5).at(x),
            Self::Elu(alpha) => double(Function::Elu { alpha: alpha.into() }),
            Self::Gelu => double(Function::Gelu),
            Self::Softplus => double(Function::Softplus),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Negate => -x,
            Self::Abs => x.abs(),
            Self::Exp => f64::from(x).exp() as f32,
            Self::Sqrt => x.sqrt(),
        }
    }
}

impl Binary {
    fn at(self, left: f32, right: f32) -> f32 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Min => left.min(right),
            Self::Max => left.max(right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_swish_written_as_a_product_is_hard_swish() {
        let gate = Expression::Identity.unary(Unary::HardSigmoid(1.0 / 6.0, 0.5));
        let product = Expression::binary(Binary::Multiply, Expression::Identity, gate);
        for (x, y) in [(-4.0, 0.0), (-1.5, -0.375), (0.0, 0.0), (1.5, 1.125), (5.0, 5.0)] {
            assert!((product.at(x) - y).abs() < 1e-6, "{x}");
            assert!((Expression::Identity.unary(Unary::HardSwish).at(x) - y).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn lines_that_meet_at_zero_are_told_from_curves() {
        let leaky = Expression::Identity.unary(Unary::LeakyRelu(0.1));
        assert_eq!(leaky.slopes(), Some((0.1, 1.0)));
        let clipped = leaky.unary(Unary::Clamp(-1.0, 6.0));
        assert_eq!(clipped.clamped_slopes(), Some(((0.1, 1.0), (-1.0, 6.0))));
        assert_eq!(Expression::Identity.unary(Unary::Tanh).clamped_slopes(), None);
    }
}

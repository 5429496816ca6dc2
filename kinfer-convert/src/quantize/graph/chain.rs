//! Functions of one value, put together of smaller ones.

use crate::graph::{Affine, Function};
use crate::kinf::functions::Function as Tabled;

/// A function of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unary {
    /// `factor · x + offset`.
    Affine(Affine),
    /// `min(max(x, lo), hi)`.
    Clip { lo: f64, hi: f64 },
    /// A named one.
    Function(Function),
    /// 1 where `x` is the number, else 0.
    Equals(f64),
}

/// One after the other, the first one first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Chain(pub(super) Vec<Unary>);

/// How a function goes as its argument grows; where it does both it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// It never falls.
    Rising,
    /// It never rises.
    Falling,
}

impl Unary {
    /// Its value, in the very arithmetic of [`crate::graph::evaluate`].
    pub(super) fn value(self, x: f64) -> f64 {
        match self {
            Self::Affine(affine) => affine.at(x),
            Self::Clip { lo, hi } => x.max(lo).min(hi),
            Self::Function(function) => function.value(x),
            Self::Equals(number) => f64::from(u8::from(x == number)),
        }
    }

    fn direction(self) -> Option<Direction> {
        use Direction::{Falling, Rising};
        let rising = |is: bool| is.then_some(Rising);
        match self {
            Self::Affine(Affine { factor, .. }) => Some(if factor < 0.0 { Falling } else { Rising }),
            Self::Clip { .. } => Some(Rising),
            Self::Equals(_) => None,
            Self::Function(function) => match function {
                Function::Table(Tabled::Sigmoid | Tabled::Tanh | Tabled::Softplus) => Some(Rising),
                Function::Table(Tabled::HardSigmoid { alpha, .. }) => Some(if alpha < 0.0 { Falling } else { Rising }),
                Function::Table(Tabled::Elu { alpha }) | Function::LeakyRelu { alpha } => rising(alpha >= 0.0),
                Function::Selu { alpha, scale } => rising(alpha >= 0.0 && scale >= 0.0),
                Function::Log
                | Function::Log1p
                | Function::Exp
                | Function::Sqrt
                | Function::Softsign
                | Function::Trunc
                | Function::Above { .. } => Some(Rising),
                _ => None,
            },
        }
    }
}

impl Chain {
    /// This one, then `next`.
    pub(super) fn then(&self, next: Unary) -> Self {
        Self(self.0.iter().copied().chain([next]).collect())
    }

    /// `first`, then this one.
    pub(super) fn after(&self, first: Unary) -> Self {
        Self([first].into_iter().chain(self.0.iter().copied()).collect())
    }

    /// Its value at `x`.
    pub(super) fn value(&self, x: f64) -> f64 {
        self.0.iter().fold(x, |x, unary| unary.value(x))
    }

    /// Whether it rises or falls everywhere.
    pub(super) fn direction(&self) -> Option<Direction> {
        self.0.iter().try_fold(Direction::Rising, |before, unary| {
            Some(match (before, unary.direction()?) {
                (Direction::Rising, next) => next,
                (Direction::Falling, Direction::Falling) => Direction::Rising,
                (Direction::Falling, Direction::Rising) => Direction::Falling,
            })
        })
    }

    /// A leaky slope below zero and a clip behind it, if it is nothing else.
    pub(super) fn as_leaky(&self) -> Option<(f64, f64, f64)> {
        match *self.0.as_slice() {
            [Unary::Function(Function::LeakyRelu { alpha })] if alpha >= 0.0 => {
                Some((alpha, f64::NEG_INFINITY, f64::INFINITY))
            }
            [Unary::Function(Function::LeakyRelu { alpha }), Unary::Clip { lo, hi }] if alpha >= 0.0 => {
                Some((alpha, lo, hi))
            }
            _ => None,
        }
    }
}

/// The largest `x` at which something holds that holds at every smaller one; nothing where it holds nowhere.
pub(super) fn last_where(holds: impl Fn(i64) -> bool) -> Option<i64> {
    if !holds(i64::MIN) {
        return None;
    }
    let (mut lo, mut hi) = (i128::from(i64::MIN), i128::from(i64::MAX));
    while lo < hi {
        let middle = (lo + hi + 1).div_euclid(2);
        if holds(middle as i64) {
            lo = middle;
        } else {
            hi = middle - 1;
        }
    }
    Some(lo as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_falling_functions_rise() {
        let falling = Unary::Affine(Affine { factor: -2.0, offset: 1.0 });
        let chain = Chain(vec![falling, Unary::Function(Function::Exp)]);
        assert_eq!(chain.direction(), Some(Direction::Falling));
        assert_eq!(chain.then(falling).direction(), Some(Direction::Rising));
        assert_eq!(chain.then(Unary::Function(Function::Abs)).direction(), None);
    }

    #[test]
    fn the_last_place_is_found_at_the_ends_of_the_type_too() {
        for at in [i64::MIN, i64::MIN + 1, -1, 0, 7, 1 << 53, i64::MAX - 1, i64::MAX] {
            assert_eq!(last_where(|x| x <= at), Some(at));
        }
        assert_eq!(last_where(|_| false), None);
    }
}

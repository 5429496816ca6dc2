//! How a function of one raw counter is written as steps of the feature program.

use std::f64::consts::LN_2;

use super::chain::{Chain, Direction, Unary, last_where};
use crate::graph::{Affine, Function};

/// A way to write an element of tensor 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// `min(max(factor · source + offset, lo), hi)` of the counter, or of its logarithm in units of 2^-16.
    Line { source: Source, affine: Affine, lo: f64, hi: f64 },
    /// `on` where the counter is `raw`, else `off`.
    OneHot { raw: i64, off: f64, on: f64 },
    /// A function that never falls: the counters at which the integer rises.
    Stairs,
}

/// What a line is a line of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The counter.
    Raw,
    /// `log2(max(x, 1))`, with `one_plus` of `1 + max(x, 0)`.
    Log2 { one_plus: bool },
}

impl Form {
    /// The form of `chain` over a counter whose unit is `resolution` and that is in `range`; nothing where it has none.
    pub(super) fn of(chain: &Chain, resolution: f64, range: (i64, i64)) -> Option<Self> {
        line(chain, resolution, range).or_else(|| one_hot(chain, resolution)).or_else(|| {
            let finite = |raw: i64| chain.value(raw as f64 * resolution).is_finite();
            let stairs = chain.direction() == Some(Direction::Rising) && finite(range.0) && finite(range.1);
            stairs.then_some(Self::Stairs)
        })
    }
}

fn line(chain: &Chain, resolution: f64, (least, _): (i64, i64)) -> Option<Form> {
    let mut source = Source::Raw;
    let mut affine = Affine { factor: resolution, offset: 0.0 };
    let (mut lo, mut hi) = (f64::NEG_INFINITY, f64::INFINITY);
    for unary in &chain.0 {
        match *unary {
            Unary::Affine(next) => {
                affine = affine.then(next);
                (lo, hi) = match next.factor {
                    0.0 => (f64::NEG_INFINITY, f64::INFINITY),
                    factor if factor < 0.0 => (next.at(hi), next.at(lo)),
                    _ => (next.at(lo), next.at(hi)),
                };
            }
            Unary::Clip { lo: floor, hi: ceiling } => {
                (lo, hi) = (lo.max(floor).min(ceiling), hi.max(floor).min(ceiling));
            }
            Unary::Function(function @ (Function::Log | Function::Log1p)) => {
                let one = f64::from(u8::from(function == Function::Log1p));
                let Affine { factor, offset } = affine;
                let one_plus = offset + one == factor;
                let fits = source == Source::Raw
                    && factor > 0.0
                    && (one_plus || offset + one == 0.0)
                    && least >= i64::from(!one_plus);
                if !fits {
                    return None;
                }
                source = Source::Log2 { one_plus };
                affine = Affine { factor: LN_2 / 65_536.0, offset: factor.ln() };
                let bound = |x: f64| if x + one > 0.0 { (x + one).ln() } else { f64::NEG_INFINITY };
                (lo, hi) = (bound(lo), bound(hi));
            }
            Unary::Function(_) | Unary::Equals(_) => return None,
        }
    }
    Some(Form::Line { source, affine, lo, hi })
}

fn one_hot(chain: &Chain, resolution: f64) -> Option<Form> {
    let at = chain.0.iter().position(|unary| matches!(unary, Unary::Equals(_)))?;
    let (before, rest) = (Chain(chain.0[..at].to_vec()), Chain(chain.0[at + 1..].to_vec()));
    let Unary::Equals(number) = chain.0[at] else { return None };
    let value = |raw: i64| before.value(raw as f64 * resolution);
    let (off, on) = (rest.value(0.0), rest.value(1.0));
    // The last counter whose value has not gone beyond the number is the only one that can equal it.
    let raw = match before.direction()? {
        Direction::Rising => last_where(|raw| value(raw) <= number),
        Direction::Falling => last_where(|raw| value(raw) >= number),
    };
    let raw = raw.filter(|&raw| value(raw) == number);
    match raw {
        // No counter has that value.
        None => {
            let affine = Affine { factor: 0.0, offset: off };
            Some(Form::Line { source: Source::Raw, affine, lo: f64::NEG_INFINITY, hi: f64::INFINITY })
        }
        Some(raw) if raw.checked_sub(1).is_some_and(|below| value(below) == number) => None,
        Some(raw) => Some(Form::OneHot { raw, off, on }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affine(factor: f64, offset: f64) -> Unary {
        Unary::Affine(Affine { factor, offset })
    }

    #[test]
    fn normalisation_and_clip_are_a_line() {
        let chain = Chain(vec![affine(2.0, 1.0), Unary::Clip { lo: 0.0, hi: 8.0 }, affine(-0.5, 0.0)]);
        let expected =
            Form::Line { source: Source::Raw, affine: Affine { factor: -0.25, offset: -0.5 }, lo: -4.0, hi: 0.0 };
        assert_eq!(Form::of(&chain, 0.25, (-5, 5)), Some(expected));
    }

    #[test]
    fn logarithms_take_up_what_is_multiplied_before_them() {
        let log = Unary::Function(Function::Log);
        let of = |chain: Vec<Unary>, range| Form::of(&Chain(chain), 1.0, range);
        let is_log = |form: Option<Form>, plus: bool, offset: f64| {
            let Some(Form::Line { source, affine, .. }) = form else { panic!("{form:?}") };
            assert_eq!((source, affine.offset), (Source::Log2 { one_plus: plus }, offset));
        };
        is_log(of(vec![affine(3.0, 0.0), log], (1, 9)), false, 3f64.ln());
        is_log(of(vec![affine(3.0, 3.0), log], (0, 9)), true, 3f64.ln());
        is_log(of(vec![Unary::Function(Function::Log1p)], (0, 9)), true, 0.0);
        assert_eq!(of(vec![log], (0, 9)), None, "ln 0");
        let guarded = vec![Unary::Clip { lo: 1e-6, hi: f64::INFINITY }, log];
        assert_eq!(of(guarded, (0, 9)), Some(Form::Stairs), "the step takes 0 for 1");
    }

    #[test]
    fn a_category_is_the_counter_that_has_its_value() {
        let of = |number, resolution| Form::of(&Chain(vec![Unary::Equals(number)]), resolution, (0, 9));
        assert_eq!(of(3.0, 1.0), Some(Form::OneHot { raw: 3, off: 0.0, on: 1.0 }));
        assert_eq!(of(-2.5, 0.5), Some(Form::OneHot { raw: -5, off: 0.0, on: 1.0 }));
        assert!(matches!(of(2.5, 1.0), Some(Form::Line { affine: Affine { factor: 0.0, offset: 0.0 }, .. })));
    }
}

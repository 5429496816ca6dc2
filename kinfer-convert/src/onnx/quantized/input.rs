//! The graph's input as the feature program: raw counters to tensor 0.

use kinfer::format::{ElementType, Rounding};

use super::super::GraphError;
use super::builder::Builder;
use super::kind::{Kind, Params};
use super::layout::Order;
use super::node::Node;
use super::value::{Feature, Features, Integers};
use crate::kinf::{AffineSpec, StepSpec};

/// Where a sum of the feature program is sure to be computed in 64 bits.
const NARROW_SHIFT: i32 = 46;
/// Most thresholds of a step (`docs/features.md`).
const MOST_THRESHOLDS: usize = 4096;

/// How the input becomes tensor 0, once a node has said it.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs {
    /// Elements of tensor 0 as they lie.
    pub(super) elements: Vec<Element>,
    /// Tensor 0, with the elements in the graph's order.
    tensor: Option<(Vec<Element>, Integers)>,
    hint: Option<Order>,
    windows: bool,
}

/// An element of tensor 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Element {
    feature: Feature,
    params: Params,
    /// The counter is the quantised number itself.
    given: bool,
}

impl Inputs {
    /// `hint` is an order that a window asked for; a graph with `windows` has its images channel-last.
    pub(super) fn new(hint: Option<Order>, windows: bool) -> Self {
        Self { hint, windows, ..Self::default() }
    }

    /// An input that holds integers already.
    pub(super) fn given(&mut self, builder: &mut Builder, kind: Kind, dims: &[usize]) -> Integers {
        let feature = |counter| Feature { counter, factor: 1.0, offset: 0.0 };
        let params = Params { kind, scale: 1.0, zero_point: 0 };
        let count = dims.iter().product();
        let elements = (0..count).map(|counter| Element { feature: feature(counter), params, given: true }).collect();
        self.place(builder, elements, kind, dims, None)
    }

    /// The input after QuantizeLinear.
    pub(super) fn quantise(
        &mut self,
        node: &Node<'_>,
        builder: &mut Builder,
        features: &Features,
        scales: &[f32],
        zero_points: &[i32],
        kind: Kind,
    ) -> Result<Integers, GraphError> {
        if super::super::node::int(node.node, "block_size", 0) != 0 {
            return Err(node.unsupported("a scale a block is not supported, one a tensor is"));
        }
        let slices = scales.len().max(zero_points.len());
        let axis = super::super::node::int(node.node, "axis", 1);
        let axis = if slices > 1 { super::moves::row_axis(node, axis, features.dims.len())? } else { 0 };
        if slices > 1 && (features.dims.get(axis) != Some(&slices) || ![1, slices].contains(&zero_points.len())) {
            let what =
                format!("{} scales and {} zero points do not fit {:?}", scales.len(), zero_points.len(), features.dims);
            return Err(node.invalid(what, "there is one, or one a slice along the axis"));
        }
        let inner: usize = features.dims.iter().skip(axis + 1).product();
        let of_slice = |flat: usize, count: usize| if count == 1 { 0 } else { flat / inner.max(1) % count };
        let element = |(flat, &feature): (usize, &Feature)| {
            let scale = scales.get(of_slice(flat, scales.len())).copied().unwrap_or(1.0);
            let zero_point = zero_points.get(of_slice(flat, zero_points.len())).copied().unwrap_or_default();
            Element { feature, params: Params { kind, scale, zero_point }, given: false }
        };
        let elements: Vec<Element> = features.elements.iter().enumerate().map(element).collect();
        if let Some((before, integers)) = &self.tensor {
            return if *before == elements {
                Ok(integers.reshaped(features.dims.clone()))
            } else {
                Err(node.unsupported("the input is quantised in two ways: it has one scale and zero point"))
            };
        }
        let params = match elements.first() {
            Some(first) if slices == 1 => Some(first.params),
            _ => None,
        };
        Ok(self.place(builder, elements, kind, &features.dims, params.as_ref()))
    }

    fn place(
        &mut self,
        builder: &mut Builder,
        elements: Vec<Element>,
        kind: Kind,
        dims: &[usize],
        params: Option<&Params>,
    ) -> Integers {
        let hint = self.hint.take().filter(|order| order.numbers().len() == elements.len());
        let order = hint
            .unwrap_or_else(|| if self.windows { Order::channel_last(dims) } else { Order::identity(elements.len()) });
        self.elements = order.numbers().iter().filter_map(|&number| elements.get(number).copied()).collect();
        let integers = builder.input(kind, dims, order, params);
        self.tensor = Some((elements, integers.clone()));
        integers
    }
}

/// The program; `resolutions` has what a unit of each counter is in the graph's input.
pub(super) fn program(elements: &[Element], resolutions: &[f64]) -> Result<Vec<StepSpec>, GraphError> {
    elements.iter().map(|element| element.step(resolutions)).collect()
}

impl Element {
    fn step(&self, resolutions: &[f64]) -> Result<StepSpec, GraphError> {
        let Self { feature: Feature { counter, factor, offset }, params, given } = *self;
        let source = counter as u16;
        let (lo, hi) = params.engine_range();
        let resolution = resolutions.get(counter).copied().unwrap_or(1.0);
        let refuse = |what: String, advice: &str| Err(GraphError::Interface { what, advice: advice.into() });
        if !(resolution.is_finite() && resolution > 0.0) || given && resolution != 1.0 {
            return refuse(
                format!("feature {counter} has resolution {resolution}"),
                "it is a positive number, and 1 where the graph's input is integers",
            );
        }
        if given {
            let step = AffineSpec {
                lo,
                hi,
                ..AffineSpec::new(source, 1, -i128::from(params.kind.offset()), 0, ElementType::I16)
            };
            return Ok(if params.kind.offset() == 0 {
                StepSpec::Copy { source, lo, hi }
            } else {
                StepSpec::Affine(step)
            });
        }
        let plain = factor == 1.0 && offset == 0.0;
        let last = if plain { last_counters(&params, resolution) } else { vec![] };
        let scale = f64::from(params.scale);
        let mut affine = affine(source, &params, factor * resolution / scale, offset / scale);
        if wrong(affine.as_ref(), &last) > 0 {
            // The scale as a fraction that it is the nearest f32 to: of counters that lie halfway the engine rounds those to
            // even that a division in f32 rounds to even.
            let (above, below) = fraction(params.scale);
            let tied = self::affine(source, &params, below * resolution / above, 0.0);
            if wrong(tied.as_ref(), &last) < wrong(affine.as_ref(), &last) {
                affine = tied;
            }
            if wrong(affine.as_ref(), &last) > 0 && last.len() <= MOST_THRESHOLDS {
                return Ok(StepSpec::Bucketise { source, thresholds: last, base: lo });
            }
        }
        affine.map(StepSpec::Affine).ok_or_else(|| GraphError::Interface {
            what: format!(
                "feature {counter} is multiplied by {} and moved by {}",
                factor * resolution / scale,
                offset / scale
            ),
            advice: "its scale and resolution are too far apart: calibrate again".into(),
        })
    }
}

/// `round(counter · factor + offset)` and the zero point.
fn affine(source: u16, params: &Params, factor: f64, offset: f64) -> Option<AffineSpec> {
    let (lo, hi) = params.engine_range();
    let (multiplier, shift) = mantissa(factor)?;
    let bias = (offset * f64::from(shift).exp2()).round_ties_even();
    let bias =
        (bias.abs() < 120f64.exp2()).then_some(bias as i128)? + (i128::from(params.engine_zero_point()) << shift);
    Some(AffineSpec { source, multiplier, bias, shift, rounding: Rounding::HalfEven, lo, hi })
}

/// `factor` as `multiplier / 2^shift`, with a shift that keeps sums in 64 bits where that is exact, else in 53 bits.
fn mantissa(factor: f64) -> Option<(i64, u8)> {
    if factor == 0.0 {
        return Some((0, 0));
    }
    let most = f64::from(kinfer::features::affine::MAX_SHIFT);
    let exponent = factor.abs().log2().floor();
    let at = |shift: f64| (factor * shift.exp2()).round_ties_even();
    let narrow = f64::from(NARROW_SHIFT);
    let exact = at(narrow).abs() < 62f64.exp2() && at(narrow) * (-narrow).exp2() == factor;
    let shift = if exact { narrow } else { (52.0 - exponent).min(most) };
    let multiplier = at(shift);
    (shift >= 0.0 && multiplier.abs() < 62f64.exp2()).then_some((multiplier as i64, shift as u8))
}

/// For each number of the type but the largest the last counter that becomes it or one below, when counters become f32 and
/// QuantizeLinear divides in f32, as ONNX Runtime does.
fn last_counters(params: &Params, resolution: f64) -> Vec<i64> {
    let (lo, hi) = params.engine_range();
    let quantise = |counter: i64| params.quantize((counter as f64 * resolution) as f32);
    let last = |q: i32| {
        // The largest counter with quantise(counter) <= q: quantising does not fall.
        let (mut below, mut above) = (i64::MIN, i64::MAX);
        while below < above {
            let middle = (i128::from(below) + i128::from(above) + 1).div_euclid(2) as i64;
            if quantise(middle) <= q { below = middle } else { above = middle - 1 }
        }
        below
    };
    (lo..hi).map(last).collect()
}

/// How many of the counters where the quantised number changes an affine step has wrong. Both do not fall: where there is
/// none, the two are the same for all counters.
fn wrong(affine: Option<&AffineSpec>, last: &[i64]) -> usize {
    let Some(affine) = affine else { return usize::MAX };
    let at = |counter: i64| {
        let sum = i128::from(counter) * i128::from(affine.multiplier) + affine.bias;
        let rounded = kinfer::ops::round::half_even(sum, affine.shift);
        rounded.clamp(affine.lo.into(), affine.hi.into())
    };
    let differs = |(index, &last): (usize, &i64)| {
        let q = i128::from(affine.lo) + index as i128;
        at(last) > q || (last < i64::MAX && at(last + 1) <= q)
    };
    last.iter().enumerate().filter(|&entry| differs(entry)).count()
}

/// The fraction of the smallest numbers that a scale is the nearest f32 to: 255ths of a range, mostly. The scale itself where
/// there is none of 24 bits.
fn fraction(scale: f32) -> (f64, f64) {
    let (mut rest, mut above, mut below) = (f64::from(scale), (0f64, 1f64), (1f64, 0f64));
    for _ in 0..24 {
        let whole = rest.floor();
        above = (above.1, whole * above.1 + above.0);
        below = (below.1, whole * below.1 + below.0);
        if above.1.max(below.1) > 24f64.exp2() || rest == whole {
            break;
        }
        if (above.1 / below.1) as f32 == scale {
            return (above.1, below.1);
        }
        rest = (rest - whole).recip();
    }
    (scale.into(), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(scale: f32, zero_point: i32) -> Element {
        let feature = Feature { counter: 0, factor: 1.0, offset: 0.0 };
        Element { feature, params: Params { kind: Kind::U8, scale, zero_point }, given: false }
    }

    /// What a step makes of a counter, by its own page in `docs/features.md`.
    fn run(step: &StepSpec, x: i64) -> i32 {
        match step {
            StepSpec::Bucketise { thresholds, base, .. } => {
                base + thresholds.iter().filter(|&&threshold| threshold < x).count() as i32
            }
            StepSpec::Affine(AffineSpec { multiplier, bias, shift, lo, hi, .. }) => {
                let sum = i128::from(x) * i128::from(*multiplier) + bias;
                let (floor, half) = (sum >> shift, if *shift > 0 { 1i128 << (shift - 1) } else { 0 });
                let rest = sum - (floor << shift);
                let up = *shift > 0 && (rest > half || rest == half && floor & 1 == 1);
                (floor + i128::from(up)).clamp((*lo).into(), (*hi).into()) as i32
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn counters_are_quantised_as_a_division_in_f32_rounds() {
        for (scale, resolution) in [
            (2.0, 1.0),
            (0.1, 1.0),
            (6.0, 1.0),
            (10.0, 1.0),
            (0.3, 0.125),
            (1.5, 0.25),
            (7.5, 0.5),
            (96.0, 4.0),
            (6.0 / 255.0, 1.0 / 32.0),
            (7.0 / 255.0, 1.0 / 32.0),
            (1000.0 / 255.0, 1.0),
            (3.77 / 127.0, 1.0 / 32.0),
        ] {
            for zero_point in [0, 128, 200] {
                let element = element(scale, zero_point);
                let step = element.step(&[resolution]).unwrap();
                for x in -3000i64..3000 {
                    let real = (x as f64 * resolution) as f32 / scale;
                    let expected = (real.round_ties_even() as i32 + zero_point).clamp(0, 255) - 128;
                    assert_eq!(run(&step, x), expected, "{scale} {resolution} {zero_point}: {x}");
                }
            }
        }
    }

    #[test]
    fn what_an_affine_step_rounds_otherwise_takes_thresholds() {
        let step = |scale: f32, resolution: f64| element(scale, 0).step(&[resolution]).unwrap();
        assert!(matches!(step(6.0, 1.0), StepSpec::Bucketise { .. }), "3 is halfway, and 1/6 no binary fraction");
        assert!(matches!(step(8.0, 1.0), StepSpec::Affine(_)), "1/8 is exact");
        assert!(matches!(step(5.0, 1.0), StepSpec::Affine(_)), "no integer is halfway");
        let StepSpec::Affine(affine) = step(6.0 / 255.0, 1.0 / 32.0) else { panic!("85/64 is exact") };
        assert_eq!(affine.multiplier as f64 / f64::from(affine.shift).exp2(), 85.0 / 64.0);
        let step = element(6.0, 128).step(&[1.0]).unwrap();
        assert_eq!([-9, -3, 3, 9, 15].map(|x| run(&step, x)), [-2, 0, 0, 2, 2]);
    }

    #[test]
    fn resolutions_that_are_no_numbers_are_refused() {
        for resolution in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(element(1.0, 0).step(&[resolution]).is_err());
        }
    }
}

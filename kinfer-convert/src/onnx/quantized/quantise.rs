//! QuantizeLinear: floats between two quantised tensors become one operator of the engine, or a few.

use kinfer::format::{ElementType, PoolMode, Rounding};

use super::super::GraphError;
use super::super::node::Site;
use super::builder::Builder;
use super::expression::Expression;
use super::factor;
use super::kind::{Kind, Params};
use super::layout::transposition;
use super::rows::Output;
use super::value::{Bias, Body, Integers, Mean, Move, Real, Rows, Sign, Source, Term};
use crate::kinf::functions::{direct, interpolated, softmax};
use crate::kinf::{
    AddSpec, ClipSpec, EntriesSpec, MulSpec, OperatorSpec, RescaleSpec, SoftmaxSpec, TableSpec, TensorSpec,
};

/// Segments of a table of 16-bit inputs, as a power of two.
const SEGMENT_BITS: u8 = 12;
/// Units that are one between a softmax and its output's own scale.
const FINE_UNITS: i32 = 1 << 24;

impl Builder {
    /// `real` on the grid of `params`.
    pub(super) fn quantize(&mut self, real: &Real, params: &Params) -> Result<Integers, GraphError> {
        let (lo, hi) = bounds(real, params);
        let site = &real.site;
        let mut integers = match &real.source {
            Source::Element(term, function) => self.function(term, function, params, site)?,
            Source::Rows(rows) => {
                let factors: Vec<f64> = rows.scales.iter().map(|scale| f64::from(scale / params.scale)).collect();
                self.rows(rows, &factors, &Output::Grid { params: *params, lo, hi }, site)?
            }
            Source::Sum(a, b, sign) => self.sum(a, b, *sign, params, (lo, hi), site)?,
            Source::Product(a, b) => self.product(a, b, params, (lo, hi), site)?,
            Source::Mean(term, mean) if term.params == *params => {
                let mode = if mean.with_padding { PoolMode::AveragePadded } else { PoolMode::Average };
                let mean = self.pool(&term.of, mean.window, mode, site)?;
                if (lo, hi) == params.engine_range() { mean } else { self.clip(&mean, lo, hi) }
            }
            Source::Mean(term, mean) => {
                let rows = mean_rows(term, mean, site)?;
                let factors: Vec<f64> = rows.scales.iter().map(|scale| f64::from(scale / params.scale)).collect();
                self.rows(&rows, &factors, &Output::Grid { params: *params, lo, hi }, site)?
            }
            Source::Softmax(scores) => self.softmax(scores, params, site)?,
            Source::Sigmoid(score) => return Err(not_quantised(&score.site, site)),
            Source::Concat(parts, axis) => {
                let mut parts = parts.iter();
                let first = parts.next().ok_or_else(|| GraphError::unsupported(site, "it has no inputs"))?;
                let mut all = self.quantize(first, params)?;
                for part in parts {
                    let part = self.quantize(part, params)?;
                    all = self.concat(&all, &part, *axis, site)?;
                }
                if lo > params.engine_range().0 || hi < params.engine_range().1 { self.clip(&all, lo, hi) } else { all }
            }
        };
        for step in &real.moves {
            integers = self.moved(&integers, step, site)?;
        }
        Ok(integers)
    }

    /// A move of integers: what a node that only moves, or takes a maximum, makes of them.
    pub(super) fn moved(&mut self, integers: &Integers, step: &Move, site: &Site) -> Result<Integers, GraphError> {
        match step {
            Move::Reshape(dims) => Ok(integers.reshaped(dims.clone())),
            Move::Transpose(axes) => {
                let from = transposition(&integers.dims, axes);
                let order = integers.order.renumbered(&from);
                let order =
                    order.ok_or_else(|| GraphError::unsupported(site, "its permutation does not fit its input"))?;
                let dims = axes.iter().filter_map(|&axis| integers.dims.get(axis).copied()).collect();
                Ok(Integers { dims, order, ..integers.clone() })
            }
            Move::MaxPool(window) => self.pool(integers, *window, PoolMode::Max, site),
        }
    }

    fn function(
        &mut self,
        term: &Term,
        function: &Expression,
        params: &Params,
        site: &Site,
    ) -> Result<Integers, GraphError> {
        let Term { of, params: from, .. } = term;
        if *function == Expression::Identity && from == params {
            return Ok(of.clone());
        }
        let input = of.tensor as u16;
        let (from_spec, to_spec) = (spec(from), spec(params));
        if from.kind.element() == ElementType::I8 {
            let entry = |q: i32| params.quantize(function.at(from.dequantize(q)));
            let entries = match params.kind.element() {
                ElementType::I8 => EntriesSpec::I8((-128..=127).map(|q| entry(q) as i8).collect()),
                ElementType::I16 => EntriesSpec::I16((-128..=127).map(|q| entry(q) as i16).collect()),
                ElementType::I32 => EntriesSpec::I32((-128..=127).map(entry).collect()),
            };
            return Ok(self.emit(params, &of.dims, of.order.clone(), |output| {
                OperatorSpec::Table(TableSpec { input, output, entries })
            }));
        }
        let (lo, hi) = params.engine_range();
        let lines = function.clamped_slopes().filter(|((below, above), _)| *below >= 0.0 && *above >= 0.0);
        if let Some(((below, above), clamp)) = lines {
            let factor = |slope: f32| factor::of_value((slope * from.scale / params.scale).into());
            let (Some(below), Some(above)) = (factor(below), factor(above)) else {
                return Err(out_of_range(site));
            };
            let (lo, hi) = (lo.max(params.quantize(clamp.0)), hi.min(params.quantize(clamp.1)));
            let rounding = Rounding::HalfEven;
            return Ok(self.emit(params, &of.dims, of.order.clone(), |output| {
                OperatorSpec::Rescale(RescaleSpec { input, output, above, below, rounding, lo, hi })
            }));
        }
        let value = |x: f64| f64::from(function.at(x as f32));
        let entries = interpolated(&from_spec, &to_spec, SEGMENT_BITS, (lo, hi), value);
        Ok(self.emit(params, &of.dims, of.order.clone(), |output| {
            OperatorSpec::Table(TableSpec { input, output, entries })
        }))
    }

    fn sum(
        &mut self,
        a: &Term,
        b: &Term,
        sign: Sign,
        params: &Params,
        (lo, hi): (i32, i32),
        site: &Site,
    ) -> Result<Integers, GraphError> {
        let ratio = |term: &Term| f64::from(term.params.scale / params.scale);
        let multipliers = factor::of_sum(ratio(a), ratio(b)).ok_or_else(|| out_of_range(site))?;
        let (inputs, of, multipliers, shift) = ordered(a, b, sign, multipliers, site)?;
        Ok(self.emit(params, &of.dims, of.order.clone(), |output| {
            OperatorSpec::Add(AddSpec { inputs, output, multipliers, shift, rounding: Rounding::HalfEven, lo, hi })
        }))
    }

    fn product(
        &mut self,
        a: &Term,
        b: &Term,
        params: &Params,
        (lo, hi): (i32, i32),
        site: &Site,
    ) -> Result<Integers, GraphError> {
        let scale = a.params.scale * b.params.scale / params.scale;
        let factor = factor::of_value(scale.into()).ok_or_else(|| out_of_range(site))?;
        let (inputs, of, ..) = ordered(a, b, Sign::Plus, (0, 0, 0), site)?;
        Ok(self.emit(params, &of.dims, of.order.clone(), |output| {
            OperatorSpec::Mul(MulSpec { inputs, output, factor, rounding: Rounding::HalfEven, lo, hi })
        }))
    }

    /// Straight to the output where its scale is a reciprocal, else by way of fine int32 units.
    fn softmax(&mut self, scores: &Real, params: &Params, site: &Site) -> Result<Integers, GraphError> {
        let term = scores.term().ok_or_else(|| not_quantised(&scores.site, site))?;
        let row = term.of.dims.last().copied().unwrap_or(1);
        if row != term.of.elements() && !term.of.order.is_identity() {
            return Err(GraphError::unsupported(site, "supported over the last dimension, or over all of a row"));
        }
        let units = f64::from(params.scale).recip();
        let straight = (units - units.round()).abs() < 1e-6 * units.max(1.0) && units < 1e9;
        let make =
            |spec: &TensorSpec, output| softmax((term.of.tensor as u16, &spec_at(term)), (output, spec), row as u32);
        if straight {
            let to = spec(params);
            return Ok(self.emit(params, &term.of.dims, term.of.order.clone(), |output| {
                OperatorSpec::Softmax(make(&to, output))
            }));
        }
        let fine = f64::from(FINE_UNITS).recip();
        let middle = TensorSpec { element: ElementType::I32, dims: vec![], zero_point: 0, scale: factor::scale(fine) };
        let shares = self.emit_scores(fine, &term.of.dims, term.of.order.clone(), |output| {
            OperatorSpec::Softmax(SoftmaxSpec { units: FINE_UNITS, ..make(&middle, output) })
        });
        let factor = factor::of_value(fine / f64::from(params.scale)).ok_or_else(|| out_of_range(site))?;
        let ((lo, hi), input) = (params.engine_range(), shares.tensor as u16);
        Ok(self.emit(params, &term.of.dims, term.of.order.clone(), |output| {
            let (above, below, rounding) = (factor, factor, Rounding::HalfEven);
            OperatorSpec::Rescale(RescaleSpec { input, output, above, below, rounding, lo, hi })
        }))
    }

    pub(super) fn clip(&mut self, integers: &Integers, lo: i32, hi: i32) -> Integers {
        let dims = super::builder::lies(&integers.dims, &integers.order);
        let input = self.shaped(integers, &dims);
        self.emit_like(integers, &integers.dims, integers.order.clone(), |output| {
            OperatorSpec::Clip(ClipSpec { input, output, lo, hi })
        })
    }

    /// `real` as scores that no node quantises: int32, or the integers that it is the dequantised form of.
    pub(super) fn scores(&mut self, real: &Real) -> Result<Integers, GraphError> {
        let site = &real.site;
        let mut integers = match &real.source {
            Source::Element(term, Expression::Identity) => term.of.clone(),
            Source::Element(term, function) if term.params.kind.element() == ElementType::I8 => {
                let values: Vec<f64> = (-128..=127).map(|q| function.at(term.params.dequantize(q)).into()).collect();
                let scale = score_scale(values.iter().fold(0.0, |most, value| f64::max(most, value.abs())), site)?;
                let to =
                    TensorSpec { element: ElementType::I32, dims: vec![], zero_point: 0, scale: factor::scale(scale) };
                let entries = direct(&spec_at(term), &to, |x| function.at(x as f32).into());
                let input = term.of.tensor as u16;
                self.emit_scores(scale, &term.of.dims, term.of.order.clone(), |output| {
                    OperatorSpec::Table(TableSpec { input, output, entries })
                })
            }
            Source::Rows(rows) => self.row_scores(rows, real)?,
            Source::Mean(term, mean) => self.row_scores(&mean_rows(term, mean, site)?, real)?,
            Source::Sum(a, b, sign) => {
                let scale = score_scale(reach(a) + reach(b), site)?;
                let ratio = |term: &Term| f64::from(term.params.scale) / scale;
                let multipliers = factor::of_sum(ratio(a), ratio(b)).ok_or_else(|| out_of_range(site))?;
                let (inputs, of, multipliers, shift) = ordered(a, b, *sign, multipliers, site)?;
                let (lo, hi) = score_bounds(real, scale);
                self.emit_scores(scale, &of.dims, of.order.clone(), |output| {
                    OperatorSpec::Add(AddSpec {
                        inputs,
                        output,
                        multipliers,
                        shift,
                        rounding: Rounding::HalfEven,
                        lo,
                        hi,
                    })
                })
            }
            Source::Product(a, b) => {
                let scale = score_scale(reach(a) * reach(b), site)?;
                let real_factor = f64::from(a.params.scale) * f64::from(b.params.scale) / scale;
                let factor = factor::of_value(real_factor).ok_or_else(|| out_of_range(site))?;
                let (inputs, of, ..) = ordered(a, b, Sign::Plus, (0, 0, 0), site)?;
                let (lo, hi) = score_bounds(real, scale);
                self.emit_scores(scale, &of.dims, of.order.clone(), |output| {
                    OperatorSpec::Mul(MulSpec { inputs, output, factor, rounding: Rounding::HalfEven, lo, hi })
                })
            }
            _ => return Err(GraphError::unsupported(site, "its float output is not supported as scores: quantise it")),
        };
        for step in &real.moves {
            if matches!(step, Move::MaxPool(_)) {
                return Err(GraphError::unsupported(
                    site,
                    "a maximum of floats is not supported as scores: quantise it",
                ));
            }
            integers = self.moved(&integers, step, site)?;
        }
        Ok(integers)
    }

    fn row_scores(&mut self, rows: &Rows, real: &Real) -> Result<Integers, GraphError> {
        let (lo, hi) = rows.input.kind.range();
        let width = f64::from(hi) - f64::from(lo);
        let columns = (rows.weights.len() / rows.scales.len().max(1)).max(1);
        let units =
            rows.weights.chunks(columns).zip(rows.scales.iter().zip(&rows.biases)).map(|(row, (&scale, bias))| {
                let weights: f64 = row.iter().map(|&weight| f64::from(weight).abs() * width).sum();
                weights + (bias.units as f64 + bias.real / f64::from(scale)).abs()
            });
        let units: Vec<f64> = units.collect();
        let first = rows.scales.first().copied().unwrap_or_default();
        let exact = rows.scales.iter().all(|&scale| scale == first)
            && rows.biases.iter().all(|bias| bias.real == 0.0)
            && units.iter().all(|&units| units < 30f64.exp2());
        let scale = if exact {
            f64::from(first)
        } else {
            let reach = units.iter().zip(&rows.scales).map(|(units, &scale)| units * f64::from(scale));
            score_scale(reach.fold(0.0, f64::max), &real.site)?
        };
        let factors: Vec<f64> = rows.scales.iter().map(|&of_row| f64::from(of_row) / scale).collect();
        let (lo, hi) = score_bounds(real, scale);
        self.rows(rows, &factors, &Output::Scores { scale, lo, hi }, &real.site)
    }
}

/// A mean over windows as a dense layer or convolution of ones.
fn mean_rows(term: &Term, mean: &Mean, site: &Site) -> Result<Rows, GraphError> {
    let Mean { window, with_padding } = *mean;
    let input = term.of.clone();
    let scale = |taps: usize| term.params.scale / taps as f32;
    let taps = usize::from(window.kernel[0]) * usize::from(window.kernel[1]);
    let padded = window.before != [0, 0] || window.after != [0, 0];
    let channels = input.dims.first().copied().unwrap_or(1);
    if with_padding || !padded {
        return Ok(Rows {
            input,
            weights: vec![1; channels * taps],
            scales: vec![scale(taps); channels],
            biases: vec![Default::default(); channels],
            body: Body::Conv { window, groups: channels },
        });
    }
    // Windows have different numbers of taps in the image: a row of ones and zeros an output.
    let [height, width] = match input.dims[..] {
        [_, height, width] => [height, width],
        [_, width] => [1, width],
        _ => return Err(GraphError::unsupported(site, "windows need [channels, width] or [channels, height, width]")),
    };
    let [rows, columns] = window.positions(height as u32, width as u32).map(|size| size as usize);
    let inside = |axis: usize, position: usize, size: usize| {
        let first = position * usize::from(window.stride[axis]);
        let taps = first..first + usize::from(window.kernel[axis]);
        let before = usize::from(window.before[axis]);
        taps.filter_map(move |tap| tap.checked_sub(before)).filter(move |&tap| tap < size).collect::<Vec<_>>()
    };
    let (mut weights, mut scales) = (Vec::new(), Vec::new());
    for output in 0..channels * rows * columns {
        let (channel, row, column) = (output / (rows * columns), output / columns % rows, output % columns);
        let (y, x) = (inside(0, row, height), inside(1, column, width));
        let mut ones = vec![0; input.elements()];
        for &y in &y {
            for &x in &x {
                if let Some(weight) = ones.get_mut((channel * height + y) * width + x) {
                    *weight = 1;
                }
            }
        }
        scales.push(scale((y.len() * x.len()).max(1)));
        weights.extend(ones);
    }
    let biases = vec![Default::default(); scales.len()];
    let dims = super::builder::image_dims(input.dims.len(), channels, rows, columns);
    Ok(Rows { input, weights, scales, biases, body: Body::Dense(dims) })
}

/// Both tensors of an add or mul, the one of one element second; what the output lies like.
#[expect(clippy::type_complexity)]
fn ordered<'a>(
    a: &'a Term,
    b: &'a Term,
    sign: Sign,
    (of_a, of_b, shift): (i32, i32, u8),
    site: &Site,
) -> Result<((u16, u16), &'a Integers, (i32, i32), u8), GraphError> {
    let of_b = if sign == Sign::Minus { -of_b } else { of_b };
    let (a, b, multipliers) =
        if a.of.elements() == 1 && b.of.elements() > 1 { (b, a, (of_b, of_a)) } else { (a, b, (of_a, of_b)) };
    let alike = a.of.dims == b.of.dims && a.of.order == b.of.order;
    if !alike && b.of.elements() != 1 {
        let what = if a.of.elements() == b.of.elements() {
            "its inputs lie in different orders".into()
        } else {
            format!(
                "its inputs are {:?} and {:?}: supported are equal dimensions, and one element",
                a.of.dims, b.of.dims
            )
        };
        return Err(GraphError::unsupported(site, what));
    }
    Ok(((a.of.tensor as u16, b.of.tensor as u16), &a.of, multipliers, shift))
}

/// The engine's numbers that a clamp and the type leave.
fn bounds(real: &Real, params: &Params) -> (i32, i32) {
    let (lo, hi) = params.engine_range();
    let lo = if real.clamp.0 > f32::NEG_INFINITY { params.quantize(real.clamp.0) } else { lo };
    let hi = if real.clamp.1 < f32::INFINITY { params.quantize(real.clamp.1) } else { hi };
    (lo, hi.max(lo))
}

fn score_bounds(real: &Real, scale: f64) -> (i32, i32) {
    let units = |bound: f32| (f64::from(bound) / scale).round_ties_even() as i32; // saturates
    (units(real.clamp.0), units(real.clamp.1))
}

/// A power of two of which 2^30 reach `largest`: scores that compare, and the decision's value to the last bit.
fn score_scale(largest: f64, site: &Site) -> Result<f64, GraphError> {
    if !(largest > 0.0 && largest < 31f64.exp2()) {
        return Err(GraphError::node(
            site,
            format!("its scores reach {largest}"),
            "scores are below 2^31, and not all the same: look at the model's last layer",
        ));
    }
    Ok((largest.log2().ceil() - 30.0).exp2())
}

/// The largest real number that a term can be.
fn reach(term: &Term) -> f64 {
    let (lo, hi) = term.params.kind.range();
    let furthest =
        (i64::from(hi) - i64::from(term.params.zero_point)).max(i64::from(term.params.zero_point) - i64::from(lo));
    f64::from(term.params.scale) * furthest as f64
}

/// As far as the tables of [`crate::kinf::functions`] ask.
fn spec(params: &Params) -> TensorSpec {
    TensorSpec {
        element: params.kind.element(),
        dims: vec![],
        zero_point: params.engine_zero_point(),
        scale: factor::scale(params.scale.into()),
    }
}

fn spec_at(term: &Term) -> TensorSpec {
    spec(&term.params)
}

pub(super) fn not_quantised(what: &Site, reader: &Site) -> GraphError {
    GraphError::unsupported(
        what,
        format!(
            "its output is not quantised and {reader} computes with it: quantise it too (QuantizeLinear, DequantizeLinear)"
        ),
    )
}

fn out_of_range(site: &Site) -> GraphError {
    GraphError::node(
        site,
        "its scales are too far apart: their ratio is 2^31 or more",
        "calibrate again: such a tensor has one value only",
    )
}

/// A tensor of constants that lies as `like` does: a dense layer without weights. `units` are in the graph's order.
pub(super) fn constants(
    builder: &mut Builder,
    like: &Integers,
    units: &[i32],
    scale: f32,
    site: &Site,
) -> Result<Term, GraphError> {
    // Zero is one of the numbers of their type: they span no more than it has.
    let (least, most) = units.iter().fold((0, 0), |(least, most), &unit| (unit.min(least), unit.max(most)));
    let kind = if most.abs_diff(least) < 256 { Kind::I8 } else { Kind::I16 };
    let (lo, hi) = kind.range();
    let zero_point = if least < lo || most > hi { lo - least } else { 0 };
    let params = Params { kind, scale, zero_point };
    let lying = like.order.numbers().iter().filter_map(|&number| units.get(number));
    let rows = Rows {
        input: builder.one_element(like),
        weights: vec![0; units.len()],
        scales: vec![scale; units.len()],
        biases: lying.map(|&unit| Bias { units: unit.into(), real: 0.0 }).collect(),
        body: Body::Dense(vec![units.len()]),
    };
    let (lo, hi) = params.engine_range();
    let of = builder.rows(&rows, &vec![1.0; units.len()], &Output::Grid { params, lo, hi }, site)?;
    Ok(Term { of: Integers { dims: like.dims.clone(), order: like.order.clone(), ..of }, params, name: String::new() })
}

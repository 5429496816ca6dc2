//! The feature program: raw counters to tensor 0.

use super::chain::last_where;
use super::form::{Form, Source};
use super::frontier::Column;
use super::grid::Grid;
use super::lower::Coding;
use super::writer::Writer;
use super::{NORMALISE, Prepared, factor, wrong};
use crate::error::Result;
use crate::kinf::{AffineSpec, StepSpec};
use kinfer::format::{ElementType, Rounding};

/// A value of the program: a feature's logarithm.
type Logarithm = (usize, bool);

/// The steps, and what each element of tensor 0 is on the two ends of its feature's range.
pub(super) struct Program {
    pub(super) steps: Vec<StepSpec>,
    /// Whether an element has one integer for all counters that calibration saw.
    pub(super) still: Vec<bool>,
}

/// Writes the program of all groups.
pub(super) fn program(writer: &Writer<'_>) -> Result<Program> {
    let mut program = Program { steps: vec![], still: vec![] };
    let mut logarithms: Vec<Logarithm> = vec![];
    let prepared = writer.prepared;
    for (index, group) in writer.lowered.groups.iter().enumerate() {
        let grid = writer.grid(writer.lowered.ops.len() + index)?;
        match &group.coding {
            Coding::Ranks(ranks) => {
                program.steps.extend(ranks.steps(grid.element));
                program.still.extend(group.columns.iter().map(|_| false));
            }
            Coding::Numbers(forms) => {
                for (element, (column, form)) in group.columns.iter().zip(forms).enumerate() {
                    let at = At { prepared, column, grid: &grid, element };
                    program.number(&at, form, &mut logarithms)?;
                }
            }
        }
    }
    Ok(program)
}

/// An element that is a number on a grid.
struct At<'a> {
    prepared: &'a Prepared<'a>,
    column: &'a Column,
    grid: &'a Grid,
    element: usize,
}

impl Program {
    fn number(&mut self, at: &At<'_>, form: &Form, logarithms: &mut Vec<Logarithm>) -> Result<()> {
        let feature = at.column.feature;
        let step = match *form {
            Form::Line { source, affine, lo, hi } => {
                let (number, range) = match source {
                    Source::Raw => (feature as u16, at.range()),
                    Source::Log2 { one_plus } => {
                        let number = self.logarithm(at, (feature, one_plus), logarithms);
                        (number, (0, 0))
                    }
                };
                let affine = at.affine(number, affine, range)?;
                let (lo, hi) = (at.bound(lo, affine.lo), at.bound(hi, affine.hi));
                StepSpec::Affine(AffineSpec { lo, hi, ..affine })
            }
            Form::OneHot { raw, off, on } => {
                let (off, on) = (at.integer(off), at.integer(on));
                let source = feature as u16;
                if let Some(StepSpec::OneHot { source: of, count, first, off: no, on: yes }) = self.steps.last_mut() {
                    let next = first.checked_add(i64::from(*count)) == Some(raw);
                    if next && (*of, *no, *yes) == (source, off, on) {
                        *count += 1;
                        self.still.push(off == on);
                        return Ok(());
                    }
                }
                StepSpec::OneHot { source, count: 1, first: raw, off, on }
            }
            Form::Stairs => at.stairs(),
        };
        self.still.push(at.is_still(&step));
        self.steps.push(step);
        Ok(())
    }

    /// The source number of a logarithm: values count behind the counters.
    fn logarithm(&mut self, at: &At<'_>, of: Logarithm, logarithms: &mut Vec<Logarithm>) -> u16 {
        let known = logarithms.iter().position(|known| *known == of);
        let index = known.unwrap_or_else(|| {
            self.steps.push(StepSpec::Log2 { source: of.0 as u16, one_plus: of.1 });
            logarithms.push(of);
            logarithms.len() - 1
        });
        (at.prepared.graph.features + index) as u16
    }
}

impl At<'_> {
    fn range(&self) -> (i64, i64) {
        self.prepared.ranges[self.column.feature]
    }

    fn value(&self, raw: i64) -> f64 {
        self.column.chain.value(raw as f64 * self.prepared.resolutions[self.column.feature])
    }

    /// The integer of a real value.
    fn integer(&self, x: f64) -> i32 {
        self.grid.zero_point + self.grid.units(self.element, x) as i32
    }

    /// The integer of a bound; of an infinite one `none`.
    fn bound(&self, x: f64, none: i32) -> i32 {
        if x.is_finite() { self.integer(x) } else { none }
    }

    /// `q = zero_point + (x − middle) · factor / scale + what the middle is off the centre`, the middle of the source's range
    /// being exact. Where the sum fits, the core computes it in 64 bits: a shift that leaves room for the element.
    fn affine(&self, source: u16, affine: crate::graph::Affine, (lo, hi): (i64, i64)) -> Result<AffineSpec> {
        let feature = || format!("feature {}", self.column.feature);
        let narrow = match self.grid.element {
            ElementType::I8 => 62 - 8,
            ElementType::I16 => 62 - 16,
            ElementType::I32 => 62 - 32,
        };
        let (scale, centre) = (self.grid.scales[self.element], self.grid.centres[self.element]);
        let (multiplier, shift) = factor::step(affine.factor / scale, narrow)
            .ok_or_else(|| wrong(&feature(), "its normalisation cannot be written in integers", NORMALISE))?;
        let twice_middle = i128::from(lo) + i128::from(hi);
        // The ends first: their sum may be exact where the middle is not.
        let middle = f64::midpoint(affine.at(lo as f64), affine.at(hi as f64));
        let off = (middle - centre) / scale * f64::from(shift).exp2();
        let representable = off.abs() < 120f64.exp2();
        if !representable {
            return Err(wrong(&feature(), "its normalisation cannot be written in integers", NORMALISE));
        }
        let bias = (i128::from(self.grid.zero_point) << shift) - i128::from(multiplier) * twice_middle / 2
            + off.round_ties_even() as i128;
        let (lo, hi) = (self.grid.lo, self.grid.hi);
        Ok(AffineSpec { source, multiplier, bias, shift, rounding: Rounding::HalfEven, lo, hi })
    }

    /// The counters at which the integer rises, between the integers that the ends of the feature's range have.
    fn stairs(&self) -> StepSpec {
        let (lo, hi) = self.range();
        let (first, last) = (self.integer(self.value(lo)), self.integer(self.value(hi)));
        let below = |raw: i64, integer: i32| {
            let x = self.value(raw);
            x.is_nan() || self.integer(x) <= integer
        };
        // What is below the first counter is in the first bucket.
        let threshold = |integer| last_where(|raw| below(raw, integer)).unwrap_or(i64::MIN);
        let mut thresholds: Vec<i64> = (first..last).map(threshold).collect();
        if thresholds.is_empty() {
            thresholds.push(i64::MAX); // a step has at least one
        }
        StepSpec::Bucketise { source: self.column.feature as u16, thresholds, base: first }
    }

    /// Whether all that calibration saw is one integer.
    fn is_still(&self, step: &StepSpec) -> bool {
        let (lo, hi) = self.range();
        match step {
            StepSpec::Affine(affine) => {
                let is_raw = usize::from(affine.source) < self.prepared.graph.features;
                let quantized = |raw: i64| {
                    let sum = (i128::from(raw) * i128::from(affine.multiplier) + affine.bias) >> affine.shift;
                    sum.clamp(i128::from(affine.lo), i128::from(affine.hi))
                };
                let still = is_raw && lo != hi && quantized(lo) == quantized(hi);
                still || affine.multiplier == 0
            }
            StepSpec::Bucketise { thresholds, .. } => lo != hi && !thresholds.iter().any(|at| (lo..hi).contains(at)),
            StepSpec::OneHot { off, on, .. } => off == on,
            _ => false,
        }
    }
}

//! The integers that stand for a layer's inputs.

use kinfer::format::ElementType;

use crate::network::{Layer, Matrix};

/// How range moves from activations to weights, from none to all of it: with 1 every element uses its whole range of
/// integers; with 0 every column of weights does.
const BALANCES: [f64; 5] = [1.0, 0.75, 0.5, 0.25, 0.0];
/// An element keeps at least so many steps, whatever the balance.
const FEWEST_STEPS: f64 = 32.0;
/// int16 has integers to spare, so values beyond the calibrated range need not saturate at once.
const HEADROOM_INT16: f64 = 2.0;
/// Range that an element without one is given, as a share of its layer's widest.
const UNSEEN: f64 = 1.0 / 64.0;

/// `q = clamp(zero_point + round((x − centre) / scale), lo, hi)`, centre and scale by element.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) element: ElementType,
    pub(super) zero_point: i32,
    pub(super) lo: i32,
    pub(super) hi: i32,
    pub(super) centres: Vec<f64>,
    pub(super) scales: Vec<f64>,
}

impl Grid {
    /// `q − zero_point` of a value of element `index`.
    pub(super) fn units(&self, index: usize, x: f64) -> f64 {
        let (lo, hi) = (f64::from(self.lo - self.zero_point), f64::from(self.hi - self.zero_point));
        ((x - self.centres[index]) / self.scales[index]).round_ties_even().clamp(lo, hi)
    }

    /// Grids worth trying for the inputs of a layer with these weights. `before` is the layer whose outputs they are.
    pub(super) fn candidates(
        before: Option<&Layer>,
        ranges: &[(f64, f64)],
        weights: &Matrix,
        element: ElementType,
    ) -> Vec<Self> {
        let widest = match before {
            // Clip to anything but [0, ∞): the clamp is common to all elements, so the scale must be too.
            Some(layer) if !layer.is_linear() && (layer.lo != 0.0 || layer.hi != f64::INFINITY) => {
                return vec![Self::common(layer, ranges, element)];
            }
            Some(layer) if !layer.is_linear() => Self::above_zero(ranges, element),
            _ => Self::centred(ranges, element),
        };
        BALANCES.iter().map(|&balance| widest.balanced(weights, balance)).collect()
    }

    /// For features and outputs that nothing clamps: the middle of each element's range is its zero point.
    fn centred(ranges: &[(f64, f64)], element: ElementType) -> Self {
        let (_, top) = element.range();
        let usable = f64::from(top) / headroom(element);
        let half_widths: Vec<_> = ranges.iter().map(|(lo, hi)| (hi - lo) / 2.0).collect();
        Self {
            element,
            zero_point: 0,
            lo: -top,
            hi: top,
            centres: ranges.iter().map(|(lo, hi)| (lo + hi) / 2.0).collect(),
            scales: seen(&half_widths).into_iter().map(|width| width / usable).collect(),
        }
    }

    /// After Relu: real zero is the smallest integer (int8) or zero (int16).
    fn above_zero(ranges: &[(f64, f64)], element: ElementType) -> Self {
        let (bottom, top) = element.range();
        let zero_point = if element == ElementType::I8 { bottom } else { 0 };
        let usable = f64::from(top - zero_point) / headroom(element);
        let widths: Vec<_> = ranges.iter().map(|(_, hi)| *hi).collect();
        Self {
            element,
            zero_point,
            lo: zero_point,
            hi: top,
            centres: vec![0.0; ranges.len()],
            scales: seen(&widths).into_iter().map(|width| width / usable).collect(),
        }
    }

    /// One scale for all elements, real zero exact, the clamp's bounds on the grid.
    fn common(layer: &Layer, ranges: &[(f64, f64)], element: ElementType) -> Self {
        let (bottom, top) = element.range();
        let lo = ranges.iter().map(|range| range.0).fold(0.0, f64::min);
        let hi = ranges.iter().map(|range| range.1).fold(0.0, f64::max);
        let (lo, hi) = if layer.lo >= 0.0 { (0.0, hi) } else { (lo, hi) };
        let scale = if hi > lo { (hi - lo) / f64::from(top - bottom) } else { 1.0 };
        let zero_point = (f64::from(bottom) - lo / scale).round().clamp(f64::from(bottom), f64::from(top)) as i32;
        let bound =
            |x: f64| (f64::from(zero_point) + x / scale).round().clamp(f64::from(bottom), f64::from(top)) as i32;
        Self {
            element,
            zero_point,
            lo: bound(layer.lo),
            hi: bound(layer.hi),
            centres: vec![0.0; ranges.len()],
            scales: vec![scale; ranges.len()],
        }
    }

    /// Makes the scales of elements larger whose columns of weights would be small, so that those columns grow.
    fn balanced(&self, weights: &Matrix, balance: f64) -> Self {
        let mut columns = vec![0f64; self.scales.len()];
        for row in weights.iter_rows() {
            let folded = |index: usize| (row[index] * self.scales[index]).abs();
            let largest = (0..row.len()).map(folded).fold(0.0, f64::max);
            if largest > 0.0 {
                columns
                    .iter_mut()
                    .enumerate()
                    .for_each(|(index, column)| *column = column.max(folded(index) / largest));
            }
        }
        let most = (f64::from(self.hi) - f64::from(self.lo)) / headroom(self.element) / FEWEST_STEPS;
        let coarser = |column: f64| if column > 0.0 { column.powf(balance - 1.0).min(most) } else { 1.0 };
        let scales = self.scales.iter().zip(columns).map(|(scale, column)| scale * coarser(column)).collect();
        Self { scales, ..self.clone() }
    }
}

fn headroom(element: ElementType) -> f64 {
    if element == ElementType::I8 { 1.0 } else { HEADROOM_INT16 }
}

/// Widths, with something for elements that calibration never saw move.
fn seen(widths: &[f64]) -> Vec<f64> {
    let widest = widths.iter().copied().fold(0.0, f64::max);
    let least = if widest > 0.0 { widest * UNSEEN } else { 1.0 };
    widths.iter().map(|&width| if width > 0.0 { width } else { least }).collect()
}

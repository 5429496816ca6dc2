//! The integers that stand for a value.

use kinfer::format::ElementType;

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

    /// The value on the grid that is nearest to one of element `index`.
    pub(super) fn snap(&self, index: usize, x: f64) -> f64 {
        self.centres[index] + self.scales[index] * self.units(index, x)
    }

    /// The integer of a bound that all elements share; they then have one scale, or the bound is zero or infinite.
    pub(super) fn bound(&self, x: f64) -> i32 {
        let (lo, hi) = (f64::from(self.lo), f64::from(self.hi));
        let units = match (self.centres.first(), self.scales.first()) {
            (Some(centre), Some(scale)) => (x - centre) / scale,
            _ => x,
        };
        (f64::from(self.zero_point) + units.round_ties_even()).clamp(lo, hi) as i32
    }

    /// The smallest and the largest number that it has for an element.
    pub(super) fn reach(&self, index: usize) -> (f64, f64) {
        let at = |q: i32| self.centres[index] + self.scales[index] * f64::from(q - self.zero_point);
        (at(self.lo), at(self.hi))
    }

    /// The one scale of all elements; the coarsest where they have their own.
    pub(super) fn scale(&self) -> f64 {
        self.scales.iter().copied().fold(0.0, f64::max)
    }
}

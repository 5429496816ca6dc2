//! Squared distances: to centroids, and between two tensors.

use super::super::bytes::{i32_at, i64_at};
use super::super::records::Tensor;
use super::additive::{entries, Entries};
use super::dense::{WeightType, WeightsIter};
use super::fields::{Fields, Rounding};
use crate::error::Problem;
use crate::iter::chunks;
use crate::ops::requantize::{Factor, Output};

/// Flag of both records: there are weights.
const WEIGHTED: u16 = 1;
/// Flag of a [`Distance`] record: there are biases.
const BIASED: u16 = 2;

/// Sum of squares → output, one factor for all: distances stay comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// Factor of the sum, not negative.
    pub multiplier: i32,
    /// Shift to the right.
    pub shift: u32,
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest result, in quantised units.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

impl Scaling {
    #[inline(never)]
    fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (lo, hi) = fields.clamp();
        let (multiplier, shift) = (fields.number(0), fields.number(1) as u32);
        Ok(Self { multiplier, shift, rounding: fields.rounding()?, lo, hi })
    }

    /// The factor; a shift over 255 becomes 255, which no rounding allows.
    pub fn factor(&self) -> Factor {
        Factor { multiplier: self.multiplier, shift: self.shift.min(255) as u8 }
    }

    /// What all elements share, writing to `output`.
    pub fn output(&self, output: &Tensor) -> Output {
        Output { zero_point: output.zero_point, lo: self.lo, hi: self.hi, rounding: self.rounding }
    }
}

/// Squared distance to each of some centroids, with diagonal weights: `acc[k] = bias[k] + Σ weight[k][i] · (q[i] −
/// centroid[k][i])²`, scaled. With an argmin head it is the assignment of k-means (scikit-learn `KMeans.predict`), or with
/// biases a Gaussian with diagonal covariance a class; with one centroid a Mahalanobis distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// Type of the centroids.
    pub centroid_type: WeightType,
    /// Offset in the data section of the centroids, `[centroid][element]`, in quantised units of the input with its zero
    /// point, so that it cancels.
    pub centroids: u32,
    /// Offset in the data section of one `i32` for each element of each centroid, not negative; `None` where all are 1.
    pub weights: Option<u32>,
    /// Offset in the data section of one `i64` a centroid, in units of the sum; `None` where all are 0.
    pub biases: Option<u32>,
    /// Sum → output.
    pub scaling: Scaling,
}

impl Distance {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self {
            centroid_type: WeightType::from_code(fields.variant())?,
            centroids: fields.offset(0),
            weights: fields.flag(WEIGHTED).then(|| fields.offset(1)),
            biases: fields.flag(BIASED).then(|| fields.offset(2)),
            scaling: Scaling::read(fields)?,
        })
    }

    /// The centroids in the data section, `row` elements each, as far as the data goes.
    pub fn centroids<'a>(
        &self,
        data: &'a [u8],
        row: usize,
        count: usize,
    ) -> impl Iterator<Item = Centroid<'a>> + use<'a> {
        let size = row.saturating_mul(self.centroid_type.size());
        let from = |offset: u32| data.get(offset as usize..).unwrap_or(&[]);
        let mut weights = self.weights.map(|offset| chunks(from(offset), row.saturating_mul(4)));
        let mut biases = self.biases.map(|offset| chunks(from(offset), 8));
        let centroid_type = self.centroid_type;
        chunks(from(self.centroids), size).take(count).map(move |values| Centroid {
            centroid_type,
            values,
            weights: weights.as_mut().and_then(Iterator::next),
            bias: biases.as_mut().and_then(Iterator::next).map_or(0, |bytes| i64_at(bytes, 0)),
        })
    }
}

/// One centroid.
#[derive(Clone, Copy, Debug)]
pub struct Centroid<'a> {
    centroid_type: WeightType,
    values: &'a [u8],
    weights: Option<&'a [u8]>,
    /// Start of the sum.
    pub bias: i64,
}

impl<'a> Centroid<'a> {
    /// Its elements, in quantised units.
    pub fn values(&self) -> WeightsIter<'a> {
        self.centroid_type.read(self.values)
    }

    /// The weights there are: none where all are 1.
    pub(crate) fn entries(&self) -> Entries<'a> {
        entries(self.weights.unwrap_or_default())
    }

    /// A weight an element; without weights 1 for ever.
    pub fn weights(&self) -> impl Iterator<Item = i32> + 'a {
        weights(self.weights)
    }
}

/// Squared difference of two tensors, summed with weights: `acc = Σ weight[i] · (a[i] − b[i])²` of values less their zero
/// points, scaled. The reconstruction error of an autoencoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquaredError {
    /// Offset in the data section of one `i32` an element, not negative; `None` where all are 1.
    pub weights: Option<u32>,
    /// Sum → output.
    pub scaling: Scaling,
}

impl SquaredError {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { weights: fields.flag(WEIGHTED).then(|| fields.offset(0)), scaling: Scaling::read(fields)? })
    }

    /// The weights in the data section and what follows them; where all are 1, nothing.
    pub(crate) fn entries<'a>(&self, data: &'a [u8]) -> Entries<'a> {
        entries(self.weights.and_then(|offset| data.get(offset as usize..)).unwrap_or_default())
    }

    /// A weight an element, as far as the data goes; without weights 1 for ever.
    pub fn weights<'a>(&self, data: &'a [u8]) -> impl Iterator<Item = i32> + use<'a> {
        weights(self.weights.map(|offset| data.get(offset as usize..).unwrap_or(&[])))
    }
}

fn weights(bytes: Option<&[u8]>) -> impl Iterator<Item = i32> + '_ {
    let mut weights = bytes.map(|bytes| chunks(bytes, 4));
    core::iter::from_fn(move || match &mut weights {
        Some(weights) => weights.next().map(|bytes| i32_at(bytes, 0)),
        None => Some(1),
    })
}

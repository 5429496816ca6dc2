//! Squared distances: to centroids, and between two tensors.

use kinfer::format::{Rounding, WeightType};

use super::dense::WeightsSpec;
use super::record::{Data, OperatorRecord};

/// Flag: there are weights.
const WEIGHTED: u16 = 1;
/// Flag: there are biases.
const BIASED: u16 = 2;

/// Sum of squares → output.
#[derive(Clone, Copy, Debug)]
pub struct ScalingSpec {
    /// Mantissa.
    pub multiplier: i32,
    /// Shift to the right.
    pub shift: u8,
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl ScalingSpec {
    /// The sum itself, clamped to `lo..=hi`.
    pub const fn exact(lo: i32, hi: i32) -> Self {
        Self { multiplier: 1, shift: 0, rounding: Rounding::HalfEven, lo, hi }
    }

    fn write(&self, record: &mut OperatorRecord) {
        record.rounding = Some(self.rounding);
        (record.lo, record.hi) = (self.lo, self.hi);
        [record.numbers[0], record.numbers[1]] = [self.multiplier, i32::from(self.shift)];
    }
}

/// Squared distance to each of some centroids.
#[derive(Clone, Debug)]
pub struct DistanceSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// `[centroid][element]`, in quantised units of the input.
    pub centroids: WeightsSpec,
    /// `[centroid][element]`, not negative; `None` where all are 1.
    pub weights: Option<Vec<i32>>,
    /// A value a centroid, in units of the sum; `None` where all are 0.
    pub biases: Option<Vec<i64>>,
    /// Sum → output.
    pub scaling: ScalingSpec,
}

impl DistanceSpec {
    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        let (centroid_type, centroids) = match &self.centroids {
            WeightsSpec::I8(centroids) => (WeightType::I8, data.place_i8(centroids)),
            WeightsSpec::I16(centroids) => (WeightType::I16, data.place_i16(centroids)),
        };
        record.variant = centroid_type as u8;
        record.offsets[0] = centroids;
        if let Some(weights) = &self.weights {
            record.flags |= WEIGHTED;
            record.offsets[1] = data.place_i32(weights);
        }
        if let Some(biases) = &self.biases {
            record.flags |= BIASED;
            record.offsets[2] = data.place_i64(biases);
        }
        self.scaling.write(&mut record);
        record
    }
}

/// Squared difference of two tensors, summed.
#[derive(Clone, Debug)]
pub struct SquaredErrorSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor that it compares with, of the same dimensions and scale.
    pub second: u16,
    /// Tensor it writes, of one element.
    pub output: u16,
    /// A value an element, not negative; `None` where all are 1.
    pub weights: Option<Vec<i32>>,
    /// Sum → output.
    pub scaling: ScalingSpec,
}

impl SquaredErrorSpec {
    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord { second: Some(self.second), ..OperatorRecord::new(self.input, self.output) };
        if let Some(weights) = &self.weights {
            record.flags |= WEIGHTED;
            record.offsets[0] = data.place_i32(weights);
        }
        self.scaling.write(&mut record);
        record
    }
}

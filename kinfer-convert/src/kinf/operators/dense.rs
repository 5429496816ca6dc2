//! Fully connected layers, and the rows of weights they share with convolutions.

use kinfer::format::{Rounding, WeightType};

use super::record::{Data, OperatorRecord};

/// Weights of one of the two types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightsSpec {
    /// 8 bits each.
    I8(Vec<i8>),
    /// 16 bits each.
    I16(Vec<i16>),
}

impl WeightsSpec {
    /// The weights as integers.
    pub fn values(&self) -> Vec<i64> {
        match self {
            Self::I8(weights) => weights.iter().copied().map(i64::from).collect(),
            Self::I16(weights) => weights.iter().copied().map(i64::from).collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::I8(weights) => weights.len(),
            Self::I16(weights) => weights.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Vec<i8>> for WeightsSpec {
    fn from(weights: Vec<i8>) -> Self {
        Self::I8(weights)
    }
}

impl From<Vec<i16>> for WeightsSpec {
    fn from(weights: Vec<i16>) -> Self {
        Self::I16(weights)
    }
}

/// Rows of weights, a row an output channel, and what makes an activation of their sums. All vectors but the weights have
/// one entry a channel.
#[derive(Clone, Debug)]
pub struct RowsSpec {
    /// Row after row.
    pub weights: WeightsSpec,
    /// In units of the accumulator.
    pub biases: Vec<i64>,
    /// Accumulator → output: mantissa.
    pub multipliers: Vec<i32>,
    /// Accumulator → output: shift to the right.
    pub shifts: Vec<u8>,
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest output, in quantised units.
    pub lo: i32,
    /// Largest output.
    pub hi: i32,
}

impl RowsSpec {
    pub(super) fn write(&self, record: &mut OperatorRecord, data: &mut Data) {
        let (weight_type, weights) = match &self.weights {
            WeightsSpec::I8(weights) => (WeightType::I8, data.place_i8(weights)),
            WeightsSpec::I16(weights) => (WeightType::I16, data.place_i16(weights)),
        };
        record.variant = weight_type as u8;
        record.rounding = Some(self.rounding);
        let shifts = |data: &mut Data| data.place(1, self.shifts.iter().map(|&shift| [shift]));
        record.offsets = [weights, data.place_i64(&self.biases), data.place_i32(&self.multipliers), shifts(data)];
        (record.lo, record.hi) = (self.lo, self.hi);
    }
}

/// Fully connected layer.
#[derive(Clone, Debug)]
pub struct DenseSpec {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// `[output][input]`.
    pub rows: RowsSpec,
    /// Whether inputs at the zero point may be skipped, so that a decision's time depends on its inputs.
    pub skip_zeros: bool,
}

impl DenseSpec {
    pub(super) fn record(&self, data: &mut Data) -> OperatorRecord {
        let mut record = OperatorRecord::new(self.input, self.output);
        record.flags = u16::from(self.skip_zeros);
        self.rows.write(&mut record, data);
        record
    }
}

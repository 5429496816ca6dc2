//! Fully connected layers, and what they share with convolutions: weights, biases, requantisation.

use super::super::bytes::i16_at;
use super::super::records::Tensor;
use super::fields::{Fields, Rounding};
use crate::error::Problem;
use crate::iter::chunks;
use crate::ops::requantize::{Factor, Output};

/// Type of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WeightType {
    /// 8-bit signed, one byte each.
    I8 = 1,
    /// 16-bit signed, two bytes each.
    I16 = 2,
}

impl WeightType {
    /// Bytes of one weight.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 => 2,
        }
    }

    /// The weights in `bytes`.
    #[inline]
    pub fn read(self, bytes: &[u8]) -> WeightsIter<'_> {
        WeightsIter { weight_type: self, bytes }
    }

    pub(super) fn from_code(code: u8) -> Result<Self, Problem> {
        Ok(match code {
            1 => Self::I8,
            2 => Self::I16,
            _ => return Err(Problem::UnknownType { code }),
        })
    }
}

/// See [`WeightType::read`].
#[derive(Clone, Copy, Debug)]
pub struct WeightsIter<'a> {
    weight_type: WeightType,
    bytes: &'a [u8],
}

impl Iterator for WeightsIter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        let (weight, rest) = self.bytes.split_at_checked(self.weight_type.size())?;
        self.bytes = rest;
        Some(match *weight {
            [byte] => i64::from(byte as i8),
            _ => i64::from(i16_at(weight, 0)),
        })
    }

    /// A loop for each type: most of a load is this one.
    #[inline]
    fn fold<B, F: FnMut(B, i64) -> B>(self, init: B, mut f: F) -> B {
        match self.weight_type {
            WeightType::I8 => self.bytes.iter().fold(init, |all, &weight| f(all, i64::from(weight as i8))),
            WeightType::I16 => chunks(self.bytes, 2).fold(init, |all, weight| f(all, i64::from(i16_at(weight, 0)))),
        }
    }
}

/// From accumulator to activation, per output channel: `saturate(zero_point + round(acc · multiplier / 2^shift))`, then
/// clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requantize {
    /// Offset in the data section of one `i32` a channel: the multiplier, not negative.
    pub multipliers: u32,
    /// Offset in the data section of one `u8` a channel: the shift.
    pub shifts: u32,
    /// How the shift rounds.
    pub rounding: Rounding,
    /// Smallest result, in quantised units: a fused ReLU puts the zero point here.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

/// Rows of weights, one an output channel, with all that makes an activation of their sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Type of the weights.
    pub weight_type: WeightType,
    /// Offset in the data section of the weights, `[channel][…]`, row after row.
    pub weights: u32,
    /// Offset in the data section of one `i64` a channel, in units of the accumulator.
    pub biases: u32,
    /// Accumulator → output.
    pub requantize: Requantize,
}

impl Weights {
    #[inline(never)]
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let (lo, hi) = fields.clamp();
        Ok(Self {
            weight_type: WeightType::from_code(fields.variant())?,
            weights: fields.offset(0),
            biases: fields.offset(1),
            requantize: Requantize {
                multipliers: fields.offset(2),
                shifts: fields.offset(3),
                rounding: fields.rounding()?,
                lo,
                hi,
            },
        })
    }

    /// What all channels share, writing to `output`.
    pub fn output(&self, output: &Tensor) -> Output {
        let Requantize { lo, hi, rounding, .. } = self.requantize;
        Output { zero_point: output.zero_point, lo, hi, rounding }
    }

    /// The channels in the data section, `row` weights each, as far as the data goes.
    pub fn channels<'a>(&self, data: &'a [u8], row: usize, channels: usize) -> ChannelIter<'a> {
        self.channels_from(data, row, 0, channels)
    }

    /// As [`Weights::channels`], from channel `first` on.
    #[inline(never)]
    pub fn channels_from<'a>(&self, data: &'a [u8], row: usize, first: usize, channels: usize) -> ChannelIter<'a> {
        let size = row.saturating_mul(self.weight_type.size());
        let from = |offset: u32, each: usize| {
            let skipped = each.saturating_mul(first);
            data.get((offset as usize).saturating_add(skipped)..).unwrap_or(&[])
        };
        ChannelIter {
            weight_type: self.weight_type,
            size,
            left: if size > 0 { channels.saturating_sub(first) } else { 0 },
            weights: from(self.weights, size),
            biases: from(self.biases, 8),
            multipliers: from(self.requantize.multipliers, 4),
            shifts: from(self.requantize.shifts, 1),
        }
    }
}

/// See [`Weights::channels`].
#[derive(Clone, Copy, Debug)]
pub struct ChannelIter<'a> {
    weight_type: WeightType,
    size: usize,
    left: usize,
    weights: &'a [u8],
    biases: &'a [u8],
    multipliers: &'a [u8],
    shifts: &'a [u8],
}

impl<'a> Iterator for ChannelIter<'a> {
    type Item = Channel<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Channel<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (weights, behind) = self.weights.split_at_checked(self.size)?;
        let (&bias, biases) = self.biases.split_first_chunk()?;
        let (&multiplier, multipliers) = self.multipliers.split_first_chunk()?;
        let (&shift, shifts) = self.shifts.split_first()?;
        (self.weights, self.biases, self.multipliers, self.shifts) = (behind, biases, multipliers, shifts);
        let factor = Factor { multiplier: i32::from_le_bytes(multiplier), shift };
        Some(Channel { weight_type: self.weight_type, weights, bias: i64::from_le_bytes(bias), factor })
    }
}

impl WeightsIter<'_> {
    /// How many are left, or more.
    pub(crate) const fn most(&self) -> usize {
        self.bytes.len()
    }
}

/// One row of weights.
#[derive(Clone, Copy, Debug)]
pub struct Channel<'a> {
    weight_type: WeightType,
    weights: &'a [u8],
    /// Start of the accumulator.
    pub bias: i64,
    /// Accumulator → output.
    pub factor: Factor,
}

impl<'a> Channel<'a> {
    /// A row as it lies in the data section.
    #[cfg(test)]
    pub(crate) const fn new(weight_type: WeightType, weights: &'a [u8], bias: i64, factor: Factor) -> Self {
        Self { weight_type, weights, bias, factor }
    }

    /// The weights as integers.
    #[inline]
    pub fn weights(&self) -> WeightsIter<'a> {
        self.weight_type.read(self.weights)
    }
}

/// Fully connected layer (ONNX Gemm, MatMul + Add, with a fused Relu or Clip): `acc[o] = bias[o] + Σ weight[o][i] ·
/// (input[i] − zero_point)`, requantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// The rows, one an output.
    pub weights: Weights,
    /// Whether inputs that are at the zero point may be skipped, so that a decision's time depends on its inputs.
    pub skip_zeros: bool,
}

/// Flag of a [`Dense`] record.
const SKIP_ZEROS: u16 = 1;

impl Dense {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        Ok(Self { skip_zeros: fields.flag(SKIP_ZEROS), weights: Weights::read(fields)? })
    }
}

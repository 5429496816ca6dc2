//! Operator records.

use super::bytes::{i32_at, i64_at, is_zero, u16_at, u32_at, u8_at};
use super::records::{Record, Tensor};
use crate::error::{Error, Place, Problem, Result};
use crate::iter::chunks;
use crate::ops::requantize::{Factor, Output};

/// Bytes of an [`Operator`] record.
pub const OPERATOR_SIZE: usize = 40;

/// Which operator, without its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorKind {
    /// [`Dense`].
    Dense,
    /// [`Clip`].
    Clip,
}

impl OperatorKind {
    /// The name in messages and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Clip => "clip",
        }
    }
}

/// How a division by a power of two rounds. The field has no single rule, so it is a field of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, ties to even: ONNX QuantizeLinear, ONNX Runtime.
    HalfEven,
}

impl Rounding {
    pub(super) fn from_code(code: u8) -> core::result::Result<Self, Problem> {
        match code {
            0 => Ok(Self::HalfEven),
            _ => Err(Problem::UnknownRounding { code }),
        }
    }
}

/// Type of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightType {
    /// 8-bit signed, one byte each.
    I8,
}

impl WeightType {
    /// Bytes of one weight.
    pub const fn size(self) -> u64 {
        match self {
            Self::I8 => 1,
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

/// Fully connected layer (ONNX Gemm, MatMul + Add, with a fused Relu or Clip): `acc[o] = bias[o] + Σ weight[o][i] ·
/// (input[i] − zero_point)`, requantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// Type of the weights.
    pub weight_type: WeightType,
    /// Offset in the data section of the weights, `[output][input]`, row after row.
    pub weights: u32,
    /// Offset in the data section of one `i64` a channel, in units of the accumulator.
    pub biases: u32,
    /// Accumulator → output.
    pub requantize: Requantize,
}

impl Dense {
    /// What all channels share, writing to `output`.
    pub fn output(&self, output: &Tensor) -> Output {
        let Requantize { lo, hi, rounding, .. } = self.requantize;
        Output { zero_point: output.zero_point, lo, hi, rounding }
    }

    /// The channels of a layer of `inputs` × `outputs` in the data section, as far as the data goes.
    pub fn channels<'a>(
        &self,
        data: &'a [u8],
        inputs: usize,
        outputs: usize,
    ) -> impl Iterator<Item = Channel<'a>> + use<'a> {
        let from = |offset: u32| data.get(offset as usize..).unwrap_or(&[]);
        let weights = chunks(from(self.weights), inputs);
        let biases = chunks(from(self.biases), 8);
        let multipliers = chunks(from(self.requantize.multipliers), 4);
        let shifts = from(self.requantize.shifts).iter();
        weights.zip(biases).zip(multipliers).zip(shifts).take(outputs).map(|(((weights, bias), multiplier), &shift)| {
            let factor = Factor { multiplier: i32_at(multiplier, 0), shift };
            Channel { weights, bias: i64_at(bias, 0), factor }
        })
    }
}

/// One output of a dense layer.
#[derive(Clone, Copy, Debug)]
pub struct Channel<'a> {
    /// The row of weights, as bytes of the layer's weight type.
    pub weights: &'a [u8],
    /// Start of the accumulator.
    pub bias: i64,
    /// Accumulator → output.
    pub factor: Factor,
}

impl<'a> Channel<'a> {
    /// The weights as integers.
    pub fn weights(&self) -> impl Iterator<Item = i64> + use<'a> {
        self.weights.iter().map(|&byte| i64::from(byte as i8))
    }
}

/// Clamp element by element (ONNX Relu and Clip): input and output share type, scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Smallest result, in quantised units.
    pub lo: i32,
    /// Largest result.
    pub hi: i32,
}

/// Parameters by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// See [`Dense`].
    Dense(Dense),
    /// See [`Clip`].
    Clip(Clip),
}

/// An operator: what it reads, what it writes, how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Tensor it reads.
    pub input: u16,
    /// Tensor it writes.
    pub output: u16,
    /// What it does.
    pub parameters: Parameters,
}

impl Operator {
    /// The operator's kind.
    pub const fn kind(&self) -> OperatorKind {
        match self.parameters {
            Parameters::Dense(_) => OperatorKind::Dense,
            Parameters::Clip(_) => OperatorKind::Clip,
        }
    }
}

impl Record<'_> for Operator {
    const SIZE: usize = OPERATOR_SIZE;

    fn read(index: u32, bytes: &[u8]) -> Result<Self> {
        let kind = match u16_at(bytes, 0) {
            1 => OperatorKind::Dense,
            2 => OperatorKind::Clip,
            kind => return Err(Error::new(Place::Record(index), Problem::UnknownKind { kind })),
        };
        let refuse = |problem| Error::new(Place::Operator(index, kind), problem);
        let (lo, hi) = (i32_at(bytes, 24), i32_at(bytes, 28));
        let reserved = match kind {
            OperatorKind::Dense => (32, OPERATOR_SIZE),
            OperatorKind::Clip => (8, 24),
        };
        if !is_zero(bytes, reserved.0, reserved.1) || !is_zero(bytes, 32, OPERATOR_SIZE) {
            return Err(refuse(Problem::Reserved { offset: reserved.0 as u32 }));
        }
        let parameters = match kind {
            OperatorKind::Dense => Parameters::Dense(Dense {
                weight_type: match u8_at(bytes, 3) {
                    1 => WeightType::I8,
                    code => return Err(refuse(Problem::UnknownType { code })),
                },
                weights: u32_at(bytes, 8),
                biases: u32_at(bytes, 12),
                requantize: Requantize {
                    multipliers: u32_at(bytes, 16),
                    shifts: u32_at(bytes, 20),
                    rounding: Rounding::from_code(u8_at(bytes, 2)).map_err(refuse)?,
                    lo,
                    hi,
                },
            }),
            OperatorKind::Clip if u16_at(bytes, 2) != 0 => return Err(refuse(Problem::Reserved { offset: 2 })),
            OperatorKind::Clip => Parameters::Clip(Clip { lo, hi }),
        };
        Ok(Self { input: u16_at(bytes, 4), output: u16_at(bytes, 6), parameters })
    }
}

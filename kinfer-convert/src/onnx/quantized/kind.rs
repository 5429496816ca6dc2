//! Integer types of ONNX tensors and how they are quantised.

use kinfer::format::ElementType;

/// Element type of an integer tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    I2,
    U2,
    I4,
    U4,
    I8,
    U8,
    I16,
    U16,
    I32,
}

impl Kind {
    /// By the code of `TensorProto.DataType`.
    pub(super) fn of_code(code: i32) -> Option<Self> {
        Some(match code {
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            21 => Self::U4,
            22 => Self::I4,
            25 => Self::U2,
            26 => Self::I2,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::I2 => "int2",
            Self::U2 => "uint2",
            Self::I4 => "int4",
            Self::U4 => "uint4",
            Self::I8 => "int8",
            Self::U8 => "uint8",
            Self::I16 => "int16",
            Self::U16 => "uint16",
            Self::I32 => "int32",
        }
    }

    /// Smallest and largest number.
    pub(super) fn range(self) -> (i32, i32) {
        match self {
            Self::I2 => (-2, 1),
            Self::U2 => (0, 3),
            Self::I4 => (-8, 7),
            Self::U4 => (0, 15),
            Self::I8 => (-128, 127),
            Self::U8 => (0, 255),
            Self::I16 => (-32_768, 32_767),
            Self::U16 => (0, 65_535),
            Self::I32 => (i32::MIN, i32::MAX),
        }
    }

    /// What a number of the graph is above the engine's, whose types are signed.
    pub(super) fn offset(self) -> i32 {
        match self {
            Self::U8 => 128,
            Self::U16 => 32_768,
            _ => 0,
        }
    }

    /// The engine's type.
    pub(super) fn element(self) -> ElementType {
        match self {
            Self::I2 | Self::U2 | Self::I4 | Self::U4 | Self::I8 | Self::U8 => ElementType::I8,
            Self::I16 | Self::U16 => ElementType::I16,
            Self::I32 => ElementType::I32,
        }
    }
}

/// Scale and zero point of a whole tensor: `scale · (q − zero_point)`, in the graph's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Params {
    pub(super) kind: Kind,
    pub(super) scale: f32,
    pub(super) zero_point: i32,
}

impl Params {
    /// The zero point among the engine's numbers.
    pub(super) fn engine_zero_point(&self) -> i32 {
        self.zero_point - self.kind.offset()
    }

    /// Smallest and largest of the engine's numbers.
    pub(super) fn engine_range(&self) -> (i32, i32) {
        let (lo, hi) = self.kind.range();
        (lo - self.kind.offset(), hi - self.kind.offset())
    }

    /// QuantizeLinear as ONNX Runtime computes it, in `f32`: the engine's number for a real one.
    pub(super) fn quantize(&self, real: f32) -> i32 {
        let (lo, hi) = self.engine_range();
        let zero_point = self.engine_zero_point();
        let units = (real / self.scale).round_ties_even();
        // Saturates; what is not a number becomes zero.
        (f64::from(units) + f64::from(zero_point)).clamp(lo.into(), hi.into()) as i32
    }

    /// DequantizeLinear of one of the engine's numbers, in `f32`.
    pub(super) fn dequantize(&self, q: i32) -> f32 {
        q.wrapping_sub(self.engine_zero_point()) as f32 * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantising_rounds_ties_to_even_and_saturates() {
        let params = Params { kind: Kind::U8, scale: 2.0, zero_point: 128 };
        // The values of ONNX's own test of QuantizeLinear, less 128.
        let q = [0.0, 2.0, 3.0, 1000.0, -254.0, -1000.0].map(|real| params.quantize(real));
        assert_eq!(q, [0, 1, 2, 127, -127, -128]);
        assert_eq!((params.quantize(1.0), params.quantize(5.0), params.quantize(f32::INFINITY)), (0, 2, 127));
        assert_eq!(params.dequantize(-3), -6.0);
    }

    #[test]
    fn unsigned_types_are_shifted_into_signed_ones() {
        for (kind, range) in [
            (Kind::U8, (-128, 127)),
            (Kind::I8, (-128, 127)),
            (Kind::U16, (-32_768, 32_767)),
            (Kind::U4, (0, 15)),
            (Kind::I4, (-8, 7)),
        ] {
            let params = Params { kind, scale: 1.0, zero_point: 0 };
            assert_eq!(params.engine_range(), range, "{}", kind.name());
            let (lo, hi) = kind.element().range();
            assert!(lo <= range.0 && range.1 <= hi);
        }
    }
}

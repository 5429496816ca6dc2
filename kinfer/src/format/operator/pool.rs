//! Pooling.

use super::fields::{Fields, Rounding};
use super::window::Window;
use crate::error::Problem;

/// What pooling makes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PoolMode {
    /// The largest value; padding does not count.
    Max = 1,
    /// The mean of the values that are in the image.
    Average = 2,
    /// The mean of all taps, those in the padding being real zeros.
    AveragePadded = 3,
}

/// Pooling, channel by channel (ONNX MaxPool, AveragePool, and their Global forms with a window of the image's size).
/// Input and output share type, scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What is made of a window.
    pub mode: PoolMode,
    /// How a mean rounds: [`Rounding::HalfEven`] or [`Rounding::TfliteDouble`], see [`crate::ops::pool::Mean`].
    pub rounding: Rounding,
    /// The window, not dilated.
    pub window: Window,
}

impl Pool {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let mode = match fields.variant() {
            1 => PoolMode::Max,
            2 => PoolMode::Average,
            3 => PoolMode::AveragePadded,
            code => return Err(Problem::UnknownMode { code }),
        };
        let rounding = match (mode, fields.rounding()?) {
            (_, Rounding::HalfEven) => Rounding::HalfEven,
            (PoolMode::Average | PoolMode::AveragePadded, Rounding::TfliteDouble) => Rounding::TfliteDouble,
            (_, other) => return Err(Problem::UnknownRounding { code: other as u8 }),
        };
        Ok(Self { mode, rounding, window: Window::read(fields, false)? })
    }
}

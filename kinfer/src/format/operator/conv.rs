//! Convolutions.

use super::super::records::Tensor;
use super::dense::Weights;
use super::fields::Fields;
use super::window::Window;
use crate::error::{Problem, What};

/// Convolution over height and width (ONNX Conv, with a fused Relu or Clip), image and result `[height, width, channels]`:
/// `acc[y][x][o] = bias[o] + Σ weight[o][i][j][c] · (input[y·s + i·d − top][x·s + j·d − left][c] − zero_point)`,
/// requantised. What lies outside the image adds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// The rows, one an output channel: `[kernel height][kernel width][input channels of its group]`.
    pub weights: Weights,
    /// The window.
    pub window: Window,
    /// Groups of channels: an output channel sees the input channels of its group only. At least one; as many as input
    /// channels is a depthwise convolution.
    pub groups: u32,
}

impl Conv {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let window = Window::read(fields, true)?;
        let groups = fields.number(5) as u32;
        if groups == 0 {
            return Err(Problem::ZeroWindow { what: What::GroupCount });
        }
        Ok(Self { weights: Weights::read(fields)?, window, groups })
    }

    /// Input and output channels of a group, where `input` and `output` are the tensors.
    pub fn channels_of_group(&self, input: &Tensor, output: &Tensor) -> [usize; 2] {
        let of_group = |channels: u32| channels.checked_div(self.groups).unwrap_or(0) as usize;
        [of_group(input.channels()), of_group(output.channels())]
    }

    /// Weights of a row.
    pub fn row(&self, input: &Tensor) -> usize {
        let [inputs, _] = self.channels_of_group(input, input);
        self.window.taps().saturating_mul(inputs)
    }
}

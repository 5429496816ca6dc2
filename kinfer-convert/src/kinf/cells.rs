//! Recurrent cells made of the operators that there are: one time step of an ONNX GRU or LSTM a decision, with what it
//! remembers in the caller's state.
//!
//! Activations are int16. The pre-activations of all gates of one function are one dense layer over input and hidden state
//! side by side, and the sum is exact: both share a grid, onto which the finer of the two is rescaled. What is remembered
//! is on a grid of its own, so that a coarse input does not make the memory coarse. Grids, in real units:
//!
//! | tensor | scale | range |
//! |---|---|---|
//! | hidden state, tanh | 2^−15 | −1 to 1 |
//! | sigmoid | 2^−16, zero point −32768 | 0 to 1 |
//! | before a sigmoid, before a tanh | 12/2^15, 6/2^15 | beyond it the function has its last value |
//! | input beside hidden state | the coarser of both | |
//! | cell state of an LSTM | `cell_range`/2^15 | saturates |
//!
//! The equations are those of the ONNX operators GRU and LSTM with their default activations, forward, without peepholes
//! and clip; `docs/operators/state.md` says which operators they become, and how far from the real ones they are.

use fixed::types::U32F96;
use kinfer::format::{ElementType, Rounding, WeightType};

use super::functions::Function;
use super::operators::{
    AddSpec, ConcatSpec, DenseSpec, MulSpec, OperatorSpec, RecallSpec, RememberSpec, RescaleSpec, RowsSpec, SliceSpec,
    TableSpec, WeightsSpec,
};
use super::{ModelSpec, TensorSpec};

/// Weights of a cell as ONNX lays them out, for one direction, and where the cell is in the model.
#[derive(Clone, Copy, Debug)]
pub struct CellSpec<'a> {
    /// The tensor of the inputs of this time step: int8 or int16.
    pub input: u16,
    /// The first word of the caller's state that it uses: `hidden` words of a GRU, twice that of an LSTM, the hidden state
    /// before the cell state.
    pub slot: u32,
    /// Elements of the hidden state.
    pub hidden: usize,
    /// `W`: `[gate][hidden][input]`, the gates z, r, h of a GRU or i, o, f, c of an LSTM.
    pub w: &'a [f64],
    /// `R`: `[gate][hidden][hidden]`.
    pub r: &'a [f64],
    /// `B`: `[gate][hidden]` for the inputs, then as many for the hidden state; empty for zeros.
    pub b: &'a [f64],
    /// Type of the weights.
    pub weight_type: WeightType,
}

/// Appends a GRU to `model`; the tensor of its hidden state after this step. `linear_before_reset` is ONNX's attribute;
/// PyTorch's and Keras' (by default) GRU have it set.
///
/// # Panics
///
/// The weights have another number than 3 gates, `hidden` and the input tensor's elements make, or are not finite.
pub fn gru(model: &mut ModelSpec, cell: &CellSpec<'_>, linear_before_reset: bool) -> u16 {
    let mut to = Appender::new(model, cell, 3);
    let (input, h) = (cell.input, to.recall(cell.slot, UNIT));
    let joint = to.joint_grid();
    let (x_joint, h_joint) = (to.rescale(input, joint), to.rescale(h, joint));

    let both = to.concat(x_joint, h_joint);
    let gates = to.dense(both, &to.rows(0..2, &[Part::Input, Part::Hidden]), SIGMOID_INPUT);
    let gates = to.table(gates, Function::Sigmoid, SHARE);
    let (z, r) = (to.gate(gates, 0), to.gate(gates, 1));

    let candidate = if linear_before_reset {
        let rows = to.rows(2..3, &[Part::Hidden]);
        let recurrent = Grid::symmetric(rows.reach(1.0));
        let part = to.dense(h, &rows, recurrent);
        let part = to.mul(r, part, recurrent);
        let rows = to.rows(2..3, &[Part::Input]);
        // What is further away saturates the sum, whatever the other part is.
        let most = recurrent.reach() + TANH_INPUT.reach();
        let grid = Grid::symmetric(rows.reach(to.grid(input).reach()).min(most));
        let inputs = to.dense(input, &rows, grid);
        to.add((inputs, 1.0), (part, 1.0), TANH_INPUT)
    } else {
        let reset = to.mul(r, h, joint);
        let both = to.concat(x_joint, reset);
        to.dense(both, &to.rows(2..3, &[Part::Input, Part::Hidden]), TANH_INPUT)
    };
    let n = to.table(candidate, Function::Tanh, UNIT);

    // (1 − z) · n + z · h, as n + z · (h − n): one share, so that what is remembered does not drift.
    let change = to.add((h, 1.0), (n, -1.0), TWO);
    let change = to.mul(z, change, TWO);
    let h = to.add((n, 1.0), (change, 1.0), UNIT);
    to.remember(h, cell.slot)
}

/// Appends an LSTM to `model`; the tensor of its hidden state after this step. The cell state saturates at ±`cell_range`:
/// the largest that calibration saw, and some more.
///
/// # Panics
///
/// The weights have another number than 4 gates, `hidden` and the input tensor's elements make, or are not finite, or
/// `cell_range` is not positive.
pub fn lstm(model: &mut ModelSpec, cell: &CellSpec<'_>, cell_range: f64) -> u16 {
    assert!(cell_range > 0.0 && cell_range.is_finite(), "a cell state in ±{cell_range}");
    let mut to = Appender::new(model, cell, 4);
    let slot_c = cell.slot.saturating_add(cell.hidden as u32);
    let memory = Grid::symmetric(cell_range);
    let (h, c) = (to.recall(cell.slot, UNIT), to.recall(slot_c, memory));
    let joint = to.joint_grid();
    let (x_joint, h_joint) = (to.rescale(cell.input, joint), to.rescale(h, joint));

    let both = to.concat(x_joint, h_joint);
    let gates = to.dense(both, &to.rows(0..3, &[Part::Input, Part::Hidden]), SIGMOID_INPUT);
    let gates = to.table(gates, Function::Sigmoid, SHARE);
    let g = to.dense(both, &to.rows(3..4, &[Part::Input, Part::Hidden]), TANH_INPUT);
    let g = to.table(g, Function::Tanh, UNIT);
    let (i, o, f) = (to.gate(gates, 0), to.gate(gates, 1), to.gate(gates, 2));

    let (kept, new) = (to.mul(f, c, memory), to.mul(i, g, UNIT));
    let c = to.add((kept, 1.0), (new, 1.0), memory);
    let c = to.remember(c, slot_c);
    let c = to.table(c, Function::Tanh, UNIT);
    let h = to.mul(o, c, UNIT);
    to.remember(h, cell.slot)
}

/// Segments of a table, as a power of two, so that the lines between its knots are off by less than half a unit: a chord
/// is off by an eighth of its width's square times the second derivative, which is at most 0.77 of a tanh and 0.097 of a
/// sigmoid. Of a memory that reaches beyond 25 they are off by more; its own steps are coarser then.
fn segment_bits(function: Function, reach: f64) -> u8 {
    let segments = if function == Function::Tanh { 160.0 } else { 80.0 } * reach;
    segments.log2().ceil().clamp(10.0, 12.0) as u8
}

/// Of an int16 tensor: real units of one quantised unit, and real zero.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Grid {
    scale: f64,
    zero_point: i32,
}

const STEPS: f64 = 32_768.0;
/// Hidden state, tanh.
const UNIT: Grid = Grid { scale: 1.0 / STEPS, zero_point: 0 };
/// A difference of two of them.
const TWO: Grid = Grid { scale: 2.0 / STEPS, zero_point: 0 };
/// Sigmoid.
const SHARE: Grid = Grid { scale: 0.5 / STEPS, zero_point: -32_768 };
/// Beyond it a sigmoid in [`SHARE`] has its last value.
const SIGMOID_INPUT: Grid = Grid { scale: 12.0 / STEPS, zero_point: 0 };
/// Beyond it a tanh in [`UNIT`] has its last value.
const TANH_INPUT: Grid = Grid { scale: 6.0 / STEPS, zero_point: 0 };

impl Grid {
    /// As fine as the largest magnitude allows, and a file can say.
    fn symmetric(reach: f64) -> Self {
        Self { scale: reach.max(2f64.powi(-60)) / STEPS, zero_point: 0 }
    }

    fn reach(self) -> f64 {
        self.scale * STEPS
    }
}

/// What a row of weights meets.
#[derive(Clone, Copy, Debug)]
enum Part {
    Input,
    Hidden,
}

/// Real weights and biases of some gates.
struct Rows {
    width: usize,
    weights: Vec<f64>,
    biases: Vec<f64>,
}

impl Rows {
    /// The largest magnitude of a sum over inputs up to `input`.
    fn reach(&self, input: f64) -> f64 {
        let sums = self.weights.chunks(self.width).zip(&self.biases);
        sums.map(|(row, bias)| row.iter().map(|w| w.abs() * input).sum::<f64>() + bias.abs()).fold(0.0, f64::max)
    }
}

/// Appends operators, each with the tensor that it writes.
struct Appender<'m, 'c> {
    model: &'m mut ModelSpec,
    cell: CellSpec<'c>,
    inputs: usize,
    gates: usize,
}

impl<'m, 'c> Appender<'m, 'c> {
    fn new(model: &'m mut ModelSpec, cell: &CellSpec<'c>, gates: usize) -> Self {
        let inputs = model.tensors[usize::from(cell.input)].dims.iter().product::<u32>() as usize;
        let rows = gates * cell.hidden;
        assert_eq!((cell.w.len(), cell.r.len()), (rows * inputs, rows * cell.hidden), "weights of W and R");
        assert!(cell.b.is_empty() || cell.b.len() == 2 * rows, "{} biases, not {}", cell.b.len(), 2 * rows);
        assert!([cell.w, cell.r, cell.b].concat().iter().all(|weight| weight.is_finite()), "weights are finite");
        Self { model, cell: *cell, inputs, gates }
    }

    fn recall(&mut self, slot: u32, grid: Grid) -> u16 {
        let (lo, hi) = ElementType::I16.range();
        self.push(self.cell.hidden, grid, |_, output| OperatorSpec::Recall(RecallSpec { output, slot, lo, hi }))
    }

    fn remember(&mut self, input: u16, slot: u32) -> u16 {
        let remember = |_: &_, output| OperatorSpec::Remember(RememberSpec { input, output, slot });
        self.push(self.cell.hidden, self.grid(input), remember)
    }

    fn concat(&mut self, input: u16, second: u16) -> u16 {
        let elements = self.inputs + self.cell.hidden;
        let concat = |_: &_, output| OperatorSpec::Concat(ConcatSpec { input, second, output, rows: 1 });
        self.push(elements, self.grid(input), concat)
    }

    /// One gate of a tensor of some.
    fn gate(&mut self, input: u16, index: usize) -> u16 {
        let (start, count) = ((index * self.cell.hidden) as u32, self.cell.hidden as u32);
        let slice = |_: &_, output| OperatorSpec::Slice(SliceSpec { input, output, rows: 1, start, count, stride: 1 });
        self.push(self.cell.hidden, self.grid(input), slice)
    }

    /// The same values on `grid`, saturated; the tensor itself if it is on it.
    fn rescale(&mut self, input: u16, grid: Grid) -> u16 {
        if self.grid(input) == grid && self.tensor(input).element == ElementType::I16 {
            return input;
        }
        let factor = mantissa(self.grid(input).scale / grid.scale, 31, 62);
        let (lo, hi) = ElementType::I16.range();
        self.push(elements(self.tensor(input)), grid, |_, output| {
            OperatorSpec::Rescale(RescaleSpec {
                input,
                output,
                above: factor,
                below: factor,
                rounding: ROUNDING,
                lo,
                hi,
            })
        })
    }

    fn table(&mut self, input: u16, function: Function, grid: Grid) -> u16 {
        let reads = self.tensor(input).clone();
        let bits = segment_bits(function, self.grid(input).reach());
        self.push(elements(&reads), grid, |writes, output| {
            let entries = function.entries(&reads, writes, bits);
            OperatorSpec::Table(TableSpec { input, output, entries })
        })
    }

    fn mul(&mut self, first: u16, second: u16, grid: Grid) -> u16 {
        // 29 bits: a product of two int16 has 32, and both together must stay below 2^62.
        let factor = mantissa(self.grid(first).scale * self.grid(second).scale / grid.scale, 29, 62);
        let (lo, hi) = ElementType::I16.range();
        self.push(self.cell.hidden, grid, |_, output| {
            OperatorSpec::Mul(MulSpec { inputs: (first, second), output, factor, rounding: ROUNDING, lo, hi })
        })
    }

    /// The sum of two tensors, each times its sign.
    fn add(&mut self, first: (u16, f64), second: (u16, f64), grid: Grid) -> u16 {
        let units = |(tensor, sign): (u16, f64)| sign * self.grid(tensor).scale / grid.scale;
        let (a, b) = (units(first), units(second));
        let (_, shift) = mantissa(a.abs().max(b.abs()), 31, 62);
        let multiplier = |units: f64| (units * f64::from(shift).exp2()).round_ties_even() as i32;
        let multipliers = (multiplier(a), multiplier(b));
        let (lo, hi) = ElementType::I16.range();
        self.push(self.cell.hidden, grid, |_, output| {
            let inputs = (first.0, second.0);
            OperatorSpec::Add(AddSpec { inputs, output, multipliers, shift, rounding: ROUNDING, lo, hi })
        })
    }

    fn dense(&mut self, input: u16, rows: &Rows, grid: Grid) -> u16 {
        let scale = self.grid(input).scale;
        let most = match self.cell.weight_type {
            WeightType::I8 => 127.0,
            WeightType::I16 => 32_767.0,
        };
        let (mut weights, mut biases, mut factors) = (vec![], vec![], vec![]);
        for (row, bias) in rows.weights.chunks(rows.width).zip(&rows.biases) {
            let widest = row.iter().fold(0f64, |widest, weight| widest.max(weight.abs()));
            // Of weights that are nothing any step will do; of a bias beside them a fine one.
            let step = if widest > 0.0 { widest / most } else { grid.scale };
            weights.extend(row.iter().map(|weight| (weight / step).round_ties_even() as i16));
            biases.push((bias / (scale * step)).round_ties_even() as i64);
            factors.push(mantissa(scale * step / grid.scale, 31, 94));
        }
        let (multipliers, shifts) = factors.into_iter().unzip();
        let weights = match self.cell.weight_type {
            WeightType::I8 => WeightsSpec::I8(weights.into_iter().map(|weight| weight as i8).collect()),
            WeightType::I16 => WeightsSpec::I16(weights),
        };
        let (lo, hi) = ElementType::I16.range();
        let rows = RowsSpec { weights, biases, multipliers, shifts, rounding: ROUNDING, lo, hi };
        self.push(rows.biases.len(), grid, |_, output| {
            OperatorSpec::Dense(DenseSpec { input, output, rows, skip_zeros: false })
        })
    }

    /// The rows of some gates, over some parts side by side.
    fn rows(&self, gates: std::ops::Range<usize>, parts: &[Part]) -> Rows {
        let CellSpec { hidden, w, r, b, .. } = self.cell;
        let (mut weights, mut biases) = (vec![], vec![]);
        for row in gates.start * hidden..gates.end * hidden {
            let mut bias = 0.0;
            for part in parts {
                let (matrix, width, first) = match part {
                    Part::Input => (w, self.inputs, 0),
                    Part::Hidden => (r, hidden, self.gates * hidden),
                };
                weights.extend(&matrix[row * width..][..width]);
                bias += b.get(first + row).unwrap_or(&0.0);
            }
            biases.push(bias);
        }
        let width = weights.len() / biases.len();
        Rows { width, weights, biases }
    }

    /// The grid of input and hidden state side by side.
    fn joint_grid(&self) -> Grid {
        let tensor = self.tensor(self.cell.input);
        let (lo, hi) = tensor.element.range();
        let reach = (tensor.zero_point.abs_diff(lo)).max(hi.abs_diff(tensor.zero_point));
        Grid::symmetric((f64::from(reach) * self.grid(self.cell.input).scale).max(UNIT.reach()))
    }

    fn grid(&self, tensor: u16) -> Grid {
        let tensor = self.tensor(tensor);
        Grid { scale: tensor.scale.to_bits() as f64 / 96f64.exp2(), zero_point: tensor.zero_point }
    }

    fn tensor(&self, tensor: u16) -> &TensorSpec {
        &self.model.tensors[usize::from(tensor)]
    }

    /// Appends an operator, made for the tensor that it writes and that tensor's number.
    fn push(&mut self, elements: usize, grid: Grid, make: impl FnOnce(&TensorSpec, u16) -> OperatorSpec) -> u16 {
        let scale = U32F96::from_bits(((grid.scale * 96f64.exp2()) as u128).max(1)); // saturates
        let zero_point = grid.zero_point;
        let tensor = TensorSpec { element: ElementType::I16, dims: vec![elements as u32], zero_point, scale };
        let output = self.model.tensors.len() as u16;
        self.model.operators.push(make(&tensor, output));
        self.model.tensors.push(tensor);
        output
    }
}

const ROUNDING: Rounding = Rounding::HalfEven;

fn elements(tensor: &TensorSpec) -> usize {
    tensor.dims.iter().product::<u32>() as usize
}

/// `factor`, not negative, as `multiplier / 2^shift` with at most `bits` bits of multiplier and `most` of shift; saturated
/// where it is too large.
fn mantissa(factor: f64, bits: i32, most: i32) -> (i32, u8) {
    if factor == 0.0 {
        return (0, 0);
    }
    let exponent = factor.log2().floor() as i32; // 2^exponent ≤ factor
    let shift = (bits - 1 - exponent).clamp(0, most);
    let multiplier = (factor * f64::from(shift).exp2()).round_ties_even();
    let (multiplier, shift) = if multiplier >= f64::from(bits).exp2() && shift > 0 {
        (multiplier / 2.0, shift - 1)
    } else {
        (multiplier, shift)
    };
    (multiplier as i32, shift as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_the_segments_that_half_a_unit_asks_for() {
        let bits = |function, grid: Grid| segment_bits(function, grid.reach());
        assert_eq!((bits(Function::Sigmoid, SIGMOID_INPUT), bits(Function::Tanh, TANH_INPUT)), (10, 10));
        assert_eq!([0.01, 8.0, 25.0, 1e6].map(|reach| bits(Function::Tanh, Grid::symmetric(reach))), [10, 11, 12, 12]);
        for (function, grid, unit) in
            [(Function::Sigmoid, SIGMOID_INPUT, SHARE.scale), (Function::Tanh, TANH_INPUT, UNIT.scale)]
        {
            let width = 2.0 * grid.reach() / 1_024.0;
            let chord = |i: i32| {
                let (from, middle) = (f64::from(i) * width, (f64::from(i) + 0.5) * width);
                (function.value(middle) - (function.value(from) + function.value(from + width)) / 2.0).abs()
            };
            assert!((-512..512).all(|i| chord(i) < unit / 2.0));
        }
    }

    #[test]
    fn factors_that_are_powers_of_two_are_exact() {
        assert_eq!(mantissa(2f64.powi(-16), 29, 62), (1 << 28, 44));
        assert_eq!(mantissa(1.0, 31, 62), (1 << 30, 30));
        assert_eq!(mantissa(1.0 - 2f64.powi(-40), 31, 62), (1 << 30, 30), "a carry");
        assert_eq!(mantissa(2f64.powi(-70), 31, 62), (0, 62), "too small to reach the output");
        assert_eq!(mantissa(2f64.powi(40), 31, 62), (i32::MAX, 0), "too large: everything saturates");
        assert_eq!(mantissa(0.0, 31, 62), (0, 0));
    }
}

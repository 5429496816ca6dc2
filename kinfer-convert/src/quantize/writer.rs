//! Tensors and operators as they are appended.

use kinfer::format::{ElementType, MAX_OPERATORS};

use super::grid::Grid;
use super::layout::Layout;
use super::lower::{Key, Lowered, Op};
use super::scales::{FamilyGrid, Grids};
use super::{Prepared, factor, wrong};
use crate::error::{Error, Result};
use crate::kinf::{OperatorSpec, ReshapeSpec, TensorSpec};

/// The tensors and operators so far.
pub(super) struct Writer<'a> {
    pub(super) prepared: &'a Prepared<'a>,
    pub(super) lowered: &'a Lowered,
    pub(super) layout: &'a Layout,
    pub(super) grids: &'a Grids,
    pub(super) tensors: Vec<TensorSpec>,
    pub(super) operators: Vec<OperatorSpec>,
    /// By key.
    written: Vec<Option<u16>>,
    /// The first word of the caller's state that is free.
    pub(super) slot: u32,
}

impl<'a> Writer<'a> {
    pub(super) fn new(prepared: &'a Prepared<'a>, grids: &'a Grids) -> Self {
        let Prepared { lowered, layout, .. } = prepared;
        let written = vec![None; lowered.keys()];
        Self { prepared, lowered, layout, grids, tensors: vec![], operators: vec![], written, slot: 0 }
    }

    /// The name of an operator's node.
    pub(super) fn name(&self, op: &Op) -> &'a str {
        &self.prepared.graph.nodes[op.node].name
    }

    /// An error of an operator's node.
    pub(super) fn wrong(&self, op: &Op, what: &str, advice: &str) -> Error {
        wrong(self.name(op), what, advice)
    }

    /// The grid of a value.
    pub(super) fn grid(&self, key: Key) -> Result<Grid> {
        let grid = self.grids.of(self.layout, key, self.lowered.width(key));
        grid.ok_or_else(|| wrong("a value", "it has no grid", super::check::MALFORMED))
    }

    pub(super) fn family(&self, key: Key) -> Result<&'a FamilyGrid> {
        let family = self.grids.family(self.layout.family(key));
        family.ok_or_else(|| wrong("a value", "it has no grid", super::check::MALFORMED))
    }

    /// The tensor of a value that is written.
    pub(super) fn tensor(&self, key: Key) -> Result<u16> {
        let tensor = self.written.get(key).copied().flatten();
        tensor.ok_or_else(|| wrong("a value", "it is read before it is written", super::check::MALFORMED))
    }

    /// Says which tensor a value is.
    pub(super) fn write(&mut self, key: Key, tensor: u16) {
        self.written[key] = Some(tensor);
    }

    /// A tensor for values of a key's family.
    pub(super) fn spec(&self, key: Key, dims: Vec<u32>) -> Result<TensorSpec> {
        let family = self.family(key)?;
        Ok(TensorSpec {
            element: family.element,
            dims,
            zero_point: family.zero_point,
            scale: factor::scale(family.nominal()),
        })
    }

    /// A tensor of an operator's output.
    pub(super) fn output(&self, op: &Op) -> Result<TensorSpec> {
        self.spec(op.value, dims(&op.shape))
    }

    /// The number that the next tensor gets.
    pub(super) fn next(&self) -> u16 {
        self.tensors.len() as u16
    }

    /// Appends an operator and the tensor that it writes, whose number it must have been given: [`Writer::next`].
    pub(super) fn push(&mut self, operator: OperatorSpec, tensor: TensorSpec) -> u16 {
        let number = self.next();
        self.operators.push(operator);
        self.tensors.push(tensor);
        number
    }

    /// As [`Writer::push`], and the tensor is the operator's value.
    pub(super) fn finish(&mut self, op: &Op, operator: OperatorSpec, tensor: TensorSpec) {
        let number = self.push(operator, tensor);
        self.write(op.value, number);
    }

    /// The tensor under other dimensions.
    pub(super) fn reshaped(&mut self, input: u16, dims: &[u32]) -> u16 {
        let tensor = &self.tensors[usize::from(input)];
        if tensor.dims == dims {
            return input;
        }
        let tensor = TensorSpec { dims: dims.to_vec(), ..tensor.clone() };
        let output = self.next();
        self.push(OperatorSpec::Reshape(ReshapeSpec { input, output }), tensor)
    }

    /// Refuses more operators than a file has room for.
    pub(super) fn check_count(&self) -> Result<()> {
        let count = self.operators.len();
        if count <= MAX_OPERATORS {
            return Ok(());
        }
        let what = format!("it takes {count} operators, and {MAX_OPERATORS} is the most");
        Err(wrong("the graph", &what, "use fewer or simpler layers"))
    }
}

/// Smallest and largest integer of an operator's output.
pub(super) fn bounds(op: &Op, output: &Grid) -> (i32, i32) {
    let lo = if op.lo == f64::NEG_INFINITY { output.lo } else { output.bound(op.lo) };
    let hi = if op.hi == f64::INFINITY { output.hi } else { output.bound(op.hi) };
    (lo, hi)
}

/// Dimensions as the file has them: at most four.
pub(super) fn dims(shape: &[usize]) -> Vec<u32> {
    let dims: Vec<u32> = shape.iter().map(|&size| size as u32).collect();
    if (1..=4).contains(&dims.len()) { dims } else { vec![dims.iter().product()] }
}

/// A tensor of the true scale of a grid with one scale.
pub(super) fn true_spec(grid: &Grid, dims: Vec<u32>) -> TensorSpec {
    TensorSpec { element: grid.element, dims, zero_point: grid.zero_point, scale: factor::scale(grid.scale()) }
}

/// Whether a type is that of scores.
pub(super) fn is_wide(grid: &Grid) -> bool {
    grid.element == ElementType::I32
}

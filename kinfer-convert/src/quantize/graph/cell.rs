//! Recurrent cells: [`crate::kinf::cells`] makes the operators.

use fixed::types::I32F32;
use kinfer::format::{HeadKind, WeightType};

use super::lower::Op;
use super::writer::{Writer, true_spec};
use super::{elementwise, factor};
use crate::error::Result;
use crate::graph::{Cell, CellKind};
use crate::kinf::cells::{CellSpec, gru, lstm};
use crate::kinf::{HeadSpec, ModelSpec};

/// Real units of one unit of a hidden state.
pub(super) const UNIT: f64 = 1.0 / 32_768.0;
/// What a cell state may go beyond what calibration saw.
const MARGIN: f64 = 1.25;

/// Writes a cell, and its hidden state onto the grid of its value.
pub(super) fn write(writer: &mut Writer<'_>, op: &Op, cell: &Cell, weight_type: WeightType) -> Result<()> {
    let key = op.inputs[0];
    let (input, output) = (writer.grid(key)?, writer.grid(op.value)?);
    let mut tensor = writer.tensor(key)?;
    // The cell takes the scale that the file says for that of its input.
    let says = writer.tensors[usize::from(tensor)].scale;
    if says != factor::scale(input.scale()) {
        let spec = true_spec(&input, vec![input.scales.len() as u32]);
        tensor = elementwise::onto(writer, &plain(op), (tensor, input.scale()), 1.0, &input, spec)?;
    }
    let mut model = ModelSpec {
        features: vec![],
        program: vec![],
        tensors: std::mem::take(&mut writer.tensors),
        operators: std::mem::take(&mut writer.operators),
        head: HeadSpec { kind: HeadKind::Value, scores: 0, low_margin: I32F32::ZERO },
        outcomes: vec![],
        provenance: vec![],
    };
    let Cell { hidden, w, r, b, .. } = cell;
    let spec = CellSpec { input: tensor, slot: writer.slot, hidden: *hidden, w, r, b, weight_type };
    let (state, words) = match cell.kind {
        CellKind::Gru { linear_before_reset } => (gru(&mut model, &spec, linear_before_reset), *hidden),
        CellKind::Lstm => {
            let reach = writer.prepared.observed.memory[op.node] * MARGIN;
            (lstm(&mut model, &spec, reach.max(UNIT)), 2 * hidden)
        }
    };
    writer.slot += words as u32;
    (writer.tensors, writer.operators) = (model.tensors, model.operators);

    let spec = writer.output(op)?;
    let is = &writer.tensors[usize::from(state)];
    let same = (is.element, is.zero_point, is.scale) == (spec.element, spec.zero_point, spec.scale);
    let state = if same { state } else { elementwise::onto(writer, op, (state, UNIT), 1.0, &output, spec)? };
    writer.write(op.value, state);
    Ok(())
}

/// The operator without its clip, which is not of its input.
fn plain(op: &Op) -> Op {
    Op { lo: f64::NEG_INFINITY, hi: f64::INFINITY, ..op.clone() }
}

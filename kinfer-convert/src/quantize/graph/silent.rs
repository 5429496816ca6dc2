//! Features that cannot reach the decision.

use super::choose::Chosen;
use super::lower::{Kind, Lowered, Op};
use super::program::Program;
use super::weighted::Stage;
use crate::graph::Operator;

/// Features of which no element of tensor 0 both changes and is read by a weight that is not zero.
pub(super) fn silent(lowered: &Lowered, chosen: &Chosen, program: &Program, features: usize) -> Vec<usize> {
    let mut live: Vec<Vec<bool>> = (0..lowered.keys()).map(|key| vec![false; lowered.width(key)]).collect();
    live[lowered.scores].fill(true);
    for op in lowered.ops.iter().rev().flatten() {
        let out = live[op.value].clone();
        mark(lowered, op, chosen.stages[op.value].as_ref(), &out, &mut live);
    }
    let mut heard = vec![false; features];
    let mut still = program.still.iter();
    for (index, group) in lowered.groups.iter().enumerate() {
        for (column, live) in group.columns.iter().zip(&live[lowered.ops.len() + index]) {
            let still = still.next().copied().unwrap_or(false);
            heard[column.feature] |= *live && !still;
        }
    }
    (0..features).filter(|&feature| !heard[feature]).collect()
}

/// Marks the elements that live elements of an operator's output depend on.
fn mark(lowered: &Lowered, op: &Op, stage: Option<&Stage>, out: &[bool], live: &mut [Vec<bool>]) {
    let x = op.inputs[0];
    match (&op.kind, stage) {
        (Kind::Plain(Operator::Dense { .. }), Some(stage)) => {
            let width = lowered.width(x);
            for (row, _) in stage.weights.chunks_exact(width).zip(out).filter(|(_, live)| **live) {
                row.iter().zip(&mut live[x]).for_each(|(weight, live)| *live |= *weight != 0);
            }
        }
        (Kind::Plain(Operator::Conv(conv)), Some(stage)) => {
            let channels = conv.image[2];
            let (of_group, outputs) = (channels / conv.groups, conv.bias.len() / conv.groups);
            let mut heard = vec![false; channels];
            for (output, row) in stage.weights.chunks_exact(conv.weights.columns).enumerate() {
                let first = output / outputs * of_group;
                row.iter().enumerate().for_each(|(tap, weight)| heard[first + tap % of_group] |= *weight != 0);
            }
            live[x].iter_mut().enumerate().for_each(|(at, live)| *live |= heard[at % channels]);
        }
        (Kind::Plain(Operator::Select { indices }), _) => {
            indices.iter().zip(out).for_each(|(&from, out)| live[x][from] |= out);
        }
        (Kind::Plain(Operator::Concat { rows }), _) => {
            let mut to = 0;
            for row in 0..*rows {
                for &input in &op.inputs {
                    let width = lowered.width(input) / rows;
                    (0..width).for_each(|i| live[input][row * width + i] |= out[to + i]);
                    to += width;
                }
            }
        }
        // Ranks are of the elements that trees compare and of no others.
        _ => op.inputs.iter().for_each(|&input| live[input].fill(true)),
    }
}

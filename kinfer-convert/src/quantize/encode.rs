//! Grids and weights → steps, tensors and operators.

use super::choose::Chosen;
use super::lower::{Kind, Lowered, Op};
use super::writer::{Writer, dims};
use super::{
    Plan, Prepared, Quantized, cell, distance, elementwise, layers, moves, program, report, scores, silent, tables,
    trees,
};
use crate::error::Result;
use crate::graph::Operator;
use crate::kinf::{OperatorSpec, ReshapeSpec};

pub(super) fn encode(prepared: &Prepared<'_>, mut chosen: Chosen, plan: &Plan) -> Result<Quantized> {
    scores::decide(prepared, &mut chosen)?;
    let lowered = &prepared.lowered;
    let mut writer = Writer::new(prepared, &chosen.grids);
    let program = program::program(&writer)?;
    features(&mut writer)?;
    for op in lowered.alive() {
        operator(&mut writer, op, &chosen, plan)?;
    }
    if writer.operators.is_empty() {
        // A file has an operator: scores that are features are handed on.
        let spec = writer.tensors[0].clone();
        writer.push(OperatorSpec::Reshape(ReshapeSpec { input: 0, output: 1 }), spec);
        writer.write(lowered.scores, 1);
    }
    writer.check_count()?;
    let scores = writer.tensor(lowered.scores)?;
    let silent = silent::silent(lowered, &chosen, &program, prepared.graph.features);
    let Writer { tensors, operators, .. } = writer;
    let layers = report::reports(prepared, &chosen, plan);
    Ok(Quantized { program: program.steps, tensors, operators, scores, silent, layers })
}

/// Tensor 0, and the part of it that each group is.
fn features(writer: &mut Writer<'_>) -> Result<()> {
    let lowered: &Lowered = writer.lowered;
    let first = lowered.ops.len();
    match lowered.groups.as_slice() {
        [] => {}
        [group] => {
            let shape = writer.prepared.graph.shape(group.value);
            let whole = shape.iter().product::<usize>() == group.columns.len();
            let dims = if whole { dims(&shape) } else { vec![group.columns.len() as u32] };
            let spec = writer.spec(first, dims)?;
            writer.tensors.push(spec);
            writer.write(first, 0);
        }
        groups => {
            let width: usize = groups.iter().map(|group| group.columns.len()).sum();
            let spec = writer.spec(first, vec![width as u32])?;
            writer.tensors.push(spec);
            let mut start = 0;
            for (index, group) in groups.iter().enumerate() {
                let spec = writer.spec(first + index, vec![group.columns.len() as u32])?;
                let tensor = moves::part(writer, 0, start, spec);
                writer.write(first + index, tensor);
                start += group.columns.len();
            }
        }
    }
    Ok(())
}

fn operator(writer: &mut Writer<'_>, op: &Op, chosen: &Chosen, plan: &Plan) -> Result<()> {
    let weight_type = plan.of(op.node).weights();
    let unknown = |writer: &Writer<'_>| writer.wrong(op, "it has no integer form", super::check::MALFORMED);
    match &op.kind {
        Kind::Chain(chain) => tables::write(writer, op, chain),
        Kind::SquaredError { factor } => distance::squared_error(writer, op, *factor),
        Kind::Plain(operator) => match operator {
            Operator::Dense { .. } | Operator::Conv(_) => match &chosen.stages[op.value] {
                Some(stage) => layers::write(writer, op, stage),
                None => Err(unknown(writer)),
            },
            Operator::Pool(pool) => moves::pool(writer, op, pool),
            &Operator::Clip { lo, hi } => moves::clip(writer, op, lo, hi),
            &Operator::Softmax { row } => elementwise::softmax(writer, op, row),
            Operator::Add => elementwise::add(writer, op, 1.0),
            Operator::Sub => elementwise::add(writer, op, -1.0),
            Operator::Mul => elementwise::mul(writer, op),
            &Operator::Concat { rows } => moves::concat(writer, op, rows),
            Operator::Select { indices } => moves::select(writer, op, indices),
            Operator::Trees(ensemble) => trees::write(writer, op, ensemble),
            Operator::Distance { centroids, weights, bias } => {
                distance::write(writer, op, (centroids, weights.as_ref(), bias), weight_type)
            }
            Operator::Cell(of) => cell::write(writer, op, of, weight_type),
            Operator::Affine { .. }
            | Operator::Map(_)
            | Operator::OneHot { .. }
            | Operator::Reshape
            | Operator::SquaredError => Err(unknown(writer)),
        },
    }
}

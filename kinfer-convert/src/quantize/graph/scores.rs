//! The scale of the scores: one for all, so that they compare, and such that nothing saturates.

use kinfer::format::ElementType;

use super::choose::Chosen;
use super::grid::Grid;
use super::lower::{Key, Kind, Op};
use super::scales::FamilyGrid;
use super::{NORMALISE, Prepared, factor, wrong};
use crate::error::Result;
use crate::graph::ensemble::TreeNode;
use crate::graph::{Ensemble, Operator};

/// Bits that the largest score anything can reach uses of its int32.
const SCORE_BITS: i32 = 30;

/// Gives the scores' family its grid.
pub(super) fn decide(prepared: &Prepared<'_>, chosen: &mut Chosen) -> Result<()> {
    let Prepared { lowered, layout, .. } = prepared;
    if !layout.wide_scores {
        return Ok(());
    }
    let family = layout.family(lowered.scores);
    let mut largest = 0f64;
    for op in lowered.alive().filter(|op| layout.family(op.value) == family && !op.keeps_grid()) {
        let reach = reach(prepared, chosen, op);
        let reach = reach.min(op.lo.abs().max(op.hi.abs()));
        let name = &prepared.graph.nodes[op.node].name;
        if reach.is_nan() || reach >= 31f64.exp2() {
            return Err(wrong(name, "its scores do not fit I32F32: they reach 2^31 and more", NORMALISE));
        }
        largest = largest.max(reach);
    }
    if largest <= 0.0 {
        let name = lowered.op(lowered.scores).map_or("scores", |op| &prepared.graph.nodes[op.node].name);
        return Err(wrong(
            name,
            "all scores are the same, whatever the features",
            "look at the training: nothing was learnt",
        ));
    }
    let scale = factor::power_above(largest, SCORE_BITS);
    if factor::real(factor::scale(scale)) != scale {
        return Err(wrong("scores", "they do not fit I32F32: they vanish", NORMALISE));
    }
    let (lo, hi) = ElementType::I32.range();
    let classes = layout.members(family).flat_map(|key| (0..lowered.width(key)).map(move |element| (key, element)));
    let classes = classes.map(|(key, element)| (layout.class(key, element), (0.0, scale))).collect();
    chosen.grids.decide(family, FamilyGrid { element: ElementType::I32, zero_point: 0, lo, hi, classes });
    Ok(())
}

/// The largest magnitude that an ensemble's scores can have.
pub(super) fn of_trees(ensemble: &Ensemble) -> f64 {
    let scores = ensemble.bases.len();
    let mut ends: Vec<(f64, f64)> = ensemble.bases.iter().map(|&base| (base, base)).collect();
    for tree in &ensemble.trees {
        let mut of_tree = vec![(0f64, 0f64); scores];
        for node in &tree.nodes {
            let TreeNode::Leaf(values) = node else { continue };
            let mut of_leaf = vec![0f64; scores];
            values.iter().for_each(|&(score, value)| of_leaf[score] += value);
            for (end, value) in of_tree.iter_mut().zip(of_leaf) {
                *end = (end.0.min(value), end.1.max(value));
            }
        }
        ends.iter_mut().zip(of_tree).for_each(|(end, tree)| *end = (end.0 + tree.0, end.1 + tree.1));
    }
    ends.iter().fold(0f64, |most, (lo, hi)| most.max(lo.abs()).max(hi.abs()))
}

/// The largest magnitude that an operator's output can have, its inputs being on their grids.
fn reach(prepared: &Prepared<'_>, chosen: &Chosen, op: &Op) -> f64 {
    let Prepared { lowered, layout, .. } = prepared;
    let grid = |input: Key| chosen.grids.of(layout, input, lowered.width(input));
    // Of a value on a grid: what its integers can say.
    let of = |input: Key| grid(input).map_or(f64::NAN, |grid| of_grid(&grid));
    let x = op.inputs[0];
    match &op.kind {
        Kind::Plain(Operator::Dense { .. } | Operator::Conv(_)) => {
            let (Some(stage), Some(grid)) = (&chosen.stages[op.value], grid(x)) else { return f64::NAN };
            let inputs = stage.weights.len() / stage.steps.len();
            let reach = f64::from(grid.hi - grid.zero_point).max(f64::from(grid.zero_point - grid.lo)) + 1.0;
            let of_row = |(output, row): (usize, &[i16])| {
                let units: f64 = row.iter().map(|&weight| f64::from(weight).abs() * reach).sum();
                units * stage.steps[output] + stage.biases[output].abs()
            };
            stage.weights.chunks_exact(inputs).enumerate().map(of_row).fold(0.0, f64::max)
        }
        Kind::Plain(Operator::Trees(ensemble)) => of_trees(ensemble),
        Kind::Plain(Operator::Add | Operator::Sub) => of(x) + of(op.inputs[1]),
        Kind::Plain(Operator::Mul) => of(x) * of(op.inputs[1]),
        Kind::Plain(Operator::Softmax { .. } | Operator::Cell(_)) => 1.0,
        Kind::Plain(Operator::Distance { centroids, weights, bias }) => {
            let Some(grid) = grid(x) else { return f64::NAN };
            let distance = |(row, centroid): (usize, &[f64])| {
                let square = |(element, c): (usize, &f64)| {
                    let (lo, hi) = grid.reach(element);
                    let weight = weights.as_ref().map_or(1.0, |weights| weights.row(row)[element]);
                    weight * (lo - c).abs().max((hi - c).abs()).powi(2)
                };
                centroid.iter().enumerate().map(square).sum::<f64>() + bias[row].abs()
            };
            // A centroid is rounded to an integer, and the weights are.
            1.02 * centroids.iter_rows().enumerate().map(distance).fold(0.0, f64::max)
        }
        Kind::SquaredError { factor } => {
            let Some(grid) = grid(x) else { return f64::NAN };
            let square = |element: usize| {
                let (lo, hi) = grid.reach(element);
                (hi - lo) * (hi - lo)
            };
            1.02 * factor * (0..grid.scales.len()).map(square).sum::<f64>()
        }
        Kind::Chain(chain) => {
            let Some(grid) = grid(x) else { return f64::NAN };
            let at = |q: i32| chain.value(grid.centres[0] + grid.scales[0] * f64::from(q - grid.zero_point));
            let values = (grid.lo..=grid.hi).map(at).filter(|y| y.is_finite());
            1.01 * values.fold(0f64, |most, y| most.max(y.abs()))
        }
        Kind::Plain(_) => f64::NAN,
    }
}

fn of_grid(grid: &Grid) -> f64 {
    (0..grid.scales.len()).fold(0f64, |most, element| {
        let (lo, hi) = grid.reach(element);
        most.max(lo.abs()).max(hi.abs())
    })
}

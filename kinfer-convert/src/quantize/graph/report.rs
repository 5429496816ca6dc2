//! What became of each value, for people to read.

use super::choose::Chosen;
use super::lower::{Coding, Kind};
use super::{Plan, Precision, Prepared};
use crate::graph::ValueId;

/// Bins of a histogram.
const BINS: usize = 64;

/// A value of the graph and its integers.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerReport {
    /// Name of the node that makes it; `features` for tensor 0.
    pub name: String,
    /// The operator, as the graph calls it.
    pub operator: &'static str,
    /// The value's number in the graph.
    pub value: ValueId,
    /// The node whose precision it has; nothing for features.
    pub node: Option<usize>,
    /// Types of the operator that makes it.
    pub precision: Precision,
    /// Type of its integers.
    pub element: &'static str,
    /// Smallest and largest of its values in calibration.
    pub seen: (f64, f64),
    /// Smallest and largest number that its integers have, over all its elements.
    pub chosen: (f64, f64),
    /// How many values of the sample are in each of 64 bins from the smallest to the largest.
    pub histogram: Vec<u64>,
    /// Mean square of the float values over that of their error, on the sample, in dB; of values without error infinite.
    pub signal_to_noise: f64,
}

/// Reports on every value that is written.
pub(super) fn reports(prepared: &Prepared<'_>, chosen: &Chosen, plan: &Plan) -> Vec<LayerReport> {
    let Prepared { lowered, layout, observed, graph, .. } = prepared;
    let mut reports = vec![];
    for key in (lowered.ops.len()..lowered.keys()).chain(0..lowered.ops.len()) {
        let Some(grid) = chosen.grids.of(layout, key, lowered.width(key)).filter(|grid| !grid.scales.is_empty()) else {
            continue;
        };
        let (name, operator, value, node) = match (lowered.op(key), lowered.group_of(key)) {
            (Some(op), _) => (graph.nodes[op.node].name.clone(), operator_name(&op.kind), op.value, Some(op.node)),
            (_, Some(group)) if matches!(group.coding, Coding::Numbers(_)) => {
                ("features".to_owned(), "features", group.value, None)
            }
            _ => continue, // ranks have no range
        };
        let all = |ranges: &mut dyn Iterator<Item = (f64, f64)>| {
            ranges.fold((f64::INFINITY, f64::NEG_INFINITY), |all, range| (all.0.min(range.0), all.1.max(range.1)))
        };
        let seen = all(&mut observed.ranges[key].iter().copied());
        let (mut signal, mut noise) = (0.0, 0.0);
        let mut histogram = vec![0; BINS];
        for (float, integer) in observed.sample[key].iter_rows().zip(chosen.values[key].iter_rows()) {
            for (element, (x, y)) in float.iter().zip(integer).enumerate() {
                signal += x * x;
                noise += (x - grid.snap(element, *y)).powi(2);
                let share = if seen.1 > seen.0 { (x - seen.0) / (seen.1 - seen.0) } else { 0.0 };
                histogram[((share * BINS as f64) as usize).min(BINS - 1)] += 1;
            }
        }
        reports.push(LayerReport {
            name,
            operator,
            value,
            node,
            precision: node.map_or(Precision::W8A8, |node| plan.of(node)),
            element: grid.element.name(),
            seen,
            chosen: all(&mut (0..grid.scales.len()).map(|element| grid.reach(element))),
            histogram,
            signal_to_noise: if noise > 0.0 { 10.0 * (signal / noise).log10() } else { f64::INFINITY },
        });
    }
    reports
}

fn operator_name(kind: &Kind) -> &'static str {
    use crate::graph::Operator as Is;
    match kind {
        Kind::Chain(_) => "map",
        Kind::SquaredError { .. } => "squared-error",
        Kind::Plain(operator) => match operator {
            Is::Dense { .. } => "dense",
            Is::Conv(_) => "conv",
            Is::Pool(_) => "pool",
            Is::Affine { .. } => "affine",
            Is::Clip { .. } => "clip",
            Is::Map(_) => "map",
            Is::Softmax { .. } => "softmax",
            Is::Add => "add",
            Is::Sub => "sub",
            Is::Mul => "mul",
            Is::Concat { .. } => "concat",
            Is::Select { .. } => "select",
            Is::Reshape => "reshape",
            Is::OneHot { .. } => "one-hot",
            Is::Trees(_) => "trees",
            Is::Distance { .. } => "distance",
            Is::SquaredError => "squared-error",
            Is::Cell(_) => "cell",
        },
    }
}

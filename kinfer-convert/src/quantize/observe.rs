//! What the float graph does on the calibration data.

use super::form::Form;
use super::lower::{Coding, Key, Lowered};
use super::{Ranges, Rows, wrong};
use crate::error::Result;
use crate::graph::{CellKind, Graph, Matrix, Operator};

/// Rows that weights are rounded on; ranges come from all rows.
const SAMPLE: usize = 8192;
/// Values that are kept of them, at most.
const VALUES: usize = 1 << 22;
/// Rows at least, whatever they hold.
const FEWEST: usize = 64;

/// Ranges of all rows, and the values of a sample of them.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    /// By key, of every element: smallest and largest value.
    pub(super) ranges: Vec<Vec<(f64, f64)>>,
    /// By key, a row a sample.
    pub(super) sample: Vec<Matrix>,
    /// By key, before the fused clip; without rows where there is none.
    linear: Vec<Matrix>,
    /// The largest magnitude in the cell state of each node that has one.
    pub(super) memory: Vec<f64>,
}

impl Observed {
    /// Runs all rows, in order, with one state.
    pub(super) fn new(graph: &Graph, lowered: &Lowered, rows: &Rows<'_>) -> Result<Self> {
        let keys: Vec<Key> = (0..lowered.keys()).filter(|&key| lowered.width(key) > 0).collect();
        let widths: usize = keys.iter().map(|&key| lowered.width(key)).sum();
        let wanted = (VALUES / widths.max(1)).clamp(FEWEST, SAMPLE);
        let stride = rows.len().div_ceil(wanted).max(1);
        let sampled = rows.len().div_ceil(stride);

        let unseen = |key| vec![(f64::INFINITY, f64::NEG_INFINITY); lowered.width(key)];
        let of_width = |width| Matrix { columns: width, data: Vec::with_capacity(sampled * width) };
        let mut observed = Self {
            ranges: (0..lowered.keys()).map(unseen).collect(),
            sample: (0..lowered.keys()).map(|key| of_width(lowered.width(key))).collect(),
            linear: (0..lowered.keys()).map(|key| Matrix { columns: lowered.width(key), data: vec![] }).collect(),
            memory: vec![0.0; graph.nodes.len()],
        };
        let mut state = graph.initial_state();
        for row in 0..rows.len() {
            let features = rows.features(row);
            let values = graph.values(&features, &mut state);
            observed.remember(graph, &state);
            let sample = row.is_multiple_of(stride);
            for &key in &keys {
                let value: Vec<f64> = match (lowered.op(key), lowered.group_of(key)) {
                    (Some(op), _) => values[op.value].clone(),
                    (_, Some(group)) => group.elements.iter().map(|&element| values[group.value][element]).collect(),
                    _ => continue,
                };
                observed.see(graph, lowered, key, &value, row)?;
                if sample {
                    observed.sample[key].data.extend(&value);
                    if let Some(op) = lowered.op(key).filter(|op| op.is_weighted() && op.linear != op.value) {
                        observed.linear[key].data.extend(&values[op.linear]);
                    }
                }
            }
        }
        observed.see_categories(lowered);
        Ok(observed)
    }

    /// Values of the sample before the fused clip.
    pub(super) fn linear(&self, key: Key) -> &Matrix {
        if self.linear[key].data.is_empty() { &self.sample[key] } else { &self.linear[key] }
    }

    /// Ranges of the elements of a value, as they are chosen from those seen.
    pub(super) fn chosen(&self, key: Key, ranges: Ranges) -> Vec<(f64, f64)> {
        let Ranges::Percentile(percent) = ranges else { return self.ranges[key].clone() };
        let sample = &self.sample[key];
        let rows = sample.rows();
        let mut column = vec![0.0; rows];
        (0..sample.columns)
            .map(|element| {
                column.iter_mut().zip(sample.iter_rows()).for_each(|(to, row)| *to = row[element]);
                column.sort_by(f64::total_cmp);
                let last = rows.saturating_sub(1);
                let cut = ((1.0 - percent / 100.0) * rows as f64).floor().clamp(0.0, last as f64) as usize / 2;
                match (column.get(cut), column.get(last - cut)) {
                    (Some(&lo), Some(&hi)) => (lo, hi),
                    _ => self.ranges[key][element],
                }
            })
            .collect()
    }

    fn see(&mut self, graph: &Graph, lowered: &Lowered, key: Key, value: &[f64], row: usize) -> Result<()> {
        // Ranks are taken of the counters themselves.
        if lowered.group_of(key).is_some_and(|group| matches!(group.coding, Coding::Ranks(_))) {
            return Ok(());
        }
        for (range, &x) in self.ranges[key].iter_mut().zip(value) {
            if !x.is_finite() {
                let name = match lowered.op(key) {
                    Some(op) => graph.nodes[op.node].name.as_str(),
                    None => "features",
                };
                let what = format!("row {} of the calibration data makes it {x}", row + 1);
                let advice = "no integer stands for that: put a Clip before a logarithm, a division or a power";
                return Err(wrong(name, &what, advice));
            }
            *range = (range.0.min(x), range.1.max(x));
        }
        Ok(())
    }

    /// Both values of a category belong to its range, whether both were seen or not.
    fn see_categories(&mut self, lowered: &Lowered) {
        for (index, group) in lowered.groups.iter().enumerate() {
            let Coding::Numbers(forms) = &group.coding else { continue };
            for (range, form) in self.ranges[lowered.ops.len() + index].iter_mut().zip(forms) {
                if let Form::OneHot { off, on, .. } = form {
                    *range = (range.0.min(*off).min(*on), range.1.max(*off).max(*on));
                }
            }
        }
    }

    fn remember(&mut self, graph: &Graph, state: &[Vec<f64>]) {
        let mut states = state.iter();
        for (memory, node) in self.memory.iter_mut().zip(&graph.nodes) {
            let Operator::Cell(cell) = &node.operator else { continue };
            let Some(state) = states.next() else { return };
            if cell.kind == CellKind::Lstm {
                let cells = state.iter().skip(cell.hidden);
                *memory = cells.fold(*memory, |most, x| most.max(x.abs()));
            }
        }
    }
}

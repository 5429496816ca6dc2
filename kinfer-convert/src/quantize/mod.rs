//! Float graph → integers.
//!
//! 1. `lower` folds what needs no operator of its own, and finds what the feature program can make: functions of one
//!    feature (`frontier`, `form`), ranks for trees (`ranks`).
//! 2. `observe` runs the float graph on the calibration data.
//! 3. `layout` finds which values and elements must share a grid. Elements between layers have scales of their own, which
//!    the columns of the next layer's weights take up; where an operator has one factor for all, they share one.
//! 4. `choose` goes through the operators in the order they run: a grid for what they read (`scales`), integer weights
//!    rounded so that errors of correlated inputs cancel (`round`), biases that take up what is left of the mean error,
//!    measured on what the integer operators before really give (`weighted`).
//! 5. `encode` writes the steps and operators.
//!
//! [`search`] looks for the cheapest precision of each layer that keeps an agreement.
//!
//! * per-channel weights, affine activations: Jacob et al. 2018 (arXiv:1712.05877)
//! * moving range between activations and weights: Nagel et al. 2019 (arXiv:1906.04721), Xiao et al. 2022
//!   (arXiv:2211.10438)
//! * rounding: Frantar et al. 2022 (arXiv:2210.17323)

mod cell;
mod chain;
mod check;
mod choose;
mod covariance;
mod distance;
mod elementwise;
mod encode;
mod factor;
mod form;
mod frontier;
mod grid;
mod layers;
mod layout;
mod lower;
mod moves;
mod observe;
mod program;
mod ranks;
mod report;
mod round;
mod scales;
mod scores;
pub mod search;
mod silent;
mod simplify;
mod tables;
mod trees;
mod weighted;
mod writer;

use kinfer::format::{ElementType, WeightType};

use self::layout::Layout;
use self::lower::Lowered;
use self::observe::Observed;
pub use self::report::LayerReport;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kinf::{OperatorSpec, StepSpec, TensorSpec};

/// Rows of raw counters for calibration. A feature's real value is its counter times its resolution.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Row after row.
    pub counters: &'a [i64],
    /// Counters a row.
    pub width: usize,
    /// The real value of one unit of each counter: 1 of a plain count.
    pub resolutions: &'a [f64],
}

impl Rows<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.counters.len() / self.width.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Real features of a row.
    pub fn features(&self, row: usize) -> Vec<f64> {
        let raw = self.counters.iter().skip(row * self.width).take(self.width);
        raw.zip(self.resolutions).map(|(&raw, resolution)| raw as f64 * resolution).collect()
    }

    /// Smallest and largest counter of a column.
    fn range(&self, column: usize) -> (i64, i64) {
        let raw = self.counters.iter().skip(column).step_by(self.width.max(1));
        raw.fold((i64::MAX, i64::MIN), |(lo, hi), &raw| (lo.min(raw), hi.max(raw)))
    }
}

/// Types of an operator's weights (w) and of the activations it reads (a). Of an operator without weights the second counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// int8 weights, int8 activations.
    #[default]
    W8A8,
    /// int8 weights, int16 activations.
    W8A16,
    /// int16 weights, int16 activations.
    W16A16,
}

impl Precision {
    /// All, the cheapest first.
    pub const ALL: [Self; 3] = [Self::W8A8, Self::W8A16, Self::W16A16];

    /// Type of the activations.
    pub fn activations(self) -> ElementType {
        if self == Self::W8A8 { ElementType::I8 } else { ElementType::I16 }
    }

    /// Type of the weights.
    pub fn weights(self) -> WeightType {
        if self == Self::W16A16 { WeightType::I16 } else { WeightType::I8 }
    }

    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::W8A8 => "w8a8",
            Self::W8A16 => "w8a16",
            Self::W16A16 => "w16a16",
        }
    }
}

/// How the range of a value's integers is chosen from its values in calibration.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Ranges {
    /// Smallest to largest.
    #[default]
    MinMax,
    /// The middle so many percent of a sample: 99.99 leaves out a value in ten thousand.
    Percentile(f64),
    /// The share of smallest to largest that makes the least mean square error of what reads the value.
    LeastError,
}

/// Precisions and ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// One a node of the graph.
    pub precision: Vec<Precision>,
    /// For all values.
    pub ranges: Ranges,
}

impl Plan {
    /// The same precision everywhere.
    pub fn uniform(graph: &Graph, precision: Precision) -> Self {
        Self { precision: vec![precision; graph.nodes.len()], ranges: Ranges::MinMax }
    }

    fn of(&self, node: usize) -> Precision {
        self.precision.get(node).copied().unwrap_or_default()
    }
}

/// The integer model, but for its schema, head and outcomes.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// Raw counters → tensor 0.
    pub program: Vec<StepSpec>,
    /// Tensor 0, then one for each operator's output.
    pub tensors: Vec<TensorSpec>,
    /// In the order they run.
    pub operators: Vec<OperatorSpec>,
    /// The tensor of the scores.
    pub scores: u16,
    /// Features that cannot reach the decision: nothing reads them, or all weights, or all quantised values that
    /// calibration saw, are the same.
    pub silent: Vec<usize>,
    /// What became of each value.
    pub layers: Vec<LayerReport>,
}

/// A graph with what calibration tells of it, to be made integer in more than one way.
#[derive(Clone, Debug)]
pub struct Prepared<'a> {
    graph: &'a Graph,
    lowered: Lowered,
    layout: Layout,
    observed: Observed,
    resolutions: Vec<f64>,
    ranges: Vec<(i64, i64)>,
}

impl<'a> Prepared<'a> {
    /// Lowers the graph and runs it on all rows.
    ///
    /// # Errors
    ///
    /// The graph's sizes do not fit, a weight is not finite, calibration makes a value that is not finite, or trees ask
    /// for more thresholds than a feature can have: which node or feature.
    pub fn new(graph: &'a Graph, rows: &Rows<'_>) -> Result<Self> {
        if rows.is_empty() || rows.width != graph.features || rows.resolutions.len() != graph.features {
            let what =
                format!("{} rows of {} counters for a graph of {} features", rows.len(), rows.width, graph.features);
            return Err(wrong("calibration", &what, "give rows with a counter for every feature"));
        }
        let ranges: Vec<_> = (0..rows.width).map(|column| rows.range(column)).collect();
        let lowered = Lowered::new(graph, rows.resolutions, &ranges)?;
        let observed = Observed::new(graph, &lowered, rows)?;
        let layout = Layout::new(&lowered);
        Ok(Self { graph, lowered, layout, observed, resolutions: rows.resolutions.to_vec(), ranges })
    }

    /// Nodes that have a precision of their own: those that compute something of activations.
    pub fn nodes(&self) -> Vec<usize> {
        self.lowered.alive().filter(|op| !op.keeps_grid() && !op.is_trees()).map(|op| op.node).collect()
    }

    /// The graph in integers.
    ///
    /// # Errors
    ///
    /// Numbers that integers cannot stand for, or moves of elements that no few operators make: which node.
    pub fn quantize(&self, plan: &Plan) -> Result<Quantized> {
        let chosen = choose::choose(&self.lowered, &self.layout, &self.observed, plan);
        encode::encode(self, chosen, plan)
    }
}

/// Makes `graph` integer.
///
/// # Errors
///
/// As [`Prepared::new`] and [`Prepared::quantize`].
pub fn quantize(graph: &Graph, rows: &Rows<'_>, plan: &Plan) -> Result<Quantized> {
    Prepared::new(graph, rows)?.quantize(plan)
}

/// An error of a node or feature.
fn wrong(place: &str, what: &str, advice: &str) -> Error {
    let place = if place.contains(' ') { place.to_owned() } else { format!("node `{place}`") };
    Error::Range { place, what: what.into(), advice: advice.into() }
}

/// Advice for magnitudes that point at the training.
const NORMALISE: &str =
    "weights and counters of such magnitude point at a model that was trained without normalisation";

//! A model file as data.

use kinfer::format::{HeadKind, Operator, Parameters, StepKind, Tensor, WeightType};
use kinfer::verify::{Interval, OperatorReport};
use kinfer::{Limits, Model, Report, verify};
use kinfer_convert::convert::BudgetReport;
use kinfer_convert::data::Unit;
use serde::Serialize;

/// What `inspect --json` prints.
#[derive(Serialize)]
pub(super) struct Description {
    pub(super) bytes: usize,
    pub(super) crc32c: String,
    /// What the kernel says: nothing where it accepts.
    pub(super) refused_by_kernel: Option<String>,
    pub(super) features: Vec<FeatureLine>,
    /// The feature program: how many steps of each kind, in the order of their first.
    pub(super) program: Vec<StepLine>,
    pub(super) tensors: Vec<TensorLine>,
    pub(super) operators: Vec<OperatorLine>,
    pub(super) head: HeadLine,
    pub(super) outcomes: Vec<String>,
    pub(super) cost: Cost,
    /// Against the kernel's.
    pub(super) budget: Vec<BudgetReport>,
    pub(super) provenance: Vec<String>,
}

/// A feature: raw counters, and the same in its unit.
#[derive(Serialize)]
pub(super) struct FeatureLine {
    pub(super) name: String,
    /// Name of the unit without the resolution.
    pub(super) unit: String,
    /// What one count is worth in the unit.
    pub(super) resolution: f64,
    /// Range of the raw counter in calibration.
    pub(super) lo: i64,
    pub(super) hi: i64,
    /// The same in the unit.
    pub(super) range: [f64; 2],
}

#[derive(Serialize)]
pub(super) struct StepLine {
    pub(super) kind: &'static str,
    pub(super) count: usize,
}

#[derive(Serialize)]
pub(super) struct TensorLine {
    #[serde(rename = "type")]
    pub(super) element: &'static str,
    pub(super) shape: Vec<u32>,
    pub(super) elements: u64,
    pub(super) zero_point: i32,
    pub(super) scale: f64,
    /// Quantised values that are proved to be reachable, and the real numbers that they stand for.
    pub(super) reachable: [i64; 2],
    pub(super) range: [f64; 2],
}

#[derive(Serialize)]
pub(super) struct OperatorLine {
    pub(super) kind: &'static str,
    pub(super) input: u16,
    pub(super) second: Option<u16>,
    pub(super) output: u16,
    /// Type of the weights, of an operator that has some.
    pub(super) weights: Option<&'static str>,
    /// Further particulars: window, groups, trees.
    pub(super) particulars: Option<String>,
    pub(super) operations: u64,
    pub(super) look_ups: u64,
    /// Reachable values of its accumulators, and the bits that hold them.
    pub(super) accumulator: [i64; 2],
    pub(super) accumulator_bits: u32,
    pub(super) backend: &'static str,
    /// Products that share a multiply of 64 bits in most of its rows, and the bits that each has.
    pub(super) lanes: u8,
    pub(super) lane_bits: Option<u32>,
    /// Cycles by the backend's cost model.
    pub(super) cycles: u32,
    pub(super) packed_bytes: u64,
}

#[derive(Serialize)]
pub(super) struct HeadLine {
    pub(super) kind: &'static str,
    pub(super) scores: u16,
    pub(super) k: Option<u32>,
    pub(super) threshold: Option<String>,
    pub(super) low_margin: String,
}

#[derive(Serialize)]
pub(super) struct Cost {
    pub(super) operations: u64,
    pub(super) look_ups: u64,
    pub(super) packed_bytes: usize,
    pub(super) scratch_bytes: usize,
    pub(super) state_bytes: usize,
    /// Of a decision at most, whatever the model.
    pub(super) stack_bytes: usize,
}

impl Description {
    pub(super) fn of(model: &Model<'_>, report: &Report) -> Self {
        let head = model.head();
        let operators = model.operators().iter().zip(&report.operators);
        Self {
            bytes: model.file().len(),
            crc32c: format!("{:08x}", model.checksum()),
            refused_by_kernel: verify(model, &Limits::KERNEL).err().map(|error| error.to_string()),
            features: features(model),
            program: program(model),
            tensors: tensors(model, report),
            operators: operators.map(|(operator, proved)| OperatorLine::of(model, &operator, proved)).collect(),
            head: HeadLine {
                kind: head.kind.name(),
                scores: head.scores,
                k: match head.kind {
                    HeadKind::TopK(k) => Some(k),
                    _ => None,
                },
                threshold: match head.kind {
                    HeadKind::Threshold(threshold) | HeadKind::Anomaly(threshold) => Some(threshold.to_string()),
                    _ => None,
                },
                low_margin: head.low_margin.to_string(),
            },
            outcomes: model.outcomes().iter().map(|name| name.to_string()).collect(),
            cost: Cost {
                operations: report.operations,
                look_ups: report.look_ups,
                packed_bytes: report.packed_bytes(),
                scratch_bytes: report.scratch_bytes(),
                state_bytes: report.state_bytes(),
                stack_bytes: Report::STACK_BYTES,
            },
            budget: BudgetReport::of(model.file().len(), report, &Limits::KERNEL),
            provenance: String::from_utf8_lossy(model.provenance()).lines().map(str::to_owned).collect(),
        }
    }
}

fn features(model: &Model<'_>) -> Vec<FeatureLine> {
    let line = |feature: kinfer::format::Feature<'_>| {
        let Unit { resolution, name } = Unit::parse(feature.unit.as_str());
        FeatureLine {
            name: feature.name.to_string(),
            unit: name,
            resolution,
            lo: feature.lo,
            hi: feature.hi,
            range: [feature.lo, feature.hi].map(|counter| counter as f64 * resolution),
        }
    };
    model.features().iter().map(line).collect()
}

fn program(model: &Model<'_>) -> Vec<StepLine> {
    let mut lines: Vec<StepLine> = Vec::new();
    for step in model.program().iter() {
        let kind = step_name(&step.kind);
        match lines.iter_mut().find(|line| line.kind == kind) {
            Some(line) => line.count += 1,
            None => lines.push(StepLine { kind, count: 1 }),
        }
    }
    lines
}

const fn step_name(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Affine { .. } => "affine",
        StepKind::Copy { .. } => "copy",
        StepKind::Bucketise { .. } => "bucketise",
        StepKind::OneHot { .. } => "one-hot",
        StepKind::Digits { .. } => "digits",
        StepKind::Clamp { .. } => "clamp",
        StepKind::Log2 { .. } => "log2",
        StepKind::Difference { .. } => "difference",
        StepKind::Ratio { .. } => "ratio",
        StepKind::Ewma { .. } => "ewma",
        StepKind::History { .. } => "history",
    }
}

fn tensors(model: &Model<'_>, report: &Report) -> Vec<TensorLine> {
    let ranges = std::iter::once(report.input).chain(report.operators.iter().map(|operator| operator.output));
    model.tensors().iter().zip(ranges).map(|(tensor, Interval { lo, hi })| TensorLine::of(&tensor, lo, hi)).collect()
}

impl TensorLine {
    fn of(tensor: &Tensor, lo: i64, hi: i64) -> Self {
        let scale: f64 = tensor.scale.to_num();
        let rank = tensor.dims.iter().rposition(|&size| size != 1).map_or(1, |last| last + 1);
        Self {
            element: tensor.element.name(),
            shape: tensor.dims.iter().copied().take(rank).collect(),
            elements: tensor.elements(),
            zero_point: tensor.zero_point,
            scale,
            reachable: [lo, hi],
            range: [lo, hi].map(|q| scale * (q - i64::from(tensor.zero_point)) as f64),
        }
    }
}

impl OperatorLine {
    fn of(model: &Model<'_>, operator: &Operator, proved: &OperatorReport) -> Self {
        let (weights, particulars) = particulars(model, operator);
        Self {
            kind: operator.kind().name(),
            input: operator.input,
            second: operator.second,
            output: operator.output,
            weights,
            particulars,
            operations: proved.operations,
            look_ups: proved.look_ups,
            accumulator: [proved.accumulator.lo, proved.accumulator.hi],
            accumulator_bits: proved.accumulator.bits(),
            backend: proved.backend.name(),
            lanes: proved.need.lanes,
            lane_bits: lane_bits(proved.need.lanes),
            cycles: proved.need.cycles,
            packed_bytes: 8 * u64::from(proved.need.words),
        }
    }
}

/// Widths of lanes: `docs/backends.md`.
const fn lane_bits(lanes: u8) -> Option<u32> {
    match lanes {
        1 => Some(64),
        2 => Some(32),
        3 => Some(21),
        4 => Some(16),
        _ => None,
    }
}

/// Type of the weights, and what else an operator is told by.
fn particulars(model: &Model<'_>, operator: &Operator) -> (Option<&'static str>, Option<String>) {
    let weight_type = |weight_type: WeightType| match weight_type {
        WeightType::I8 => "int8",
        WeightType::I16 => "int16",
    };
    let size = |[height, width]: [u16; 2]| format!("{height}x{width}");
    match &operator.parameters {
        Parameters::Dense(dense) => (Some(weight_type(dense.weights.weight_type)), None),
        Parameters::Conv(conv) => {
            let groups = if conv.groups > 1 { format!(", {} groups", conv.groups) } else { String::new() };
            let text = format!("{}, stride {}{groups}", size(conv.window.kernel), size(conv.window.stride));
            (Some(weight_type(conv.weights.weight_type)), Some(text))
        }
        Parameters::Pool(pool) => {
            (None, Some(format!("{}, stride {}", size(pool.window.kernel), size(pool.window.stride))))
        }
        Parameters::Trees(trees) => {
            let outputs = model.tensors().get(usize::from(operator.output)).map_or(0, |tensor| tensor.elements());
            let (mut nodes, mut depth) = (0u64, 0);
            for tree in trees.iter(model.data(), outputs as usize) {
                nodes += u64::from(tree.nodes());
                depth = depth.max(tree.depth());
            }
            (None, Some(format!("{} trees, {nodes} nodes, depth {depth}", trees.count)))
        }
        Parameters::Distance(distance) => (Some(weight_type(distance.centroid_type)), None),
        _ => (None, None),
    }
}

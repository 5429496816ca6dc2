//! A quantised ONNX graph, converted and run.

use anyhow::{Result, ensure};
use kinfer::{Decision, Limits, Model, Packed, Report, verify};
use kinfer_convert::kinf::{FeatureSpec, StepSpec};
use kinfer_convert::onnx::quantized::{self, Network, Rule};
use kinfer_convert::onnx::{GraphError, Source};

/// Any size and cost: what is compared is the arithmetic.
const LIMITS: Limits = Limits {
    file_bytes: 1 << 26,
    packed_bytes: 1 << 28,
    scratch_bytes: 1 << 24,
    state_bytes: 0,
    operations: 1 << 30,
    look_ups: 1 << 30,
};

/// A converted graph.
pub(crate) struct Converted {
    pub(crate) network: Network,
    program: Vec<StepSpec>,
    packed: Packed<Vec<i64>>,
    report: Report,
}

/// Reads a graph that is quantised.
pub(crate) fn read(bytes: &[u8]) -> Result<Network, GraphError> {
    let source = Source::decode(bytes)?;
    quantized::read(&source)
}

impl Converted {
    /// Everything that the kernel does on load, with larger limits.
    pub(crate) fn new(network: Network, resolution: f64) -> Result<Self> {
        let feature = |index| FeatureSpec { name: format!("x{index}"), unit: "1".into(), lo: i64::MIN, hi: i64::MAX };
        let features = (0..network.features).map(feature).collect();
        let outcomes = match network.head.rule {
            Rule::ArgMax => network.tensors[usize::from(network.scores)].dims.iter().product::<u32>(),
            Rule::Threshold { .. } => 2,
        };
        let resolutions = vec![resolution; network.features];
        let names = (0..outcomes).map(|class| format!("class {class}")).collect();
        let spec = network.model(features, &resolutions, names)?;
        let program = spec.program.clone();
        let bytes = spec.to_bytes();
        let refused = |error: kinfer::Error| anyhow::anyhow!("{error}");
        let model = Model::parse(&bytes).map_err(refused)?;
        let report = verify(&model, &LIMITS).map_err(refused)?;
        let packed = Packed::new(&model, &report, vec![0; report.packed_words]).map_err(refused)?;
        Ok(Self { network, program, packed, report })
    }

    /// Scores in the graph's numbers for a row of counters: as the network alone gives them for what the feature program's
    /// page makes of the counters. The engine's own decision must follow from them.
    pub(crate) fn scores(&self, counters: &[i64]) -> Result<Vec<i64>> {
        let inputs: Vec<i32> = self.program.iter().map(|step| element(step, counters)).collect();
        let mut scratch = vec![0; self.report.scratch_words];
        let scores = self.packed.infer(&mut scratch, &mut [], &inputs).to_vec();
        ensure!(!scores.is_empty(), "the engine did not run");
        let Decision { class, .. } = self.packed.decide(&mut scratch, counters);
        if self.network.head.rule == Rule::ArgMax {
            let best = scores.iter().max().copied().unwrap_or_default();
            let expected = scores.iter().position(|&score| score == best);
            ensure!(expected == Some(class as usize), "the engine decides {class}, its scores are {scores:?}");
        }
        let mut all = vec![0; scores.len()];
        for (&score, &number) in scores.iter().zip(&self.network.scores_order) {
            all[number] = i64::from(score) + i64::from(self.network.scores_offset);
        }
        Ok(all)
    }

    /// Real value of a score as [`Converted::scores`] gives it.
    pub(crate) fn real(&self, score: i64) -> f64 {
        let tensor = &self.network.tensors[usize::from(self.network.scores)];
        let units = score - i64::from(self.network.scores_offset) - i64::from(tensor.zero_point);
        tensor.scale.to_bits() as f64 / 96f64.exp2() * units as f64
    }
}

/// An element of the feature program, by its page `docs/features.md`.
fn element(step: &StepSpec, counters: &[i64]) -> i32 {
    let counter = |source: u16| i128::from(counters[usize::from(source)]);
    match step {
        StepSpec::Affine(step) => {
            let sum = counter(step.source) * i128::from(step.multiplier) + step.bias;
            let quotient = sum >> step.shift;
            let rest = sum - (quotient << step.shift);
            let half = if step.shift > 0 { 1i128 << (step.shift - 1) } else { 1 };
            let up = rest > half || (step.shift > 0 && rest == half && quotient & 1 == 1);
            (quotient + i128::from(up)).clamp(step.lo.into(), step.hi.into()) as i32
        }
        StepSpec::Copy { source, lo, hi } => counter(*source).clamp((*lo).into(), (*hi).into()) as i32,
        StepSpec::Bucketise { source, thresholds, base } => {
            let below = thresholds.iter().filter(|&&threshold| i128::from(threshold) < counter(*source)).count();
            base + below as i32
        }
        other => unreachable!("a quantised graph's program has no {other:?}"),
    }
}

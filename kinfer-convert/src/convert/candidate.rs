//! The model as integers: precision as asked for, or as little as keeps the decisions.

use fixed::types::I32F32;
use kinfer::Kind;

use super::decisions::{Float, Integer, agreement};
use super::features::Features;
use super::head::Decided;
use super::opened::{Body, Opened};
use super::{Activations, Options, WANTED};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::kinf::{FeatureSpec, HeadSpec, ModelSpec};
use crate::onnx::FeatureInfo;
use crate::onnx::quantized::Network;
use crate::progress::{Progress, Silent};
use crate::quantize::search::{Goal, Measured, Step, search};
use crate::quantize::{LayerReport, Plan, Precision, Prepared, Quantized, Ranges, Rows};

/// A model as integers, before what is known of its decisions is written into it.
pub(super) struct Candidate {
    pub(super) spec: ModelSpec,
    /// Nothing of a model with its own integers.
    pub(super) plan: Option<Plan>,
    pub(super) silent: Vec<usize>,
    pub(super) layers: Vec<LayerReport>,
    pub(super) steps: Vec<Step>,
}

/// What decides between candidates.
pub(super) struct Job<'a> {
    pub(super) opened: &'a Opened,
    pub(super) head: &'a Decided,
    pub(super) features: &'a Features,
    pub(super) calibration: &'a Data,
    pub(super) evaluation: &'a Data,
    pub(super) float: &'a Float,
    pub(super) options: &'a Options<'a>,
}

impl Job<'_> {
    /// The candidate that is written.
    pub(super) fn choose(&self, progress: &dyn Progress) -> Result<Candidate> {
        let graph = match &self.opened.body {
            Body::Float(graph) => graph,
            Body::Integers(network) => return self.keep(network),
        };
        let Data { counters, width, resolutions, .. } = self.calibration;
        progress.begin("calibration", self.calibration.len());
        let prepared = Prepared::new(graph, &Rows { counters, width: *width, resolutions })?;
        let precision = match self.options.activations {
            Activations::Auto => return self.search(&prepared, progress),
            Activations::Int8 => Precision::W8A8,
            Activations::Int16 => Precision::W8A16,
            Activations::Wide => Precision::W16A16,
        };
        let plan = Plan::uniform(graph, precision);
        let quantized = prepared.quantize(&plan)?;
        let candidate = self.candidate(quantized, plan, vec![]);
        let agreed = self.agreement(&candidate.spec, progress)?;
        match self.options.agree {
            Some(asked) if agreed < asked => Err(self.disagrees(asked, agreed, precision.name(), None)),
            _ => Ok(candidate),
        }
    }

    /// A model that is quantised already, with its own integers.
    fn keep(&self, network: &Network) -> Result<Candidate> {
        let outcomes = &self.head.outcomes;
        let mut spec = network.model(self.schema(), &self.calibration.resolutions, outcomes.clone())?;
        spec.head.kind = self.head.kind;
        let candidate = Candidate { spec, plan: None, silent: vec![], layers: vec![], steps: vec![] };
        let agreed = self.agreement(&candidate.spec, &Silent)?;
        match self.options.agree {
            Some(_) if agreed.is_nan() => Err(Error::Option {
                what: "--agree cannot be checked: the float reference (tract) does not run this quantised graph".into(),
                advice: "leave it out, or quantise to the QDQ format (quant_format=QuantFormat.QDQ)".into(),
            }),
            Some(asked) if agreed < asked => Err(self.disagrees(asked, agreed, "the model's own integers", None)),
            _ => Ok(candidate),
        }
    }

    fn schema(&self) -> Vec<FeatureSpec> {
        let feature = |(index, feature): (usize, &FeatureInfo)| {
            let (lo, hi) = self.calibration.range(index);
            FeatureSpec { name: feature.name.clone(), unit: feature.unit.clone(), lo, hi }
        };
        self.features.0.iter().enumerate().map(feature).collect()
    }

    fn search(&self, prepared: &Prepared<'_>, progress: &dyn Progress) -> Result<Candidate> {
        let asked = self.options.agree.or(self.options.max_error.map(|_| 1.0));
        let mut refusal = None;
        let found = search(prepared, Goal::AtLeast(asked.unwrap_or(WANTED)), |quantized| {
            let spec = self.spec(quantized);
            match self.measure(&spec, progress) {
                // The first candidate is the cheapest: no other fits where it does not.
                Err(Error::Refused(error)) if refusal.is_none() && error.kind() == Kind::OverBudget => {
                    Err(Error::Refused(error))
                }
                Err(Error::Refused(error)) => {
                    refusal = Some(error);
                    Ok(Measured { figure: f64::NAN, operations: u64::MAX, bytes: usize::MAX })
                }
                measured => measured,
            }
        })?;
        if let (true, Some(refusal)) = (found.measured.figure.is_nan(), refusal) {
            return Err(Error::Refused(refusal));
        }
        match asked {
            Some(asked) if found.measured.figure < asked => {
                let blame = found.blame.and_then(|node| self.opened.graph()?.nodes.get(node));
                let tried = format!("{} conversions", found.steps.len());
                Err(self.disagrees(asked, found.measured.figure, &tried, blame.map(|node| node.name.as_str())))
            }
            _ => Ok(self.candidate(found.quantized, found.plan, found.steps)),
        }
    }

    fn disagrees(&self, asked: f64, reached: f64, tried: &str, blame: Option<&str>) -> Error {
        Error::Agreement {
            asked,
            reached,
            rows: self.evaluation.len(),
            tried: tried.into(),
            blame: blame.map_or(String::new(), |name| format!("; node `{name}` is furthest from float")),
        }
    }

    fn measure(&self, spec: &ModelSpec, progress: &dyn Progress) -> Result<Measured> {
        let bytes = spec.to_bytes();
        let integer = Integer::new(&bytes, &self.options.limits, self.evaluation, progress)?;
        Ok(Measured {
            figure: agreement(self.float, &integer, self.head),
            operations: integer.operations,
            bytes: bytes.len(),
        })
    }

    fn agreement(&self, spec: &ModelSpec, progress: &dyn Progress) -> Result<f64> {
        Ok(self.measure(spec, progress)?.figure)
    }

    fn candidate(&self, quantized: Quantized, plan: Plan, steps: Vec<Step>) -> Candidate {
        let spec = self.spec(&quantized);
        Candidate { spec, plan: Some(plan), silent: quantized.silent, layers: quantized.layers, steps }
    }

    fn spec(&self, quantized: &Quantized) -> ModelSpec {
        ModelSpec {
            features: self.schema(),
            program: quantized.program.clone(),
            tensors: quantized.tensors.clone(),
            operators: quantized.operators.clone(),
            head: HeadSpec { kind: self.head.kind, scores: quantized.scores, low_margin: I32F32::ZERO },
            outcomes: self.head.outcomes.clone(),
            provenance: vec![],
        }
    }
}

impl Candidate {
    /// Precisions of the layers that have one, each named once.
    pub(super) fn precision(&self) -> String {
        if self.plan.is_none() {
            return "the model's own".into();
        }
        let of_layers = self.layers.iter().filter(|layer| layer.node.is_some()).map(|layer| layer.precision);
        let mut all: Vec<_> = of_layers.collect();
        all.sort();
        all.dedup();
        let names: Vec<_> = all.into_iter().map(Precision::name).collect();
        if names.is_empty() { "exact".into() } else { names.join(", ") }
    }

    /// How ranges were chosen.
    pub(super) fn ranges(&self) -> String {
        let Some(plan) = &self.plan else { return "the model's own".into() };
        match plan.ranges {
            Ranges::MinMax => "min-max".into(),
            Ranges::Percentile(share) => format!("the middle {share} %"),
            Ranges::LeastError => "least error".into(),
        }
    }
}

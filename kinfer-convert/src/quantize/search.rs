//! The cheapest precision of each layer that keeps what is wanted.

use super::{Plan, Precision, Prepared, Quantized, Ranges};
use crate::error::Result;

/// Conversions of a search, at most.
const MOST_STEPS: usize = 200;
/// What a higher precision costs at least, as a share of the whole: wider lanes that neither bytes nor operations show.
const LEAST_COST: f64 = 0.02;

/// Ranges that are tried.
const CHOICES: [(Ranges, &str); 4] = [
    (Ranges::LeastError, "ranges of the least error"),
    (Ranges::Percentile(99.99), "ranges of the middle 99.99 %"),
    (Ranges::Percentile(99.9), "ranges of the middle 99.9 %"),
    (Ranges::MinMax, "ranges from smallest to largest"),
];

/// What is wanted of a conversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// An agreement: at least so much, and more is better.
    AtLeast(f64),
    /// An error: at most so much, and less is better.
    AtMost(f64),
}

impl Goal {
    /// Whether a figure is good enough.
    pub fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }

    /// A figure such that more is better; one that is not a number is worst.
    fn merit(self, figure: f64) -> f64 {
        match self {
            _ if figure.is_nan() => f64::NEG_INFINITY,
            Self::AtLeast(_) => figure,
            Self::AtMost(_) => -figure,
        }
    }
}

/// What a conversion comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Agreement with float, or the largest error.
    pub figure: f64,
    /// Operations of the verifier's report.
    pub operations: u64,
    /// Bytes of the file.
    pub bytes: usize,
}

/// A conversion that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What was different from the best one before it.
    pub what: String,
    /// What it came to.
    pub measured: Measured,
    /// Whether the search went on from it.
    pub taken: bool,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The best plan.
    pub plan: Plan,
    /// What it makes.
    pub quantized: Quantized,
    /// What that comes to.
    pub measured: Measured,
    /// All that was tried, in order.
    pub steps: Vec<Step>,
    /// If the goal is not met: the node that gains most from the highest precision, alone; where none gains anything, that
    /// of the lowest signal-to-noise.
    pub blame: Option<usize>,
}

/// Starts from int8 everywhere. Until `goal` is met: tries other ranges, measures what each operator alone gains from
/// int16 activations and from int16 weights, raises them in the order of gain for cost, and in the end all of them, with all
/// ranges: at most three conversions an operator and 200 in all. `measure` decides the evaluation rows with a candidate. Where nothing
/// meets the goal, the best that was tried is found.
///
/// # Errors
///
/// The first plan cannot be made integer, or `measure` fails.
pub fn search(
    prepared: &Prepared<'_>,
    goal: Goal,
    mut measure: impl FnMut(&Quantized) -> Result<Measured>,
) -> Result<Found> {
    let plan = Plan::uniform(prepared.graph, Precision::W8A8);
    let quantized = prepared.quantize(&plan)?;
    let measured = measure(&quantized)?;
    let steps = vec![Step { what: "w8a8 everywhere, min-max".into(), measured, taken: true }];
    let mut nodes = prepared.nodes();
    nodes.sort_unstable();
    nodes.dedup();
    let found = Found { plan, quantized, measured, steps, blame: None };
    let mut search = Search { prepared, goal, measure: &mut measure, found, nodes };
    search.try_ranges()?;
    let gains = search.gains()?;
    search.raise(&gains)?;
    search.raise_all()?;
    Ok(search.finish(&gains))
}

struct Search<'s, 'p> {
    prepared: &'s Prepared<'p>,
    goal: Goal,
    measure: &'s mut dyn FnMut(&Quantized) -> Result<Measured>,
    found: Found,
    nodes: Vec<usize>,
}

/// A plan that was measured.
struct Tried {
    plan: Plan,
    quantized: Quantized,
    measured: Measured,
    step: usize,
    /// How much better it is than the best so far.
    gain: f64,
}

/// What an operator alone gains from a precision.
struct Gain {
    node: usize,
    precision: Precision,
    gain: f64,
    cost: f64,
}

impl Search<'_, '_> {
    fn is_over(&self) -> bool {
        self.goal.is_met(self.found.measured.figure) || self.found.steps.len() >= MOST_STEPS
    }

    /// Measures a plan; one that cannot be made integer is worth nothing.
    fn measure(&mut self, plan: Plan, what: String) -> Result<Option<Tried>> {
        let Ok(quantized) = self.prepared.quantize(&plan) else { return Ok(None) };
        let measured = (self.measure)(&quantized)?;
        let gain = self.goal.merit(measured.figure) - self.goal.merit(self.found.measured.figure);
        self.found.steps.push(Step { what, measured, taken: false });
        Ok(Some(Tried { plan, quantized, measured, step: self.found.steps.len() - 1, gain }))
    }

    fn take(&mut self, tried: Tried) {
        self.found.steps[tried.step].taken = true;
        (self.found.plan, self.found.quantized, self.found.measured) = (tried.plan, tried.quantized, tried.measured);
    }

    /// Other ranges cost nothing.
    fn try_ranges(&mut self) -> Result<()> {
        for (ranges, what) in CHOICES {
            if self.is_over() {
                break;
            }
            if ranges == self.found.plan.ranges {
                continue;
            }
            let plan = Plan { ranges, ..self.found.plan.clone() };
            let tried = self.measure(plan, what.into())?;
            if let Some(better) = tried.filter(|tried| tried.gain > 0.0) {
                self.take(better);
            }
        }
        Ok(())
    }

    /// What each operator alone gains from each precision. If that meets the goal, the cheapest that does is taken.
    fn gains(&mut self) -> Result<Vec<Gain>> {
        let mut gains = vec![];
        let mut cheapest: Option<(f64, Tried)> = None;
        for node in self.nodes.clone() {
            for precision in [Precision::W8A16, Precision::W16A16] {
                if self.is_over() {
                    break;
                }
                let plan = self.raised(&[(node, precision)]);
                let what = format!("{} for {}", precision.name(), self.name(node));
                let Some(tried) = self.measure(plan, what)? else { continue };
                let cost = self.cost(&tried.measured) * f64::from(1 + u8::from(precision == Precision::W16A16));
                gains.push(Gain { node, precision, gain: tried.gain, cost });
                let is_cheapest = cheapest.as_ref().is_none_or(|(least, _)| cost < *least);
                if self.goal.is_met(tried.measured.figure) && is_cheapest {
                    cheapest = Some((cost, tried));
                }
            }
        }
        if let Some((_, tried)) = cheapest {
            self.take(tried);
        }
        Ok(gains)
    }

    /// Raises operators one after the other, the one with the most gain for its cost first.
    fn raise(&mut self, gains: &[Gain]) -> Result<()> {
        let rate = |gain: &Gain| gain.gain / gain.cost;
        let best =
            |node: &usize| gains.iter().filter(|gain| gain.node == *node).max_by(|a, b| rate(a).total_cmp(&rate(b)));
        let mut order: Vec<&Gain> = self.nodes.iter().filter_map(best).filter(|gain| gain.gain > 0.0).collect();
        order.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
        for gain in order {
            if self.is_over() {
                break;
            }
            let plan = self.raised(&[(gain.node, gain.precision)]);
            let what = format!("{} for {} too", gain.precision.name(), self.name(gain.node));
            let tried = self.measure(plan, what)?;
            if let Some(better) = tried.filter(|tried| tried.gain > 0.0) {
                self.take(better);
            }
        }
        Ok(())
    }

    /// What gains nothing alone may gain together, and with other ranges.
    fn raise_all(&mut self) -> Result<()> {
        for precision in [Precision::W8A16, Precision::W16A16] {
            let all: Vec<_> = self.nodes.iter().map(|&node| (node, precision)).collect();
            let own = self.found.plan.ranges;
            let own = CHOICES.into_iter().filter(|(ranges, _)| *ranges == own);
            let others = CHOICES
                .into_iter()
                .filter(|(ranges, _)| precision == Precision::W16A16 && *ranges != self.found.plan.ranges);
            for (ranges, of_ranges) in own.chain(others).collect::<Vec<_>>() {
                if self.is_over() {
                    return Ok(());
                }
                let plan = Plan { ranges, ..self.raised(&all) };
                let tried = self.measure(plan, format!("{} everywhere, {of_ranges}", precision.name()))?;
                if let Some(better) = tried.filter(|tried| tried.gain > 0.0) {
                    self.take(better);
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, gains: &[Gain]) -> Found {
        if !self.goal.is_met(self.found.measured.figure) {
            let most = gains.iter().filter(|gain| gain.gain > 0.0).max_by(|a, b| a.gain.total_cmp(&b.gain));
            let noisiest = || {
                let layers = self.found.quantized.layers.iter().filter(|layer| layer.node.is_some());
                layers.min_by(|a, b| a.signal_to_noise.total_cmp(&b.signal_to_noise)).and_then(|layer| layer.node)
            };
            self.found.blame = most.map(|gain| gain.node).or_else(noisiest);
        }
        self.found
    }

    fn raised(&self, raises: &[(usize, Precision)]) -> Plan {
        let mut plan = self.found.plan.clone();
        for &(node, precision) in raises {
            plan.precision[node] = plan.precision[node].max(precision);
        }
        plan
    }

    fn name(&self, node: usize) -> &str {
        &self.prepared.graph.nodes[node].name
    }

    /// What a plan costs more than the best so far: bytes and operations, as shares.
    fn cost(&self, of: &Measured) -> f64 {
        let share = |is: f64, was: f64| (is - was).max(0.0) / was.max(1.0);
        let before = &self.found.measured;
        let operations = share(of.operations as f64, before.operations as f64);
        LEAST_COST + operations + share(of.bytes as f64, before.bytes as f64)
    }
}

//! The cheapest precision of each layer that keeps what is wanted.

use super::{Plan, Precision, Prepared, Quantized, Ranges};
use crate::error::Result;

/// Conversions of a search, at most.
const MOST_STEPS: usize = 200;

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
    /// If the goal is not met: the node that keeps it from being met, as far as the search can tell.
    pub blame: Option<usize>,
}

/// Starts from int8 everywhere and raises, one at a time, the operator that gains most for what it costs, until `goal` is
/// met. `measure` decides the evaluation rows with a candidate. Where nothing meets the goal, the best that was tried is
/// found.
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
    nodes.dedup();
    let found = Found { plan, quantized, measured, steps, blame: None };
    let mut search = Search { prepared, goal, measure: &mut measure, found, nodes };
    search.ranges()?;
    search.raise()?;
    search.ranges_again()?;
    let mut found = search.finish()?;
    if goal.is_met(found.measured.figure) {
        found.blame = None;
    }
    Ok(found)
}

struct Search<'s, 'p> {
    prepared: &'s Prepared<'p>,
    goal: Goal,
    measure: &'s mut dyn FnMut(&Quantized) -> Result<Measured>,
    found: Found,
    nodes: Vec<usize>,
}

/// A candidate that is better than what was found so far.
struct Better {
    plan: Plan,
    quantized: Quantized,
    measured: Measured,
    step: usize,
    gain: f64,
    node: usize,
}

impl Search<'_, '_> {
    fn met(&self) -> bool {
        self.goal.is_met(self.found.measured.figure)
    }

    fn is_spent(&self) -> bool {
        self.found.steps.len() >= MOST_STEPS
    }

    /// Measures a plan; one that cannot be made integer is worth nothing.
    fn try_plan(&mut self, plan: Plan, what: String, node: usize) -> Result<Option<Better>> {
        let Ok(quantized) = self.prepared.quantize(&plan) else { return Ok(None) };
        let measured = (self.measure)(&quantized)?;
        let gain = self.goal.merit(measured.figure) - self.goal.merit(self.found.measured.figure);
        self.found.steps.push(Step { what, measured, taken: false });
        let step = self.found.steps.len() - 1;
        Ok(Some(Better { plan, quantized, measured, step, gain, node }))
    }

    fn take(&mut self, better: Better) {
        self.found.steps[better.step].taken = true;
        (self.found.plan, self.found.quantized, self.found.measured) = (better.plan, better.quantized, better.measured);
    }

    /// Other ranges cost nothing.
    fn ranges(&mut self) -> Result<()> {
        let choices = [
            (Ranges::LeastError, "ranges of the least error"),
            (Ranges::Percentile(99.99), "ranges of the middle 99.99 %"),
            (Ranges::Percentile(99.9), "ranges of the middle 99.9 %"),
            (Ranges::MinMax, "ranges from smallest to largest"),
        ];
        for (ranges, what) in choices {
            if self.met() || self.is_spent() {
                break;
            }
            if ranges == self.found.plan.ranges {
                continue;
            }
            let plan = Plan { ranges, ..self.found.plan.clone() };
            let tried = self.try_plan(plan, what.into(), 0)?;
            if let Some(better) = tried.filter(|better| better.gain > 0.0) {
                self.take(better);
            }
        }
        Ok(())
    }

    /// After precisions have changed, other ranges may be better.
    fn ranges_again(&mut self) -> Result<()> {
        if self.met() { Ok(()) } else { self.ranges() }
    }

    /// Measures what each operator gains from the next precision, and raises them in the order of gain for cost; what
    /// gains nothing alone is raised last, all of it.
    fn raise(&mut self) -> Result<()> {
        for precision in [Precision::W8A16, Precision::W16A16] {
            let mut gains: Vec<(usize, f64)> = vec![];
            for node in self.nodes.clone() {
                if self.met() || self.is_spent() {
                    return Ok(());
                }
                if self.found.plan.of(node) >= precision {
                    continue;
                }
                let Some(better) = self.try_plan(self.raised(&[node], precision), self.name(node, precision), node)?
                else {
                    continue;
                };
                let cost = self.cost(&better.measured);
                gains.push((node, better.gain / cost));
                if self.goal.is_met(better.measured.figure) {
                    self.take(better);
                    return Ok(());
                }
            }
            gains.sort_by(|a, b| b.1.total_cmp(&a.1));
            let mut raised: Vec<usize> = vec![];
            for (node, _) in gains {
                if self.met() || self.is_spent() {
                    return Ok(());
                }
                raised.push(node);
                if raised.len() == 1 {
                    // It is measured already; what follows is measured with it.
                    let plan = self.raised(&raised, precision);
                    if self.nodes.len() > 1 {
                        continue;
                    }
                    self.keep(plan, &[node], precision)?;
                    continue;
                }
                let plan = self.raised(&raised, precision);
                self.keep(plan, &raised.clone(), precision)?;
            }
        }
        Ok(())
    }

    /// Takes a plan that is at least as good.
    fn keep(&mut self, plan: Plan, nodes: &[usize], precision: Precision) -> Result<()> {
        let names: Vec<_> = nodes.iter().map(|&node| self.prepared.graph.nodes[node].name.as_str()).collect();
        let what = format!("{} for {}", precision.name(), names.join(", "));
        let tried = self.try_plan(plan, what, nodes[0])?;
        if let Some(better) = tried.filter(|better| better.gain >= 0.0) {
            self.take(better);
        }
        Ok(())
    }

    fn raised(&self, nodes: &[usize], precision: Precision) -> Plan {
        let mut plan = self.found.plan.clone();
        for &node in nodes {
            plan.precision[node] = plan.precision[node].max(precision);
        }
        plan
    }

    fn name(&self, node: usize, precision: Precision) -> String {
        format!("{} for {}", precision.name(), self.prepared.graph.nodes[node].name)
    }

    /// What a plan costs more than the best so far, with a floor under it: bytes, and operations, as shares.
    fn cost(&self, of: &Measured) -> f64 {
        let share = |is: f64, was: f64| (is - was) / was.max(1.0);
        let before = &self.found.measured;
        let operations = share(of.operations as f64, before.operations as f64);
        (share(of.bytes as f64, before.bytes as f64) + operations).max(0.01)
    }

    /// The node whose integers are furthest from float, if the goal is not met: the one that loses most when it alone goes
    /// back to int8; where none loses anything, the one with the lowest signal-to-noise.
    fn finish(mut self) -> Result<Found> {
        if self.met() {
            return Ok(self.found);
        }
        let mut worst: Option<(f64, usize)> = None;
        for node in self.nodes.clone() {
            if self.is_spent() {
                break;
            }
            let mut plan = self.found.plan.clone();
            if plan.precision[node] == Precision::W8A8 {
                continue;
            }
            plan.precision[node] = Precision::W8A8;
            let what = format!("back to w8a8 for {}", self.prepared.graph.nodes[node].name);
            let Some(better) = self.try_plan(plan, what, node)? else { continue };
            if worst.is_none_or(|(loss, _)| -better.gain > loss) {
                worst = Some((-better.gain, better.node));
            }
        }
        let by_loss = worst.filter(|(loss, _)| *loss > 0.0).map(|(_, node)| node);
        let noisiest = || {
            let layers = self.found.quantized.layers.iter().filter(|layer| layer.node.is_some());
            layers.min_by(|a, b| a.signal_to_noise.total_cmp(&b.signal_to_noise)).and_then(|layer| layer.node)
        };
        self.found.blame = by_loss.or_else(noisiest);
        Ok(self.found)
    }
}

//! Functions that exporters write out, by what they do: `x · sigmoid(x)`, `x · clip(x + 3, 0, 6) / 6`, `½ · x · (1 + erf(x / √2))`.
//!
//! Nodes that work element by element on one value, all elements alike, are one function of that value. It is compared
//! with those that have a name at many points, so that the way in which it was written does not matter.

use std::collections::BTreeMap;

use super::Rewrite;
use crate::graph::{Function, Node, Operator, ValueId};
use crate::kinf::functions::Function as Table;

/// Nodes that a written-out function may have.
const MOST_NODES: usize = 16;

impl Rewrite {
    /// The value of a node that is the end of a written-out function.
    pub(super) fn named(&mut self, node: &Node) -> Option<ValueId> {
        if !is_alike(&node.operator) {
            return None;
        }
        // Values that the function reads; the last of them is opened until there is one.
        let mut open: Vec<ValueId> = node.inputs.clone();
        let mut inside: Vec<ValueId> = vec![];
        while inside.len() < MOST_NODES {
            open.sort_unstable();
            open.dedup();
            if let &[base] = &open[..]
                && !inside.is_empty()
                && !(is_scaling(&node.operator) && self.is_feature(base))
                && let Some(operator) = self.name_of(node, &inside, base)
            {
                return Some(self.push(&node.name, operator, vec![base], node.shape.clone()));
            }
            let last = open.pop()?;
            let inner = self.out.node(last)?;
            if !is_alike(&inner.operator) || inner.width() != node.width() {
                return None;
            }
            inside.push(last);
            open.extend(&inner.inputs);
        }
        None
    }

    /// The operator that does what `inside` and `node` do to `base`.
    fn name_of(&self, node: &Node, inside: &[ValueId], base: ValueId) -> Option<Operator> {
        if self.width(base) != node.width() {
            return None;
        }
        let mut inside = inside.to_vec();
        inside.sort_unstable();
        let nodes: Vec<(ValueId, &Node)> = inside.iter().filter_map(|&id| Some((id, self.out.node(id)?))).collect();
        let last = ValueId::MAX;
        let at = |x: f64| {
            let mut values = BTreeMap::from([(base, x)]);
            for (id, inner) in nodes.iter().copied().chain([(last, node)]) {
                let of = |input: usize| inner.inputs.get(input).and_then(|input| values.get(input)).copied();
                let value = value(&inner.operator, of(0).unwrap_or(f64::NAN), of(1));
                values.insert(id, value);
            }
            values.get(&last).copied().unwrap_or(f64::NAN)
        };
        let mut points = points();
        for (_, inner) in nodes.iter().copied().chain([(last, node)]) {
            if let Operator::Clip { lo, hi } = inner.operator {
                points.extend([lo, hi].into_iter().filter(|bound| bound.is_finite()).flat_map(around));
            }
        }
        let values: Vec<f64> = points.iter().map(|&x| at(x)).collect();
        let same = |operator: &Operator| {
            points.iter().zip(&values).all(|(&x, &is)| {
                let wants = of_one(operator, x);
                // Where the written-out form overflows, the function does not.
                (!is.is_finite() && x.abs() > 80.0) || (is - wants).abs() <= 2e-6 * (1.0 + x.abs().max(wants.abs()))
            })
        };
        candidates(&at).into_iter().find(same)
    }
}

/// Whether an operator is what a feature program does anyway.
fn is_scaling(operator: &Operator) -> bool {
    matches!(operator, Operator::Affine { .. } | Operator::Clip { .. })
}

/// Whether an operator does the same to all elements.
fn is_alike(operator: &Operator) -> bool {
    match operator {
        Operator::Affine { factor, offset } => {
            let all = |values: &[f64]| values.iter().all(|value| Some(value) == values.first());
            all(factor) && all(offset)
        }
        Operator::Clip { .. } | Operator::Map(_) | Operator::Add | Operator::Sub | Operator::Mul => true,
        _ => false,
    }
}

fn of_one(operator: &Operator, x: f64) -> f64 {
    value(operator, x, None)
}

fn value(operator: &Operator, x: f64, second: Option<f64>) -> f64 {
    let second = second.unwrap_or(x);
    match operator {
        Operator::Affine { factor, offset } => match (factor.first(), offset.first()) {
            (Some(factor), Some(offset)) => factor * x + offset,
            _ => f64::NAN,
        },
        Operator::Clip { lo, hi } => x.max(*lo).min(*hi),
        Operator::Map(function) => function.value(x),
        Operator::Add => x + second,
        Operator::Sub => x - second,
        Operator::Mul => x * second,
        _ => f64::NAN,
    }
}

/// Where functions are compared: dense where they bend, and far out.
fn points() -> Vec<f64> {
    let near = (-640..=640).map(|step| f64::from(step) / 32.0 + 0.003);
    let far = [25.0, 40.0, 79.0, 150.0, 1e3, 1e4, 1e6];
    near.chain(far.into_iter().flat_map(|x| [x, -x])).chain([0.0]).collect()
}

fn around(bound: f64) -> [f64; 3] {
    let step = 1e-2 * (1.0 + bound.abs());
    [bound - step, bound, bound + step]
}

/// Functions with a name that may be `f`, their parameters read off it.
fn candidates(f: &impl Fn(f64) -> f64) -> Vec<Operator> {
    let table = |function| Operator::Map(Function::Table(function));
    let map = Operator::Map;
    let mut all = vec![
        table(Table::HardSwish),
        table(Table::Silu),
        table(Table::Gelu),
        map(Function::GeluTanh),
        map(Function::Mish),
        table(Table::Softplus),
        table(Table::Sigmoid),
        table(Table::Tanh),
        map(Function::Softsign),
        map(Function::Abs),
        map(Function::Square),
        Operator::Clip { lo: 0.0, hi: f64::INFINITY },
    ];
    let (zero, slope) = (f(0.0), f(-1.0) - f(-2.0));
    let (least, most) = (f(-1e4), f(1e4));
    if zero.is_finite() && least.is_finite() {
        all.push(Operator::Clip { lo: least, hi: most });
        all.push(table(Table::Elu { alpha: -least }));
        if slope.is_finite() {
            all.push(map(Function::LeakyRelu { alpha: slope }));
        }
    }
    let (half, step) = (f(0.0), f(1e-3) - f(-1e-3));
    if half.is_finite() && step > 0.0 {
        all.push(table(Table::HardSigmoid { alpha: step / 2e-3, beta: half }));
    }
    all.retain(|operator| match operator {
        Operator::Clip { lo, hi } => lo < hi,
        _ => true,
    });
    all
}

//! Grids and weights, operator by operator in the order they run, each on what the integer operators before it give.

use super::grid::Grid;
use super::layout::Layout;
use super::lower::{Key, Kind, Lowered, Op};
use super::observe::Observed;
use super::scales::{BALANCES, Chooser, FamilyGrid, Grids, SHRINKS};
use super::weighted::{Job, Stage};
use super::{Plan, Ranges};
use crate::graph::{Matrix, Node, Operator};

/// All that is chosen.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) grids: Grids,
    /// By key; nothing of an operator without weights.
    pub(super) stages: Vec<Option<Stage>>,
    /// By key: what the integer operators give on the sample, before it is put on its grid.
    pub(super) values: Vec<Matrix>,
}

/// Chooses grids and weights. The grid of wide scores is not among them: it depends on all that is chosen.
pub(super) fn choose(lowered: &Lowered, layout: &Layout, observed: &Observed, plan: &Plan) -> Chosen {
    let chooser = Chooser { lowered, layout, observed, plan };
    let importance = importance(lowered);
    let keys = lowered.keys();
    let mut chosen =
        Chosen { grids: Grids::new(keys), stages: vec![None; keys], values: vec![Matrix::zeros(0, 1); keys] };
    for key in lowered.ops.len()..keys {
        chosen.values[key] = observed.sample[key].clone();
    }
    for op in lowered.alive() {
        let input = op.inputs[0];
        let weight_type = plan.of(op.node).weights();
        let values = &chosen.values[input];
        let job = Job::new(op, values, observed.linear(op.value), &importance[op.value], weight_type);
        if let Some(job) = job {
            let (grid, stage, out) = weigh(&chooser, &chosen.grids, &job, input);
            if let Some(grid) = grid {
                chosen.grids.decide(layout.family(input), grid);
            }
            chosen.stages[op.value] = Some(stage);
            chosen.values[op.value] = out;
            continue;
        }
        for &input in &op.inputs {
            decide(&chooser, &mut chosen, input);
        }
        let squared = chosen.grids.of(layout, input, lowered.width(input)).filter(|_| layout.has_own_squares(op.value));
        if let Some(grid) = squared {
            chosen.grids.decide(layout.family(op.value), chooser.squares(op.value, input, &grid));
        }
        chosen.values[op.value] = run(op, &chosen, lowered, layout, observed);
    }
    decide(&chooser, &mut chosen, lowered.scores);
    chosen
}

/// The layer's weights and its outputs; with the grid of its inputs if that was not decided.
fn weigh(chooser: &Chooser<'_>, grids: &Grids, job: &Job<'_>, input: Key) -> (Option<FamilyGrid>, Stage, Matrix) {
    let width = chooser.lowered.width(input);
    if let Some(grid) = grids.of(chooser.layout, input, width) {
        let (_, rounded) = job.try_grid(&grid);
        let (stage, out) = job.stage(&grid, rounded);
        return (None, stage, out);
    }
    let family = chooser.layout.family(input);
    let classes = || (0..width).map(|element| chooser.layout.class(input, element));
    let needs = chooser.layout.needs(family);
    let shrinks = if chooser.plan.ranges == Ranges::LeastError { SHRINKS.as_slice() } else { &SHRINKS[..1] };
    let mut best: Option<(f64, FamilyGrid, super::round::Rounded)> = None;
    for &shrink in shrinks {
        let widest = chooser.grid(family, shrink);
        let alone = needs.weighted == 1 && !needs.common && !chooser.layout.is_uniform(family);
        let columns = job.columns(&widest.grid(classes()), |element| chooser.layout.class(input, element));
        for &balance in if alone { BALANCES.as_slice() } else { &BALANCES[..1] } {
            let mut grid = widest.balanced(&columns, if alone { balance } else { 1.0 });
            chooser.coarsen_stairs(family, &mut grid);
            let (error, rounded) = job.try_grid(&grid.grid(classes()));
            if best.as_ref().is_none_or(|(least, ..)| error < *least) {
                best = Some((error, grid, rounded));
            }
        }
    }
    let (grid, rounded) = match best {
        Some((_, grid, rounded)) => (grid, rounded),
        // Every error was not a number; there is a grid nevertheless.
        None => {
            let grid = chooser.grid(family, 1.0);
            let (_, rounded) = job.try_grid(&grid.grid(classes()));
            (grid, rounded)
        }
    };
    let (stage, out) = job.stage(&grid.grid(classes()), rounded);
    (Some(grid), stage, out)
}

/// Gives a value's family a grid, if it has none and is to have one here.
fn decide(chooser: &Chooser<'_>, chosen: &mut Chosen, key: Key) {
    let family = chooser.layout.family(key);
    let is_wide = chooser.layout.wide_scores && family == chooser.layout.family(chooser.lowered.scores);
    if is_wide || chosen.grids.family(family).is_some() {
        return;
    }
    let shrinks = if chooser.plan.ranges == Ranges::LeastError { SHRINKS.as_slice() } else { &SHRINKS[..1] };
    let width = chooser.lowered.width(key);
    let values = &chosen.values[key];
    let tried = shrinks.iter().map(|&shrink| {
        let mut grid = chooser.grid(family, shrink);
        chooser.coarsen_stairs(family, &mut grid);
        let on = grid.grid((0..width).map(|element| chooser.layout.class(key, element)));
        let error = |row: &[f64]| row.iter().enumerate().map(|(at, &x)| (x - on.snap(at, x)).powi(2)).sum::<f64>();
        let error: f64 = if shrinks.len() > 1 { values.iter_rows().map(error).sum() } else { 0.0 };
        (error, grid)
    });
    if let Some((_, grid)) = tried.min_by(|a, b| a.0.total_cmp(&b.0)) {
        chosen.grids.decide(family, grid);
    }
}

/// The operator in float on what its inputs are as integers.
fn run(op: &Op, chosen: &Chosen, lowered: &Lowered, layout: &Layout, observed: &Observed) -> Matrix {
    let float = &observed.sample[op.value];
    // A cell has a state, trees compare more exactly than the sample tells.
    if matches!(op.kind, Kind::Plain(Operator::Cell(_) | Operator::Trees(_))) {
        return float.clone();
    }
    let grids: Vec<Option<Grid>> =
        op.inputs.iter().map(|&input| chosen.grids.of(layout, input, lowered.width(input))).collect();
    let node = match &op.kind {
        Kind::Plain(operator) => Some(Node {
            name: String::new(),
            operator: operator.clone(),
            inputs: (0..op.inputs.len()).collect(),
            shape: op.shape.clone(),
        }),
        _ => None,
    };
    let mut out = Matrix { columns: float.columns, data: Vec::with_capacity(float.data.len()) };
    for row in 0..float.rows() {
        let read = |(&input, grid): (&Key, &Option<Grid>)| {
            let values = chosen.values[input].row(row);
            match grid {
                Some(grid) => values.iter().enumerate().map(|(at, &x)| grid.snap(at, x)).collect(),
                None => values.to_vec(),
            }
        };
        let inputs: Vec<Vec<f64>> = op.inputs.iter().zip(&grids).map(read).collect();
        let x = inputs.first().map_or(&[][..], Vec::as_slice);
        let values = match (&op.kind, &node) {
            (_, Some(node)) => node.evaluate(&inputs),
            (Kind::SquaredError { factor }, _) => {
                let second = inputs.get(1).map_or(&[][..], Vec::as_slice);
                vec![factor * x.iter().zip(second).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()]
            }
            (Kind::Chain(chain), _) => {
                let float = float.row(row);
                // A function that is not defined beside what was seen has its float value.
                let value =
                    |(&x, &float): (&f64, &f64)| Some(chain.value(x)).filter(|y| y.is_finite()).unwrap_or(float);
                x.iter().zip(float).map(value).collect()
            }
            _ => vec![],
        };
        out.data.extend(values.into_iter().map(|y| y.max(op.lo).min(op.hi)));
    }
    out
}

/// How much an error of each element matters to the operators that read it: the energy of the weights it meets.
fn importance(lowered: &Lowered) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = (0..lowered.keys()).map(|key| vec![0.0; lowered.width(key)]).collect();
    all[lowered.scores].fill(1.0);
    for op in lowered.ops.iter().rev().flatten() {
        let own = all[op.value].clone();
        let mut add = |input: Key, element: usize, energy: f64| {
            if let Some(sum) = all[input].get_mut(element) {
                *sum += energy;
            }
        };
        let x = op.inputs[0];
        match &op.kind {
            Kind::Plain(Operator::Dense { weights, .. }) => {
                for row in weights.iter_rows() {
                    row.iter().enumerate().for_each(|(element, weight)| add(x, element, weight * weight));
                }
            }
            Kind::Plain(Operator::Conv(conv)) => {
                let channels = conv.image[2];
                let (of_group, outputs) = (channels / conv.groups, conv.bias.len() / conv.groups);
                let mut energy = vec![0.0; channels];
                for (output, row) in conv.weights.iter_rows().enumerate() {
                    let first = output / outputs * of_group;
                    row.iter().enumerate().for_each(|(tap, weight)| energy[first + tap % of_group] += weight * weight);
                }
                (0..lowered.width(x)).for_each(|element| add(x, element, energy[element % channels]));
            }
            Kind::Plain(Operator::Select { indices }) => {
                indices.iter().zip(&own).for_each(|(&from, energy)| add(x, from, *energy));
            }
            Kind::Plain(Operator::Pool(pool)) => {
                let (channels, positions) = (pool.image[2], (own.len() / pool.image[2]).max(1));
                let energy = own.iter().sum::<f64>() / (channels * positions) as f64;
                (0..lowered.width(x)).for_each(|element| add(x, element, energy));
            }
            Kind::Plain(Operator::Concat { rows }) => {
                let mut to = 0;
                for row in 0..*rows {
                    for &input in &op.inputs {
                        let width = lowered.width(input) / rows;
                        (0..width).for_each(|i| add(input, row * width + i, own[to + i]));
                        to += width;
                    }
                }
            }
            Kind::Chain(_) | Kind::Plain(Operator::Add | Operator::Sub | Operator::Mul | Operator::Clip { .. }) => {
                for &input in &op.inputs {
                    let shared = lowered.width(input) == 1;
                    own.iter().enumerate().for_each(|(at, energy)| add(input, if shared { 0 } else { at }, *energy));
                }
            }
            _ => op.inputs.iter().for_each(|&input| (0..lowered.width(input)).for_each(|at| add(input, at, 1.0))),
        }
    }
    all
}

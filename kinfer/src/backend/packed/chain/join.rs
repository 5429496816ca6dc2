//! Which operators make a chain.

use super::super::super::{BackendKind, Need};
use super::layer::need;
use super::ROOM;
use crate::format::{Model, Operator, OperatorKind};
use crate::verify::{self, Report};

/// Operators of a chain at most.
const MAX_OPERATORS: usize = 16;
/// What a record costs.
const RECORD_CYCLES: u32 = 10;
/// Lanes of a dense layer before a table at least.
const TABLE_LANES: u8 = 3;

/// Makes chains of what is proved of all operators, where that costs less.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(crate) fn join(model: &Model<'_>, report: &mut Report) {
    let mut first = 0usize;
    while first < report.operators.len() {
        let (length, cycles, apart) = longest(model, report, first);
        if cycles < apart {
            chain(model, report, first, length);
        }
        first = first.saturating_add(length.max(1));
    }
}

/// A chain, as a record names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    /// Its operators.
    pub(crate) operators: usize,
    /// Elements of scratch that it takes, from its output on.
    pub(crate) room: u32,
    /// Words of its parameters.
    pub(crate) words: u32,
}

impl Chain {
    /// The chain that begins with the `first`-th operator.
    pub(crate) fn at(report: &Report, first: usize) -> Self {
        let mut chain = Self { operators: 0, room: 0, words: 0 };
        for proved in report.operators.iter().skip(first) {
            if !proved.need.chained || chain.operators > 0 && proved.need.records > 0 {
                break;
            }
            let room = if proved.kind == OperatorKind::Dense { ROOM as u32 } else { 0 };
            chain.operators = chain.operators.saturating_add(1);
            (chain.room, chain.words) =
                (chain.room.saturating_add(room), chain.words.saturating_add(proved.need.words));
        }
        chain
    }
}

/// Whether the `index`-th operator of a chain is followed by a table in it.
pub(crate) fn table_follows(report: &Report, index: usize) -> bool {
    let next = report.operators.get(index.saturating_add(1));
    next.is_some_and(|next| next.need.chained && next.need.records == 0 && next.kind == OperatorKind::Table)
}

/// How many operators from `first` on can be a chain, what they cost as one, and what they cost apart.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
fn longest(model: &Model<'_>, report: &Report, first: usize) -> (usize, u32, u32) {
    let (mut length, mut cycles, mut apart) = (0usize, RECORD_CYCLES, 0u32);
    // Of the dense layer that is the last so far.
    let mut lanes = 0;
    while length < MAX_OPERATORS {
        let index = first.saturating_add(length);
        let Some(operator) = model.operators().get(index).filter(|it| length == 0 || follows(model, it, index)) else {
            break;
        };
        // A table is looked up as a dense layer is finished, in the forms of most.
        if operator.kind() == OperatorKind::Table && lanes < TABLE_LANES {
            break;
        }
        let Some(layer) = layer_of(model, &operator, report) else { break };
        let alone = report.operators.get(index).map_or(0, |proved| proved.need.cycles);
        (cycles, apart) = (cycles.saturating_add(layer.cycles), apart.saturating_add(alone));
        (length, lanes) = (length.saturating_add(1), layer.lanes);
    }
    (length, cycles, apart)
}

fn layer_of(model: &Model<'_>, operator: &Operator, report: &Report) -> Option<Need> {
    need(&verify::node(model, operator, report).ok()?)
}

/// Whether the `index`-th operator reads what the one before it writes, and nobody else does.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
fn follows(model: &Model<'_>, operator: &Operator, index: usize) -> bool {
    let between = index as u16; // operator `i` writes tensor `i + 1`
    if operator.input != between || operator.second.is_some() || model.head().scores == between {
        return false;
    }
    for later in model.operators().iter().skip(index.saturating_add(1)) {
        if later.input == between || later.second == Some(between) {
            return false;
        }
    }
    true
}

fn chain(model: &Model<'_>, report: &mut Report, first: usize, length: usize) {
    for number in 0..length {
        let index = first.saturating_add(number);
        let Some(operator) = model.operators().get(index) else { return };
        let Some(need) = layer_of(model, &operator, report) else { return };
        let Some(proved) = report.operators.get_mut(index) else { return };
        proved.backend = BackendKind::Packed;
        let workspace = (ROOM.saturating_mul(length) as u32).div_ceil(2);
        proved.need = Need { chained: true, records: u16::from(number == 0), workspace, ..need };
    }
}

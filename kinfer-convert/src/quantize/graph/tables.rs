//! Functions of one value: tables, and where they change.

use kinfer::format::ElementType;

use super::chain::{Chain, Unary};
use super::grid::Grid;
use super::lower::Op;
use super::writer::{Writer, bounds, is_wide, true_spec};
use super::{NORMALISE, elementwise};
use crate::error::Result;
use crate::kinf::functions::{direct, interpolated};
use crate::kinf::{EntriesSpec, KnotsSpec, OperatorSpec, TableSpec};

/// Places at which a function is looked at.
const PLACES: usize = 4096;
/// Segments of an interpolated table, as powers of two.
const SEGMENTS: std::ops::RangeInclusive<u8> = 8..=12;
/// Error of an interpolated table that is good enough, in units of the output.
const GOOD: f64 = 0.6;
/// Of scores: the share of the output's range.
const GOOD_SHARE: f64 = 1.0 / 131_072.0;

/// Writes a function.
pub(super) fn write(writer: &mut Writer<'_>, op: &Op, chain: &Chain) -> Result<()> {
    let key = op.inputs[0];
    let (input, output) = (writer.grid(key)?, writer.grid(op.value)?);
    if let Some((alpha, lo, hi)) = chain.as_leaky() {
        let op = Op { lo: op.lo.max(lo), hi: op.hi.min(hi), ..op.clone() };
        return elementwise::rescale(writer, &op, alpha);
    }
    let tensor = writer.tensor(key)?;
    let seen = writer.prepared.observed.ranges[key]
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |all, range| (all.0.min(range.0), all.1.max(range.1)));
    let defined = |chain: &Chain, x: f64| {
        let y = chain.value(x);
        if y.is_finite() { y } else { chain.value(x.clamp(seen.0, seen.1)) }
    };
    for x in (0..PLACES).map(|place| place_in(seen, place)) {
        if !defined(chain, x).is_finite() {
            let what = format!("its function is not defined at {x:.4}, between values that calibration saw");
            return Err(writer.wrong(op, &what, "put a Clip before it"));
        }
    }
    let (from, to) = (true_spec(&input, vec![1]), true_spec(&output, vec![1]));
    let (mut lo, mut hi) = bounds(op, &output);
    let entries = if input.element == ElementType::I8 {
        direct(&from, &to, |x| defined(chain, x).max(op.lo).min(op.hi))
    } else {
        // The bounds of a clip at the end are exact where the lines go on beyond them.
        let mut free = chain.clone();
        if let Some(&Unary::Clip { lo: floor, hi: ceiling }) = free.0.last() {
            free.0.pop();
            let at_end = Op { lo: op.lo.max(floor), hi: op.hi.min(ceiling), ..op.clone() };
            (lo, hi) = bounds(&at_end, &output);
        }
        let function = |x: f64| defined(&free, x);
        let entries = |bits: u8| interpolated(&from, &to, bits, (lo, hi), function);
        let error = |entries: &EntriesSpec| error_of(entries, &input, &output, |x| defined(chain, x));
        let good = if is_wide(&output) { span(&output, chain, &input) * GOOD_SHARE } else { GOOD };
        let good_enough = SEGMENTS.map(entries).find(|entries| error(entries) <= good);
        good_enough.unwrap_or_else(|| entries(*SEGMENTS.end()))
    };
    let fits = input.scale() > 0.0 && output.scale() > 0.0;
    if !fits {
        return Err(writer.wrong(op, "its range cannot be written in integers", NORMALISE));
    }
    let number = writer.next();
    let spec = writer.output(op)?;
    writer.finish(op, OperatorSpec::Table(TableSpec { input: tensor, output: number, entries }), spec);
    Ok(())
}

/// The part of `seen` in which a function changes as far as an integer of the type that it reads can tell.
pub(super) fn changes(chain: &Chain, seen: (f64, f64), element: ElementType) -> (f64, f64) {
    let at = |place: usize| place_in(seen, place);
    let values: Vec<f64> = (0..PLACES).map(|place| chain.value(at(place))).collect();
    let finite = values.iter().all(|y| y.is_finite());
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let tolerance = (most - least) / if element == ElementType::I8 { 1_024.0 } else { 262_144.0 };
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return seen };
    let moves = |end: f64| move |y: &f64| (y - end).abs() > tolerance;
    let from = values.iter().position(moves(first));
    let to = values.iter().rposition(moves(last));
    match (finite, from, to) {
        // One place less on either side: the end itself belongs to it.
        (true, Some(from), Some(to)) if from <= to + 1 => (at(from.saturating_sub(1)), at((to + 1).min(PLACES - 1))),
        _ => seen,
    }
}

fn place_in((lo, hi): (f64, f64), place: usize) -> f64 {
    lo + (hi - lo) * place as f64 / (PLACES - 1) as f64
}

/// What a function spans over a grid, in units of the output.
fn span(output: &Grid, chain: &Chain, input: &Grid) -> f64 {
    let reach = input.reach(0);
    let values = (0..PLACES).map(|place| chain.value(place_in(reach, place))).filter(|y| y.is_finite());
    let (lo, hi) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |all, y| (all.0.min(y), all.1.max(y)));
    ((hi - lo) / output.scale()).max(1.0)
}

/// The largest error of a table over the inputs that its grid has, in units of the output.
fn error_of(entries: &EntriesSpec, input: &Grid, output: &Grid, function: impl Fn(f64) -> f64) -> f64 {
    let EntriesSpec::Interpolated(KnotsSpec { knots, segment_bits, fraction, lo, hi }) = entries else { return 0.0 };
    let width = f64::from(65_536 >> segment_bits);
    let mut worst = 0f64;
    for q in (input.lo..=input.hi).step_by(5) {
        let place = f64::from(q + 32_768) / width;
        let (at, part) = (place.floor(), place.fract());
        let knot = |index: f64| knots.get(index as usize).map_or(0.0, |&knot| f64::from(knot));
        let line = (knot(at) + (knot(at + 1.0) - knot(at)) * part) / f64::from(*fraction).exp2();
        let units = function(input.centres[0] + input.scales[0] * f64::from(q - input.zero_point)) / output.scale();
        let exact = (units + f64::from(output.zero_point)).clamp(f64::from(*lo), f64::from(*hi));
        worst = worst.max((line.clamp(f64::from(*lo), f64::from(*hi)) - exact).abs());
    }
    worst
}

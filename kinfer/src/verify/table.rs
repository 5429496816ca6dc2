//! Proof of a table: its values are those of the entries that the input can reach.

use super::elementwise::same_count;
use super::{Interval, Node, OperatorReport};
use crate::error::{Problem, What};
use crate::format::{ElementType, Lookup, Table};
use crate::iter::numbered;
use crate::ops::table::{Interpolation, DIRECT_ENTRIES, INPUT_BITS};

/// Most bits of a knot behind the point.
const MAX_FRACTION: i32 = 30;

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(node: &Node<'_>, table: &Table, report: &mut OperatorReport) -> Result<(), Problem> {
    same_count(node)?;
    let reads = node.input.element;
    let output = match (table.lookup, reads) {
        (Lookup::Direct, ElementType::I8) => direct(node, table)?,
        (Lookup::Interpolated { segment_bits, fraction, lo, hi }, ElementType::I16) => {
            node.check_clamp(lo, hi)?;
            let segment_bits = bits(What::SegmentBits, segment_bits, i32::from(INPUT_BITS))?;
            let fraction = bits(What::FractionBits, fraction, MAX_FRACTION)?;
            let segments = 1usize.wrapping_shl(u32::from(segment_bits));
            interpolated(node, table, segments, Interpolation::new(segment_bits, fraction, lo, hi))?
        }
        _ => return Err(Problem::LookupInput { reads }),
    };
    report.output = output;
    report.look_ups = report.operations;
    Ok(())
}

/// All entries that the input can reach.
fn direct(node: &Node<'_>, table: &Table) -> Result<Interval, Problem> {
    let element = node.output.element;
    node.data(What::Entries, table.entries, (DIRECT_ENTRIES as u64).saturating_mul(element.size() as u64))?;
    let mut reached: Option<Interval> = None;
    for (number, entry) in numbered(table.direct(node.model.data(), element)) {
        let q = i64::from(number).wrapping_sub(128);
        if node.range.contains(q) {
            let entry = Interval::point(i64::from(entry));
            reached = Some(reached.map_or(entry, |all| all.union(entry)));
        }
    }
    reached.ok_or(Problem::EmptyRange)
}

/// The ends of each segment that the input can reach, as far as it reaches: between them are lines, and neither the
/// rounding nor the bounds reorder.
#[cfg_attr(kinfer_module, optimize(size))]
fn interpolated(node: &Node<'_>, table: &Table, segments: usize, of: Interpolation) -> Result<Interval, Problem> {
    let knots = segments.saturating_add(1);
    node.data(What::Entries, table.entries, (knots as u64).saturating_mul(4))?;
    let (first, first_position) = of.segment(node.range.lo as i32);
    let (last, last_position) = of.segment(node.range.hi as i32);
    let data = node.model.data();
    let ends = table.knots(data, knots).zip(table.knots(data, knots).skip(1));
    let mut reached: Option<Interval> = None;
    for (number, (from, to)) in numbered(ends) {
        let number = number as usize;
        if number < first || number > last {
            continue;
        }
        let width = 1i64.wrapping_shl(u32::from(of.position_bits));
        let start = if number == first { first_position } else { 0 };
        let end = if number == last { last_position } else { width };
        let start = Interval::point(i64::from(of.between(from, to, start)));
        let ends = start.union(Interval::point(i64::from(of.between(from, to, end))));
        reached = Some(reached.map_or(ends, |all| all.union(ends)));
    }
    reached.ok_or(Problem::EmptyRange)
}

fn bits(what: What, is: i32, max: i32) -> Result<u8, Problem> {
    let bits = u8::try_from(is).ok().filter(|_| is <= max);
    bits.ok_or(Problem::TableBits { what, is, max })
}

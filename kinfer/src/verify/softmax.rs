//! Proof of a softmax: its divisor is not zero, and nothing leaves 64 bits.

use super::elementwise::same_count;
use super::{Interval, Node, OperatorReport};
use crate::error::{Problem, What};
use crate::format::{ElementType, Softmax};
use crate::iter::numbered;
use crate::ops::divide::Place;
use crate::ops::softmax::{product, ENTRIES, ONE};

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(node: &Node<'_>, softmax: &Softmax, report: &mut OperatorReport) -> Result<(), Problem> {
    same_count(node)?;
    let elements = node.input.elements();
    let misfit = Problem::Row { is: softmax.row, elements };
    let row = u64::try_from(softmax.row).ok().filter(|&row| row > 0).ok_or(misfit)?;
    if elements.checked_rem(row) != Some(0) {
        return Err(misfit);
    }
    if softmax.units < 1 {
        return Err(Problem::Units { is: softmax.units });
    }
    let (first, largest) = exponentials(node, softmax)?;
    // The largest element of a row has the first entry.
    let sum = i64::from(largest).checked_mul(row as i64).ok_or(Problem::TooLarge { what: What::Sum })?;
    let (lo, hi) = node.output.element.range();
    let place = Place { zero_point: node.output.zero_point, lo, hi };
    let least = if row == 1 { i64::from(softmax.units) } else { 0 };
    report.reach(
        Interval { lo: i64::from(first), hi: sum },
        Interval { lo: i64::from(place.of(least)), hi: i64::from(place.of(i64::from(softmax.units))) },
    );
    report.operations = elements.saturating_mul(2);
    report.look_ups = elements.saturating_mul(tables(node.input.element) as u64);
    Ok(())
}

/// Tables for inputs of a type.
const fn tables(input: ElementType) -> usize {
    match input {
        ElementType::I8 => 1,
        _ => 2,
    }
}

/// What the largest element contributes to a sum, and a bound of what any does.
fn exponentials(node: &Node<'_>, softmax: &Softmax) -> Result<(i32, i32), Problem> {
    let entries = ENTRIES.saturating_mul(tables(node.input.element));
    node.data(What::Entries, softmax.entries, (entries as u64).saturating_mul(4))?;
    // First and largest entry of each table; a second table that is not there is all ones.
    let (mut coarse, mut fine) = ((0, 0), (ONE, ONE));
    for (number, entry) in numbered(softmax.entries(node.model.data(), entries)) {
        if !(0..=ONE).contains(&entry) {
            return Err(Problem::Entry { index: number });
        }
        let (table, number) = match number.checked_sub(ENTRIES as u32) {
            None => (&mut coarse, number),
            Some(number) => (&mut fine, number),
        };
        *table = if number == 0 { (entry, entry) } else { (table.0, table.1.max(entry)) };
    }
    match product(coarse.0, fine.0) {
        0 => Err(Problem::Entry { index: 0 }),
        first => Ok((first, product(coarse.1, fine.1))),
    }
}

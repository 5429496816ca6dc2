//! Proof of an additive model: every term reads elements and rows that exist, no score leaves the output's type.

use super::{Interval, Node, OperatorReport};
use crate::error::{Problem, What};
use crate::format::{entries, Additive, Term, TERM_SIZE};
use crate::iter::{chunks, numbered};

#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(node: &Node<'_>, additive: &Additive, report: &mut OperatorReport) -> Result<(), Problem> {
    let (inputs, scores) = (node.input.elements(), node.output.elements());
    let count = u64::from(additive.count);
    if count == 0 {
        return Err(Problem::NoTerms);
    }
    node.data(What::Terms, additive.terms, count.saturating_mul(TERM_SIZE as u64))?;
    node.data(What::Bases, additive.bases, scores.saturating_mul(4))?;
    let mut rows = 0u64;
    for (number, term) in numbered(additive.terms(node.model.data())) {
        if let Some(&is) = term.elements.iter().find(|&&element| u64::from(element) >= inputs) {
            return Err(Problem::TermElement { term: number, is, inputs });
        }
        if term.rows() == 0 {
            return Err(Problem::NoBins { term: number });
        }
        rows = rows.saturating_add(u64::from(term.rows()));
    }
    let tables = node.data(What::Tables, additive.tables, rows.saturating_mul(scores).saturating_mul(4))?;

    let mut all: Option<Interval> = None;
    for (score, base) in numbered(additive.bases(node.model.data())).take(scores as usize) {
        let range =
            range(node, additive, tables, score as usize, base).ok_or(Problem::Accumulator { channel: score })?;
        let (lo, hi) = node.output.element.range();
        if range.lo < i64::from(lo) || range.hi > i64::from(hi) {
            return Err(Problem::ScoreRange { score });
        }
        all = Some(all.map_or(range, |all| all.union(range)));
    }
    let reached = all.ok_or(Problem::Shapes { input: inputs, output: scores })?;
    let look_ups = count.saturating_mul(scores);
    report.reach(reached, reached);
    (report.operations, report.look_ups) = (look_ups, look_ups);
    Ok(())
}

/// All values of a score. Each entry of the tables is read once for all scores together.
fn range(node: &Node<'_>, additive: &Additive, tables: &[u8], score: usize, base: i32) -> Option<Interval> {
    let row_bytes = node.outputs().saturating_mul(4);
    let mut rest = tables;
    let mut sum = Interval::point(i64::from(base));
    for term in additive.terms(node.model.data()) {
        let (table, next) = rest.split_at_checked((term.rows() as usize).saturating_mul(row_bytes))?;
        rest = next;
        sum = sum.add_product(1, reachable(&term, node.range, table, row_bytes, score)?)?;
    }
    Some(sum)
}

/// The entries of a term's table that bins in `range` can choose.
fn reachable(term: &Term, range: Interval, table: &[u8], row_bytes: usize, score: usize) -> Option<Interval> {
    let [firsts, seconds] = term.bins.map(|bins| {
        let reached = range.clamp(0, i64::from(bins).saturating_sub(1));
        (reached.lo as usize, reached.hi.saturating_sub(reached.lo).saturating_add(1) as usize)
    });
    let [_, bins] = term.bins;
    let mut found: Option<Interval> = None;
    for rows in chunks(table, row_bytes.saturating_mul(usize::from(bins))).skip(firsts.0).take(firsts.1) {
        for row in chunks(rows, row_bytes).skip(seconds.0).take(seconds.1) {
            let entry = Interval::point(i64::from(entries(row.get(score.saturating_mul(4)..)?).next()?));
            found = Some(found.map_or(entry, |found| found.union(entry)));
        }
    }
    found
}

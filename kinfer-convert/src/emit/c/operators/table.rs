//! Functions of one value, and softmax.

use kinfer::format::{ElementType, Lookup, Softmax, Table};

use super::Writer;
use crate::emit::c::expression::{bare, plus};

pub(super) fn table(to: &mut Writer<'_, '_>, table: &Table) {
    let (output, elements) = (to.operator.node.output.element, to.operator.node.outputs());
    match table.lookup {
        Lookup::Direct => {
            let entries: Vec<i64> = table.direct(to.data(), output).map(i64::from).collect();
            let entries = to.table("entries", &entries);
            to.begin_xy("int i;");
            to.code.line(format!("for (i = 0; i < {elements}; i++)"));
            to.code.line(format!("\ty[i] = @keep({entries}[x[i] + 128]);"));
        }
        Lookup::Interpolated { segment_bits, fraction, lo, hi } => {
            let count = 1usize.checked_shl(segment_bits.cast_unsigned()).unwrap_or(0) + 1;
            let knots: Vec<i64> = table.knots(to.data(), count).map(i64::from).collect();
            let knots = to.table("knots", &knots);
            // Bits of the input that say where in a segment it is.
            let bits = 16 - segment_bits;
            to.begin_xy("int i;");
            to.code.open(format!("for (i = 0; i < {elements}; i++)"));
            to.code.line(format!("int32_t t = x[i] + 32768, at = t >> {bits}, inside = t & {};", (1 << bits) - 1));
            to.code.line(format!("int64_t from = {knots}[at], to = {knots}[at + 1];"));
            to.code.blank();
            let line = format!("from * {} + (to - from) * inside", 1 << bits);
            to.code.line(format!("y[i] = @clamp(@half_even({line}, {}), {lo}, {hi});", bits + fraction));
            to.code.close("");
        }
    }
    to.code.close("");
}

/// `exp(−d)` is looked up twice, for the sum and for the share, so that no memory holds it.
pub(super) fn softmax(to: &mut Writer<'_, '_>, softmax: &Softmax) {
    let node = &to.operator.node;
    let (row, output) = (softmax.row.max(1), node.output);
    let rows = node.outputs() as u64 / u64::from(row.unsigned_abs());
    let (coarse_and_fine, count) = match node.input.element {
        ElementType::I8 => (false, 256),
        _ => (true, 512),
    };
    let entries: Vec<i64> = softmax.entries(to.data(), count).map(i64::from).collect();
    let entries = to.table("entries", &entries);
    let name = format!("@{}_exp", to.name);
    to.about("exp of what an element is below the largest, in units of 2^-30.");
    to.code.function(format!("static int64_t {name}(int below)"));
    if coarse_and_fine {
        to.code.line(format!("int64_t coarse = {entries}[below >> 8], fine = {entries}[256 + (below & 255)];"));
        to.code.blank();
        to.code.line("return (coarse * fine + (1 << 29)) >> 30;");
    } else {
        to.code.line(format!("return {entries}[below];"));
    }
    to.code.close("");
    to.code.blank();

    let (lo, hi) = output.element.range();
    to.begin_xy("int row, i;");
    to.code.open(format!("for (row = 0; row < {rows}; row++, x += {row}, y += {row})"));
    to.code.line("int32_t most = x[0];");
    to.code.line("int64_t sum = 0;");
    to.code.blank();
    to.code.line(format!("for (i = 1; i < {row}; i++)\n\tif (x[i] > most)\n\t\tmost = x[i];"));
    to.code.line(format!("for (i = 0; i < {row}; i++)\n\tsum += {name}(most - x[i]);"));
    to.code.open(format!("for (i = 0; i < {row}; i++)"));
    to.code.line(format!("int64_t share = (2 * {name}(most - x[i]) * {} + sum) / (2 * sum);", softmax.units));
    to.code.blank();
    let share = plus("share", output.zero_point.into());
    to.code.line(format!("y[i] = @clamp({}, {lo}, {hi});", bare(&share)));
    to.code.close("");
    to.code.close("");
    to.code.close("");
}

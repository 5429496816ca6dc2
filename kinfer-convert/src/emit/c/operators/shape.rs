//! Operators that move elements: concat, slice, recall, remember.

use kinfer::format::{Concat, Recall, Remember, Slice};

use super::Writer;
use crate::emit::c::expression::{bare, plus, times};
use crate::emit::code::operand;

pub(super) fn concat(to: &mut Writer<'_, '_>, concat: &Concat) {
    let node = &to.operator.node;
    let rows = concat.rows.max(1);
    let first = node.input.elements() / u64::from(rows);
    let second = node.second.0.elements() / u64::from(rows);
    let both = |to: &mut Writer<'_, '_>| {
        to.code.line(format!("for (i = 0; i < {first}; i++)\n\t*y++ = @keep(*x++);"));
        to.code.line(format!("for (i = 0; i < {second}; i++)\n\t*y++ = @keep(*z++);"));
    };
    if rows == 1 {
        to.begin_xzy("int i;");
        both(to);
    } else {
        to.begin_xzy("int row, i;");
        to.code.open(format!("for (row = 0; row < {rows}; row++)"));
        both(to);
        to.code.close("");
    }
    to.code.close("");
}

pub(super) fn slice(to: &mut Writer<'_, '_>, slice: &Slice) {
    let Slice { rows, start, count, stride } = *slice;
    let row = to.operator.node.input.elements() / u64::from(rows.max(1));
    let element = |row: &str| bare(&plus(&format!("{row}{}", times("i", stride.into())), start.into())).to_owned();
    if rows == 1 {
        to.begin_xy("int i;");
        to.code.line(format!("for (i = 0; i < {count}; i++)\n\ty[i] = @keep(x[{}]);", element("")));
    } else {
        to.begin_xy("int row, i;");
        to.code.line(format!("for (row = 0; row < {rows}; row++)\n\tfor (i = 0; i < {count}; i++)"));
        to.code.line(format!("\t\t*y++ = @keep(x[{}]);", element(&format!("row * {row} + "))));
    }
    to.code.close("");
}

/// Whatever the state holds: clamped before the zero point is added, which then cannot overflow.
pub(super) fn recall(to: &mut Writer<'_, '_>, recall: &Recall) {
    let node = &to.operator.node;
    let (count, zero_point) = (node.outputs(), i64::from(node.output.zero_point));
    let (lo, hi) = (operand(i64::from(recall.lo) - zero_point), operand(i64::from(recall.hi) - zero_point));
    let y = to.y();
    to.begin(&format!("const int64_t *state, {y} *y"), "int i;");
    to.code.line(format!("for (i = 0; i < {count}; i++)"));
    let word = format!("@limit(state[{}], {lo}, {hi})", word(recall.slot));
    to.code.line(format!("\ty[i] = @keep((int32_t){});", plus(&word, zero_point)));
    to.code.close("");
}

pub(super) fn remember(to: &mut Writer<'_, '_>, remember: &Remember) {
    let node = &to.operator.node;
    let (count, zero_point) = (node.inputs(), i64::from(node.input.zero_point));
    let x = to.x();
    to.begin(&format!("const {x} *x, int64_t *state"), "int i;");
    to.code.line(format!("for (i = 0; i < {count}; i++)"));
    let value = plus("(int64_t)@keep(x[i])", -zero_point);
    to.code.line(format!("\tstate[{}] = {value};", word(remember.slot)));
    to.code.close("");
}

/// The index of word `i` behind `slot`.
fn word(slot: u32) -> String {
    bare(&plus("i", slot.into())).to_owned()
}

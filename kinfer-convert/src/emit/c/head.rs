//! The head: scores to a decision.

use fixed::types::U32F96;
use kinfer::format::HeadKind;

use super::element;
use super::expression::{bare, less};
use crate::emit::Emitter;
use crate::emit::code::{Code, operand};

/// `@head`, and `@real`, by which a score becomes a real number.
pub(super) fn write(code: &mut Code, emitter: &Emitter<'_>) {
    let head = emitter.model.head();
    let Some(tensor) = emitter.model.tensors().get(usize::from(head.scores)) else { return };
    real(code, tensor.scale);

    let value = |q: &str| format!("@real({})", bare(&less(q, tensor.zero_point)));
    code.blank();
    code.comment(&[format!("Head: {} of {} scores.", head.kind.name(), tensor.elements())]);
    let scores = element(tensor.element);
    code.function(format!("static void @head(const {scores} *q, uint32_t flags, struct @decision *out)"));
    match head.kind {
        HeadKind::ArgMax => best(code, ">", &value("best"), "best - second"),
        HeadKind::ArgMin => best(code, "<", &value("best"), "second - best"),
        HeadKind::TopK(k) => top(code, k, &value("best")),
        HeadKind::Threshold(threshold) | HeadKind::Anomaly(threshold) => {
            let threshold = operand(threshold.to_bits());
            code.line(format!("int64_t value = {};", value("(int64_t)q[0]")));
            code.blank();
            code.line(format!("out->class = value > {threshold};"));
            code.line("out->value = value;");
            code.line(format!("out->margin = @apart(value, {threshold});"));
        }
        HeadKind::Value => {
            code.line("out->class = 0;");
            code.line(format!("out->value = {};", value("(int64_t)q[0]")));
            code.line("out->margin = 0;");
        }
    }
    if matches!(head.kind, HeadKind::Anomaly(_)) {
        code.line("if (out->class)\n\tflags |= $FLAG_ANOMALY;");
    }
    if head.low_margin.to_bits() > 0 {
        code.line(format!("if (out->margin < {})\n\tflags |= $FLAG_LOW_MARGIN;", operand(head.low_margin.to_bits())));
    }
    code.line("out->flags = flags;");
    code.close("");
}

/// `scale · units`, rounded down: the scale's halves are multiplied apart, for the product has more than 128 bits.
fn real(code: &mut Code, scale: U32F96) {
    let bits = scale.to_bits();
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    code.blank();
    code.comment(&["Units of a score as a real number in units of 2^-32, rounded down, saturated."]);
    code.function("static int64_t @real(int64_t units)");
    let low = match low {
        0 => None,
        low => Some(format!("(((__int128)units * (__int128)0x{low:x}ULL) >> 64)")),
    };
    let high = match high {
        0 => None,
        high => Some(format!("(__int128)units * (__int128)0x{high:x}ULL")),
    };
    let sum: Vec<String> = high.into_iter().chain(low).collect();
    code.line(format!("return @saturate({});", sum.join(" + ")));
    code.close("");
}

/// The best two scores, where `better` is the comparison.
fn best(code: &mut Code, better: &str, value: &str, gap: &str) {
    code.line("int64_t best = q[0], second = 0;");
    code.line("uint32_t class = 0;");
    code.line("int i;");
    code.blank();
    code.open("for (i = 1; i < $OUTCOMES; i++)");
    code.open(format!("if (q[i] {better} best)"));
    code.line("second = best;");
    code.line("best = q[i];");
    code.line("class = (uint32_t)i;");
    code.outdent();
    code.open(format!("}} else if (i == 1 || q[i] {better} second)"));
    code.line("second = q[i];");
    code.close("");
    code.close("");
    code.line("out->class = class;");
    code.line(format!("out->value = {value};"));
    code.line(format!("out->margin = @real({gap});"));
}

/// The best score, and how much larger the `k`-th is than the next: a pass for each place.
fn top(code: &mut Code, k: u32, value: &str) {
    code.line("int64_t best = 0, kth = 0, next = 0, limit = 9223372036854775807LL;");
    code.line("uint32_t class = 0;");
    code.line("int place, i;");
    code.blank();
    code.open(format!("for (place = 0; place <= {k}; place++)"));
    code.line("int64_t first = -9223372036854775807LL - 1;");
    code.blank();
    code.line("/* A score, and below it what is larger for a lower index. */");
    code.open("for (i = 0; i < $OUTCOMES; i++)");
    code.line("int64_t rank = q[i] * 4294967296LL + (4294967295LL - i);");
    code.blank();
    code.line("if (rank <= limit && rank > first)\n\tfirst = rank;");
    code.close("");
    code.line("limit = first - 1;");
    code.line("kth = next;");
    code.line("next = first >> 32;");
    code.open("if (place == 0)");
    code.line("best = next;");
    code.line("class = ~(uint32_t)first;");
    code.close("");
    code.close("");
    code.line("out->class = class;");
    code.line(format!("out->value = {value};"));
    code.line("out->margin = @real(kth - next);");
}

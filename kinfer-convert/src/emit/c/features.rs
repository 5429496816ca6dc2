//! The feature program, a statement a step, and the range of the counters.

use std::collections::BTreeSet;

use kinfer::format::{Rounding, Step, StepKind};

use super::element;
use super::expression::{bare, plus};
use crate::emit::Emitter;
use crate::emit::code::{Code, literal, operand};

/// Whether the function takes the state.
pub(super) fn keeps_state(emitter: &Emitter<'_>) -> bool {
    emitter.model.program().iter().any(|step| is_stateful(&step.kind))
}

const fn is_stateful(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Ewma { .. } | StepKind::History { .. })
}

/// `@features`, which makes tensor 0, and `@out_of_range`, which makes the first flag.
pub(super) fn write(code: &mut Code, emitter: &Emitter<'_>) {
    ranges(code, emitter);
    for (number, step) in emitter.model.program().iter().enumerate() {
        if let StepKind::Bucketise { count, .. } = step.kind {
            let thresholds: Vec<i64> = step.kind.thresholds(emitter.model.data()).collect();
            code.blank();
            let declaration = format!("static const int64_t @thresholds{number}[{count}]");
            code.table(&declaration, thresholds.len(), &thresholds);
        }
    }
    let inputs = emitter.model.tensors().get(0).map_or("int8_t", |tensor| element(tensor.element));
    code.blank();
    code.comment(&["The feature program: counters to the elements of the first tensor."]);
    let state = if keeps_state(emitter) { ", int64_t *state" } else { "" };
    code.function(format!("static void @features(const int64_t *x, {inputs} *q{state})"));
    let mut program = Program { emitter, read: read(emitter), value: emitter.model.features().len(), element: 0 };
    program.declare(code);
    for (number, step) in emitter.model.program().iter().enumerate() {
        program.step(code, number, &step);
    }
    code.close("");
}

fn ranges(code: &mut Code, emitter: &Emitter<'_>) {
    code.blank();
    code.comment(&["The range of each counter that was seen in calibration."]);
    code.open("static const int64_t @ranges[$FEATURES][2] =");
    for (feature, name) in emitter.model.features().iter().zip(&emitter.features) {
        let name = name.to_ascii_uppercase();
        code.line(format!("[$FEATURE_{name}] = {{ {}, {} }},", literal(feature.lo), literal(feature.hi)));
    }
    code.close(";");
    code.blank();
    code.function("static uint32_t @out_of_range(const int64_t *x)");
    code.line("int i;");
    code.blank();
    code.open("for (i = 0; i < $FEATURES; i++)");
    code.line("if (x[i] < @ranges[i][0] || x[i] > @ranges[i][1])");
    code.line("\treturn $FLAG_OUT_OF_RANGE;");
    code.close("");
    code.line("return 0;");
    code.close("");
}

/// The values that an element or the state needs; the others are not computed. Numbered as steps name them.
fn read(emitter: &Emitter<'_>) -> BTreeSet<usize> {
    let steps: Vec<Step> = emitter.model.program().iter().collect();
    let (mut read, mut value) = (BTreeSet::new(), emitter.model.features().len());
    value += steps.iter().map(|step| usize::from(step.kind.values())).sum::<usize>();
    for step in steps.iter().rev() {
        let values = usize::from(step.kind.values());
        value = value.saturating_sub(values);
        let needed = values == 0 || is_stateful(&step.kind) || (value..value + values).any(|v| read.contains(&v));
        if needed {
            read.insert(usize::from(step.source));
            if let StepKind::Difference { second } | StepKind::Ratio { second, .. } = step.kind {
                read.insert(usize::from(second));
            }
        }
    }
    read
}

/// Where the program is.
struct Program<'e, 'a> {
    emitter: &'e Emitter<'a>,
    read: BTreeSet<usize>,
    /// The next value, behind the counters.
    value: usize,
    /// The next element.
    element: usize,
}

impl Program<'_, '_> {
    /// Variables of the function.
    fn declare(&self, code: &mut Code) {
        let counters = self.emitter.features.len();
        let values: Vec<String> =
            self.read.iter().filter_map(|value| value.checked_sub(counters)).map(|value| format!("v{value}")).collect();
        if !values.is_empty() {
            code.line(format!("int64_t {};", values.join(", ")));
        }
        let any = |of: fn(&StepKind) -> bool| self.emitter.model.program().iter().any(|step| of(&step.kind));
        let digits = any(|kind| matches!(kind, StepKind::Digits { .. }));
        if digits {
            code.line("int64_t rest;");
        }
        if digits || any(|kind| matches!(kind, StepKind::OneHot { .. })) {
            code.line("int i;");
            code.blank();
        } else if !values.is_empty() {
            code.blank();
        }
    }

    fn step(&mut self, code: &mut Code, number: usize, step: &Step) {
        let x = self.source(step.source);
        match step.kind {
            StepKind::Affine { multiplier, bias, shift, rounding, lo, hi } => {
                let round = match rounding {
                    Rounding::HalfEven | Rounding::TfliteDouble => "half_even",
                    Rounding::TfliteSingle => "half_up",
                    Rounding::Shift => "down",
                };
                let (multiplier, bias) = (operand(multiplier), wide(bias));
                self.element(code, &format!("@affine_{round}({x}, {multiplier}, {bias}, {shift}, {lo}, {hi})"));
            }
            StepKind::Copy { lo, hi } => self.element(code, &format!("@clamp({x}, {lo}, {hi})")),
            StepKind::Bucketise { count, base, .. } => {
                let rank = format!("@rank(@thresholds{number}, {count}, {x})");
                self.element(code, bare(&plus(&rank, base.into())));
            }
            StepKind::OneHot { count, first, off, on } => {
                let at = self.elements(count);
                code.line(format!("for (i = 0; i < {count}; i++)"));
                code.line(format!("\tq[{at}] = @keep(@is_nth({x}, {}, i) ? {on} : {off});", operand(first)));
            }
            StepKind::Digits { count, base } => {
                let (at, last) = (self.elements(count), count.saturating_sub(1));
                let largest = 10i64.checked_pow(count.into()).map_or(i64::MAX, |power| power - 1);
                code.line(format!("rest = @limit({x}, 0, {});", operand(largest)));
                code.line(format!("for (i = {last}; i >= 0; i--, rest /= 10)"));
                code.line(format!("\tq[{at}] = {};", bare(&plus("(int)(rest % 10)", base.into()))));
            }
            StepKind::Clamp { lo, hi } => {
                self.value(code, &format!("@limit({x}, {}, {})", operand(lo), operand(hi)));
            }
            StepKind::Log2 { one_plus } => self.value(code, &format!("@log2({x}, {})", u8::from(one_plus))),
            StepKind::Difference { second } => {
                self.value(code, &format!("@difference({x}, {})", self.source(second)));
            }
            StepKind::Ratio { second, shift } => {
                self.value(code, &format!("@ratio({x}, {}, {shift})", self.source(second)));
            }
            StepKind::Ewma { alpha, shift, fraction, state } => {
                let mean = format!("@ewma({x}, {}, {shift}, {fraction}, state + {state})", literal(alpha.into()));
                if self.read.contains(&self.value) {
                    self.value(code, &mean);
                } else {
                    code.line(format!("{mean};"));
                    self.value += 1;
                }
            }
            StepKind::History { count, state } => {
                let (first, last) = (u64::from(state), u64::from(state) + u64::from(count));
                (first..last).for_each(|word| self.value(code, &format!("state[{word}]")));
                (first + 1..last).rev().for_each(|word| code.line(format!("state[{word}] = state[{}];", word - 1)));
                code.line(format!("state[{first}] = {x};"));
            }
        }
    }

    /// What a step reads.
    fn source(&self, source: u16) -> String {
        match self.emitter.features.get(usize::from(source)) {
            Some(name) => format!("x[$FEATURE_{}]", name.to_ascii_uppercase()),
            None => format!("v{}", usize::from(source) - self.emitter.features.len()),
        }
    }

    /// The next element of tensor 0.
    fn element(&mut self, code: &mut Code, is: &str) {
        code.line(format!("q[{}] = {is};", self.element));
        self.element += 1;
    }

    /// The index of element `i` of the next `count`.
    fn elements(&mut self, count: u16) -> String {
        let first = self.element;
        self.element += usize::from(count);
        if first == 0 { "i".into() } else { format!("{first} + i") }
    }

    /// The next value, unless nothing reads it.
    fn value(&mut self, code: &mut Code, is: &str) {
        if self.read.contains(&self.value) {
            code.line(format!("v{} = {is};", self.value - self.emitter.features.len()));
        }
        self.value += 1;
    }
}

/// A constant of 128 bits.
fn wide(number: i128) -> String {
    match i64::try_from(number) {
        Ok(number) => operand(number),
        Err(_) => {
            let (high, low) = ((number >> 64) as i64, number as u64);
            format!("(__int128)((unsigned __int128)(uint64_t){} << 64 | 0x{low:x}ULL)", operand(high))
        }
    }
}

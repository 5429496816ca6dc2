//! A function an operator, its tables before it.
//!
//! Tensors are parameters: `x` is the first that it reads, `z` the second, `y` the one that it writes.

mod additive;
mod distance;
mod elementwise;
mod pool;
mod rows;
mod shape;
mod table;
mod trees;

use kinfer::format::{OperatorKind, Parameters, Rounding};
use kinfer::ops::requantize::{Factor, Output};
use kinfer::verify::Interval;

use super::memory::Memory;
use super::{element, narrowest};
use crate::emit::Emitted;
use crate::emit::code::{Code, operand};

/// Writes the function of `operator`, if it has one.
pub(super) fn write(code: &mut Code, operator: &Emitted<'_>) {
    if operator.node.kind() == OperatorKind::Reshape {
        return;
    }
    code.blank();
    code.comment(&[about(operator)]);
    let mut to = Writer { code, operator, name: name(operator) };
    match &operator.node.operator.parameters {
        Parameters::Dense(dense) => rows::dense(&mut to, dense),
        Parameters::Clip(clip) => elementwise::clip(&mut to, clip),
        Parameters::Conv(conv) => rows::conv(&mut to, conv),
        Parameters::Pool(pool) => pool::pool(&mut to, pool),
        Parameters::Rescale(rescale) => elementwise::rescale(&mut to, rescale),
        Parameters::Table(table) => table::table(&mut to, table),
        Parameters::Softmax(softmax) => table::softmax(&mut to, softmax),
        Parameters::Add(add) => elementwise::add(&mut to, add),
        Parameters::Mul(mul) => elementwise::mul(&mut to, mul),
        Parameters::Concat(concat) => shape::concat(&mut to, concat),
        Parameters::Slice(slice) => shape::slice(&mut to, slice),
        Parameters::Reshape(_) => {}
        Parameters::Trees(trees) => trees::trees(&mut to, trees),
        Parameters::Additive(additive) => additive::additive(&mut to, additive),
        Parameters::Distance(distance) => distance::distance(&mut to, distance),
        Parameters::SquaredError(error) => distance::squared_error(&mut to, error),
        Parameters::Recall(recall) => shape::recall(&mut to, recall),
        Parameters::Remember(remember) => shape::remember(&mut to, remember),
    }
}

/// Writes the call of `operator`.
pub(super) fn call(code: &mut Code, operator: &Emitted<'_>, memory: &Memory) {
    let record = &operator.node.operator;
    let (x, y) = (memory.tensor(record.input), memory.tensor(record.output));
    let arguments = match record.parameters {
        Parameters::Reshape(_) => return,
        Parameters::Recall(_) => format!("state, {y}"),
        Parameters::Remember(_) => format!("{x}, state"),
        _ => match record.second {
            Some(second) => format!("{x}, {}, {y}", memory.tensor(second)),
            None => format!("{x}, {y}"),
        },
    };
    code.line(format!("@{}({arguments});", name(operator)));
}

/// What the function is called: kind and number.
fn name(operator: &Emitted<'_>) -> String {
    format!("{}{}", operator.node.kind().name().replace('-', "_"), operator.number)
}

fn about(operator: &Emitted<'_>) -> String {
    let node = &operator.node;
    let tensor = |tensor: &kinfer::format::Tensor| format!("{} of {}", tensor.elements(), tensor.element.name());
    let (x, y) = (tensor(&node.input), tensor(&node.output));
    let reads = match node.operator.parameters {
        Parameters::Recall(_) => "state".into(),
        _ if node.operator.second.is_some() => format!("{x} and {}", tensor(&node.second.0)),
        _ => x,
    };
    let writes = if node.kind() == OperatorKind::Remember { "state".into() } else { y };
    format!("Operator {}, {}: {reads} to {writes}.", operator.number, node.kind().name())
}

/// Where an operator's function is written.
struct Writer<'w, 'a> {
    code: &'w mut Code,
    operator: &'w Emitted<'a>,
    name: String,
}

impl Writer<'_, '_> {
    /// Type of the first tensor's elements.
    fn x(&self) -> &'static str {
        element(self.operator.node.input.element)
    }

    /// Type of the output's elements.
    fn y(&self) -> &'static str {
        element(self.operator.node.output.element)
    }

    fn data(&self) -> &[u8] {
        self.operator.node.model.data()
    }

    /// Writes a table called `what` in the narrowest type, and gives its name.
    fn table(&mut self, what: &str, numbers: &[i64]) -> String {
        let (name, length) = (format!("@{}_{what}", self.name), numbers.len());
        self.code.table(&format!("static const {} {name}[{length}]", narrowest(numbers)), length, numbers);
        self.code.blank();
        name
    }

    /// Writes a table of rows, and gives element `j` of row `i` as an expression.
    fn rows(&mut self, what: &str, row: usize, numbers: &[i64], (i, j): (&str, &str)) -> String {
        let rows = numbers.len().checked_div(row).unwrap_or(0);
        if row == 1 || rows == 1 {
            return format!("{}[{}]", self.table(what, numbers), if rows == 1 { j } else { i });
        }
        let name = format!("@{}_{what}", self.name);
        self.code.table(&format!("static const {} {name}[{rows}][{row}]", narrowest(numbers)), row, numbers);
        self.code.blank();
        format!("{name}[{i}][{j}]")
    }

    /// A number for each `index`: the constant where all are the same, else a table.
    fn column(&mut self, what: &str, index: &str, numbers: &[i64]) -> String {
        match numbers {
            [first, rest @ ..] if rest.iter().all(|number| number == first) => operand(*first),
            _ => format!("{}[{index}]", self.table(what, numbers)),
        }
    }

    /// A comment at what follows.
    fn about(&mut self, about: &str) {
        if !self.code.template().ends_with("\n\n") {
            self.code.blank();
        }
        self.code.comment(&[about]);
    }

    /// The function's head and `locals`; the body follows.
    fn begin(&mut self, parameters: &str, locals: &str) {
        let name = &self.name;
        self.code.function(format!("static void @{name}({parameters})"));
        self.code.line(locals);
        self.code.blank();
    }

    /// As [`Writer::begin`], of an operator that reads `x` and writes `y`.
    fn begin_xy(&mut self, locals: &str) {
        self.begin(&format!("const {} *x, {} *y", self.x(), self.y()), locals);
    }

    /// As [`Writer::begin_xy`], with the second input `z`.
    fn begin_xzy(&mut self, locals: &str) {
        let z = element(self.operator.node.second.0.element);
        self.begin(&format!("const {} *x, const {z} *z, {} *y", self.x(), self.y()), locals);
    }
}

/// Factors of channels as expressions.
struct Scale {
    multiplier: String,
    shift: String,
    /// Whether every product of an accumulator and a multiplier fits 64 bits with what is added to round it.
    narrow: bool,
}

impl Scale {
    /// The `factors` of accumulators in `range`, by `index`.
    fn write(to: &mut Writer<'_, '_>, range: Interval, index: &str, factors: &[Factor]) -> Self {
        let largest = factors.iter().map(|factor| factor.multiplier.unsigned_abs()).max().unwrap_or(0);
        let product = u128::from(range.lo.unsigned_abs().max(range.hi.unsigned_abs())) * u128::from(largest);
        let narrow = product < 1 << 62 && factors.iter().all(|factor| factor.shift <= 62);
        let multipliers: Vec<i64> = factors.iter().map(|factor| factor.multiplier.into()).collect();
        let shifts: Vec<i64> = factors.iter().map(|factor| factor.shift.into()).collect();
        Self {
            multiplier: to.column("multiplier", index, &multipliers),
            shift: to.column("shift", index, &shifts),
            narrow,
        }
    }

    /// `acc` requantised.
    fn requantize(&self, acc: &str, Output { zero_point, lo, hi, rounding }: Output) -> String {
        let name = match rounding {
            Rounding::HalfEven => "half_even",
            Rounding::TfliteSingle => "half_up",
            Rounding::TfliteDouble => "double",
            Rounding::Shift => "down",
        };
        // What is doubled is proved to fit 32 bits.
        let wide = if self.narrow || rounding == Rounding::TfliteDouble { "" } else { "_wide" };
        let Self { multiplier, shift, .. } = self;
        format!("@requantize_{name}{wide}({acc}, {multiplier}, {shift}, {zero_point}, {lo}, {hi})")
    }
}

//! What may be loaded: shapes, order, ranges, cost, memory. Knows nothing of how an operator is computed fast.
//!
//! Everything is proved before anything runs, in one pass over the records and one over the weights, without recursion:
//!
//! * every step reads a feature that exists, and there is one step for each element of tensor 0;
//! * every tensor is written once, in the order of the tensors, before it is read, with the shape that its operator makes;
//! * every offset into the data section is in bounds;
//! * every accumulator fits its type, by interval arithmetic over the real weights and the reachable range of the
//!   operator's input;
//! * the head fits its scores and the named outcomes;
//! * operations, scratch, packed memory and file size are within the caller's [`Limits`].

mod dense;
mod interval;
mod limits;
mod report;

use crate::engine::layout;
use crate::error::{Error, Place, Problem, Result};
use crate::features::affine;
use crate::format::{ElementType, HeadKind, Model, Operator, OperatorKind, Parameters, SectionKind, StepKind, Tensor};
use crate::iter::numbered;
pub use interval::Interval;
pub use limits::Limits;
pub use report::{OperatorReport, Report};

/// Proves that `model` can run within `limits`.
///
/// # Errors
///
/// The first thing that cannot be proved, naming the step, tensor or operator.
pub fn verify(model: &Model<'_>, limits: &Limits) -> Result<Report> {
    let mut report = Report { input: check_program(model)?, ..Report::default() };
    prove_operators(model, &mut report)?;
    check_head(model, &report)?;

    report.inputs = model.features().len();
    report.outcomes = model.outcomes().len();
    report.operations = report.operations.saturating_add(model.program().len() as u64);
    report.scratch_words = layout::scratch_words(model);
    report.packed_bytes = layout::packed_bytes(model);
    report.checksum = model.checksum();
    limits.check(model, &report)?;
    Ok(report)
}

/// Not inlined: the report is large, and a kernel stack is not.
#[inline(never)]
fn prove_operators(model: &Model<'_>, report: &mut Report) -> Result<()> {
    for (index, operator) in numbered(model.operators().iter()) {
        let refuse = |problem| Error::new(Place::Operator(index, operator.kind()), problem);
        let next = report.tensors_written();
        let proved = check_operator(model, &operator, report).map_err(refuse)?;
        if operator.output != next {
            return Err(refuse(Problem::WriteOrder { tensor: operator.output, next }));
        }
        report.push(proved).map_err(refuse)?;
    }
    let written = report.tensors_written();
    if usize::from(written) < model.tensors().len() {
        return Err(Error::new(Place::Tensor(u32::from(written)), Problem::NeverWritten));
    }
    Ok(())
}

/// Range of tensor 0, once every step is sound.
fn check_program(model: &Model<'_>) -> Result<Interval> {
    let features = model.features().len() as u32;
    for (index, step) in numbered(model.program().iter()) {
        let refuse = |problem| Err(Error::new(Place::Step(index), problem));
        if u32::from(step.source) >= features {
            return refuse(Problem::Source { is: step.source, features });
        }
        let StepKind::Affine { multiplier, bias, shift, .. } = step.kind;
        if shift > affine::MAX_SHIFT {
            return refuse(Problem::Shift { is: shift, max: affine::MAX_SHIFT });
        }
        if multiplier.unsigned_abs() >= affine::MULTIPLIER_LIMIT.unsigned_abs() {
            return refuse(Problem::TooLarge { what: "multiplier" });
        }
        if bias.unsigned_abs() >= affine::BIAS_LIMIT.unsigned_abs() {
            return refuse(Problem::TooLarge { what: "bias" });
        }
    }

    let input = tensor(model, 0).map_err(|problem| Error::new(Place::Section(SectionKind::Program), problem))?;
    let (steps, inputs) = (model.program().len() as u32, input.elements());
    if u64::from(steps) != inputs {
        return Err(Error::new(Place::Section(SectionKind::Program), Problem::Steps { is: steps, inputs }));
    }
    Ok(Interval::of(input.element))
}

fn check_operator(
    model: &Model<'_>,
    operator: &Operator,
    report: &Report,
) -> core::result::Result<OperatorReport, Problem> {
    let (input, output) = (tensor(model, operator.input)?, tensor(model, operator.output)?);
    let range = report.range_of(operator.input)?;
    if input.element == ElementType::I32 {
        return Err(Problem::ReadsScores { tensor: operator.input });
    }
    match operator.parameters {
        Parameters::Dense(parameters) => dense::check(model, &parameters, &input, &output, range),
        Parameters::Clip(clip) => {
            if input != output {
                return Err(Problem::Shapes { input: input.elements(), output: output.elements() });
            }
            check_clip(clip.lo, clip.hi, &output)?;
            Ok(OperatorReport {
                kind: OperatorKind::Clip,
                accumulator: range,
                output: range.clamp(i64::from(clip.lo), i64::from(clip.hi)),
                operations: input.elements(),
            })
        }
    }
}

fn check_clip(lo: i32, hi: i32, output: &Tensor) -> core::result::Result<(), Problem> {
    let (min, max) = output.element.range();
    if lo > hi || lo < min || hi > max {
        return Err(Problem::Clip { lo, hi });
    }
    Ok(())
}

fn check_head(model: &Model<'_>, report: &Report) -> Result<()> {
    let refuse = |problem| Error::new(Place::Head, problem);
    let head = model.head();
    let scores = tensor(model, head.scores).map_err(refuse)?;
    report.range_of(head.scores).map_err(refuse)?;
    let (outcomes, elements) = (model.outcomes().len() as u32, scores.elements());
    let decides = match head.kind {
        HeadKind::ArgMax => elements,
        HeadKind::Threshold(_) if elements == 1 => 2,
        HeadKind::Threshold(_) => return Err(refuse(Problem::ThresholdScores { is: elements })),
    };
    if u64::from(outcomes) != decides || decides < 2 {
        return Err(refuse(Problem::Outcomes { is: outcomes, head: decides }));
    }
    Ok(())
}

fn tensor(model: &Model<'_>, index: u16) -> core::result::Result<Tensor, Problem> {
    let tensors = model.tensors();
    let absent = Problem::NoTensor { is: index, tensors: tensors.len() as u32 };
    tensors.get(usize::from(index)).ok_or(absent)
}

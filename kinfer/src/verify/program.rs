//! Proof of the feature program: every step reads a counter that exists and stays in exact arithmetic.

use super::{tensor, Interval, Report};
use crate::error::{Error, Place, Problem, Result};
use crate::features::affine;
use crate::format::{Model, SectionKind, StepKind};
use crate::iter::numbered;

/// Puts the range of tensor 0, the program's operations and its state into the report.
pub(super) fn check(model: &Model<'_>, report: &mut Report) -> Result<()> {
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
    report.input = Interval::of(input.element);
    report.operations = u64::from(steps);
    Ok(())
}

//! Proof of the feature program: every step reads what is there before it and stays in exact arithmetic, the elements are
//! those of tensor 0, and what they can be.

use super::{tensor, Interval, Report};
use crate::error::{Error, Place, Problem, Result};
use crate::features::{affine, buckets, digits, memory, quotient};
use crate::format::{Model, Rounding, SectionKind, Step, StepKind, Tensor};
use crate::iter::numbered;

type Checked<T> = core::result::Result<T, Problem>;

/// Puts the range of tensor 0, the program's operations and its state into the report.
#[inline(never)]
pub(super) fn check(model: &Model<'_>, report: &mut Report) -> Result<()> {
    let whole = |problem| Error::new(Place::Section(SectionKind::Program), problem);
    let input = tensor(model, 0).map_err(whole)?;
    let mut values = model.features().len() as u32;
    let (mut elements, mut state_end, mut range) = (0u64, 0u64, None::<Interval>);
    for (index, step) in numbered(model.program().iter()) {
        let refuse = |problem| Error::new(Place::Step(index), problem);
        check_sources(&step, values).map_err(refuse)?;
        if let Some(reached) = check_step(model, &step, &input).map_err(refuse)? {
            range = Some(range.map_or(reached, |range| range.union(reached)));
        }
        state_end = check_state(&step, state_end).map_err(refuse)?;
        values = values.saturating_add(u32::from(step.kind.values()));
        elements = elements.saturating_add(u64::from(step.kind.elements()));
        let made = step.kind.values().max(step.kind.elements());
        report.operations = report.operations.saturating_add(u64::from(made));
        report.look_ups = report.look_ups.saturating_add(look_ups(&step));
    }

    match range {
        Some(range) if elements == input.elements() => report.input = range,
        _ => return Err(whole(Problem::Elements { is: elements, inputs: input.elements() })),
    }
    report.state_words = report.state_words.max(state_end as usize);
    Ok(())
}

/// A step reads counters and values that there are before it.
fn check_sources(step: &Step, values: u32) -> Checked<()> {
    let exists = |is: u16| if u32::from(is) < values { Ok(()) } else { Err(Problem::Source { is, values }) };
    exists(step.source)?;
    step.kind.second().map_or(Ok(()), exists)
}

/// A step's own numbers; gives what its elements can be, if it makes any.
fn check_step(model: &Model<'_>, step: &Step, input: &Tensor) -> Checked<Option<Interval>> {
    let element = |lo: i32, hi: i32| {
        let (min, max) = input.element.range();
        if lo > hi || lo < min || hi > max {
            return Err(Problem::Clip { lo, hi });
        }
        Ok(Some(Interval { lo: i64::from(lo), hi: i64::from(hi) }))
    };
    match step.kind {
        StepKind::Affine { multiplier, bias, shift, rounding, lo, hi } => {
            let affine = affine::Affine { multiplier, bias, shift, rounding };
            element(lo, hi)?;
            check_affine(affine)?;
            let ends = [i64::MIN, i64::MAX].map(|raw| Interval::point(affine::quantize(raw, affine, lo, hi).into()));
            Ok(Some(ends[0].union(ends[1])))
        }
        StepKind::Copy { lo, hi } => element(lo, hi),
        StepKind::Bucketise { thresholds, count, base } => {
            amount("number of thresholds", count.into(), buckets::MAX_THRESHOLDS.into())?;
            let end = u64::from(thresholds).saturating_add(u64::from(count).saturating_mul(8));
            let length = model.data().len() as u64;
            if end > length {
                return Err(Problem::DataEnd { what: "thresholds", end, length });
            }
            let mut before = i64::MIN;
            for (index, threshold) in numbered(step.kind.thresholds(model.data())) {
                if threshold < before {
                    return Err(Problem::Unsorted { index });
                }
                before = threshold;
            }
            element(base, base.saturating_add(i32::from(count)))
        }
        StepKind::OneHot { count, off, on, .. } => {
            amount("number of elements", count.into(), u16::MAX.into())?;
            element(off.min(on), off.max(on))
        }
        StepKind::Digits { count, base } => {
            amount("number of digits", count.into(), digits::MAX_DIGITS.into())?;
            element(base, base.saturating_add(9))
        }
        StepKind::Clamp { lo, hi } if lo > hi => Err(Problem::EmptyClamp { lo, hi }),
        StepKind::Clamp { .. } | StepKind::Log2 { .. } | StepKind::Difference { .. } => Ok(None),
        StepKind::Ratio { shift, .. } => {
            at_most(shift, quotient::MAX_SHIFT)?;
            Ok(None)
        }
        StepKind::Ewma { alpha, shift, fraction, .. } => {
            at_most(shift, memory::MAX_SHIFT)?;
            at_most(fraction, memory::MAX_FRACTION)?;
            let one = 1u64.wrapping_shl(u32::from(shift));
            amount("weight of a sample", alpha.into(), one)?;
            Ok(None)
        }
        StepKind::History { count, .. } => {
            amount("length of the history", count.into(), memory::MAX_HISTORY.into())?;
            Ok(None)
        }
    }
}

fn check_affine(affine: affine::Affine) -> Checked<()> {
    at_most(affine.shift, affine::MAX_SHIFT)?;
    if affine.multiplier.unsigned_abs() >= affine::MULTIPLIER_LIMIT.unsigned_abs() {
        return Err(Problem::TooLarge { what: "multiplier" });
    }
    if affine.bias.unsigned_abs() >= affine::BIAS_LIMIT.unsigned_abs() {
        return Err(Problem::TooLarge { what: "bias" });
    }
    match affine.rounding {
        // It is a rule for a doubling multiply of 32 bits, which there is none here.
        Rounding::TfliteDouble => Err(Problem::UnknownRounding { code: affine.rounding as u8 }),
        Rounding::HalfEven | Rounding::TfliteSingle | Rounding::Shift => Ok(()),
    }
}

/// Steps name their state in order, so that no two share a word. Gives the end.
fn check_state(step: &Step, end: u64) -> Checked<u64> {
    let Some((at, words)) = step.kind.state() else { return Ok(end) };
    if u64::from(at) < end {
        return Err(Problem::StateOverlap { at, end });
    }
    Ok(u64::from(at).saturating_add(u64::from(words)))
}

/// Comparisons and entries of tables that a step looks up.
fn look_ups(step: &Step) -> u64 {
    match step.kind {
        StepKind::Bucketise { count, .. } => u64::from(u16::BITS.saturating_sub(count.leading_zeros())),
        StepKind::Log2 { .. } => 2,
        _ => 0,
    }
}

fn at_most(is: u8, max: u8) -> Checked<()> {
    if is > max {
        return Err(Problem::Shift { is, max });
    }
    Ok(())
}

fn amount(what: &'static str, is: u64, max: u64) -> Checked<()> {
    if is == 0 || is > max {
        return Err(Problem::Amount { what, is, max });
    }
    Ok(())
}

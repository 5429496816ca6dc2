//! Proof of the feature program: every step reads what is there before it and stays in exact arithmetic, the elements are
//! those of tensor 0, and what they can be.

use super::{tensor, Interval, Report};
use crate::error::{Error, Place, Problem, Result, What};
use crate::features::{affine, buckets, digits, memory, quotient};
use crate::format::{Model, Rounding, SectionKind, Step, StepKind, Tensor};
use crate::iter::numbered;

type Checked = core::result::Result<(), Problem>;

/// Puts the range of tensor 0, the program's operations and its state into the report.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
pub(super) fn check(model: &Model<'_>, report: &mut Report) -> Result<()> {
    let whole = |problem| Err(Error::new(Place::Section(SectionKind::Program), problem));
    let input = match tensor(model, 0) {
        Ok(input) => input,
        Err(problem) => return whole(problem),
    };
    let mut proof = Proof {
        model,
        input: &input,
        values: model.features().len() as u32,
        elements: 0,
        state_end: 0,
        range: Interval { lo: i64::MAX, hi: i64::MIN },
    };
    for (index, step) in numbered(model.program().iter()) {
        if let Err(problem) = proof.add(&step) {
            return Err(Error::new(Place::Step(index), problem));
        }
        let (values, elements) = (step.kind.values(), step.kind.elements());
        proof.values = proof.values.saturating_add(u32::from(values));
        proof.elements = proof.elements.saturating_add(u64::from(elements));
        report.operations = report.operations.saturating_add(u64::from(values.max(elements)));
        report.look_ups = report.look_ups.saturating_add(look_ups(&step));
    }

    // There is at least one element in both then.
    let Proof { elements, state_end, range, .. } = proof;
    if elements != input.elements() {
        return whole(Problem::Elements { is: elements, inputs: input.elements() });
    }
    report.input = range;
    report.state_words = report.state_words.max(state_end as usize);
    Ok(())
}

/// What is proved of the steps so far.
struct Proof<'a> {
    model: &'a Model<'a>,
    input: &'a Tensor,
    /// Counters, and values behind them.
    values: u32,
    elements: u64,
    state_end: u64,
    /// Of the elements; the union of nothing at first.
    range: Interval,
}

/// A number of a step that has to be 1 to a largest.
struct Amount {
    what: What,
    is: u64,
    max: u64,
}

impl Proof<'_> {
    /// Proves one more step.
    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn add(&mut self, step: &Step) -> Checked {
        let kind = &step.kind;
        self.check_source(step.source)?;
        if let Some(second) = kind.second() {
            self.check_source(second)?;
        }

        let mut shift = (0, 0);
        let mut amount = Amount { what: What::ElementCount, is: 1, max: 1 };
        let mut elements = None;
        match *kind {
            StepKind::Affine { shift: is, lo, hi, .. } => {
                shift = (is, affine::MAX_SHIFT);
                elements = Some((lo, hi));
            }
            StepKind::Copy { lo, hi } => elements = Some((lo, hi)),
            StepKind::Bucketise { count, base, .. } => {
                let max = u64::from(buckets::MAX_THRESHOLDS);
                amount = Amount { what: What::ThresholdCount, is: u64::from(count), max };
                elements = Some((base, base.saturating_add(i32::from(count))));
            }
            StepKind::OneHot { count, off, on, .. } => {
                amount = Amount { what: What::ElementCount, is: u64::from(count), max: u64::from(u16::MAX) };
                elements = Some((off.min(on), off.max(on)));
            }
            StepKind::Digits { count, base } => {
                amount = Amount { what: What::DigitCount, is: u64::from(count), max: u64::from(digits::MAX_DIGITS) };
                elements = Some((base, base.saturating_add(9)));
            }
            StepKind::Clamp { lo, hi } => {
                if lo > hi {
                    return Err(Problem::EmptyClamp { lo, hi });
                }
            }
            StepKind::Log2 { .. } | StepKind::Difference { .. } => {}
            StepKind::Ratio { shift: is, .. } => shift = (is, quotient::MAX_SHIFT),
            StepKind::Ewma { alpha, shift: is, fraction, .. } => {
                shift = (is, memory::MAX_SHIFT);
                if fraction > memory::MAX_FRACTION && is <= memory::MAX_SHIFT {
                    shift = (fraction, memory::MAX_FRACTION);
                }
                let max = 1u64.wrapping_shl(u32::from(is));
                amount = Amount { what: What::SampleWeight, is: u64::from(alpha), max };
            }
            StepKind::History { count, .. } => {
                let max = u64::from(memory::MAX_HISTORY);
                amount = Amount { what: What::HistoryLength, is: u64::from(count), max };
            }
        }
        let (is, max) = shift;
        if is > max {
            return Err(Problem::Shift { is, max });
        }
        let Amount { what, is, max } = amount;
        if is == 0 || is > max {
            return Err(Problem::Amount { what, is, max });
        }
        if let StepKind::Bucketise { thresholds, count, .. } = *kind {
            self.check_thresholds(kind, thresholds, count)?;
        }
        if let Some((lo, hi)) = elements {
            self.check_elements(kind, lo, hi)?;
        }
        self.check_state(kind)
    }

    /// A step reads counters and values that there are before it.
    fn check_source(&self, is: u16) -> Checked {
        if u32::from(is) < self.values {
            return Ok(());
        }
        Err(Problem::Source { is, values: self.values })
    }

    fn check_thresholds(&self, kind: &StepKind, thresholds: u32, count: u16) -> Checked {
        let end = u64::from(thresholds).saturating_add(u64::from(count).saturating_mul(8));
        let length = self.model.data().len() as u64;
        if end > length {
            return Err(Problem::DataEnd { what: What::Thresholds, end, length });
        }
        let mut before = i64::MIN;
        for (index, threshold) in numbered(kind.thresholds(self.model.data())) {
            if threshold < before {
                return Err(Problem::Unsorted { index });
            }
            before = threshold;
        }
        Ok(())
    }

    /// What the elements can be is in the element type's range.
    fn check_elements(&mut self, kind: &StepKind, lo: i32, hi: i32) -> Checked {
        let (min, max) = self.input.element.range();
        if lo > hi || lo < min || hi > max {
            return Err(Problem::Clip { lo, hi });
        }
        let (mut lo, mut hi) = (lo, hi);
        if let StepKind::Affine { multiplier, bias, shift, rounding, .. } = *kind {
            let affine = affine::Affine { multiplier, bias, shift, rounding };
            check_affine(affine)?;
            let (first, last) =
                (affine::quantize(i64::MIN, affine, lo, hi), affine::quantize(i64::MAX, affine, lo, hi));
            (lo, hi) = (first.min(last), first.max(last));
        }
        self.range = self.range.union(Interval { lo: i64::from(lo), hi: i64::from(hi) });
        Ok(())
    }

    /// Steps name their state in order, so that no two share a word.
    fn check_state(&mut self, kind: &StepKind) -> Checked {
        let Some((at, words)) = kind.state() else { return Ok(()) };
        let end = self.state_end;
        if u64::from(at) < end {
            return Err(Problem::StateOverlap { at, end });
        }
        self.state_end = u64::from(at).saturating_add(u64::from(words));
        Ok(())
    }
}

fn check_affine(affine: affine::Affine) -> Checked {
    if affine.multiplier.unsigned_abs() >= affine::MULTIPLIER_LIMIT.unsigned_abs() {
        return Err(Problem::TooLarge { what: What::Multiplier });
    }
    if affine.bias.unsigned_abs() >= affine::BIAS_LIMIT.unsigned_abs() {
        return Err(Problem::TooLarge { what: What::Bias });
    }
    match affine.rounding {
        // It is a rule for a doubling multiply of 32 bits, which there is none here.
        Rounding::TfliteDouble => Err(Problem::UnknownRounding { code: affine.rounding as u8 }),
        Rounding::HalfEven | Rounding::TfliteSingle | Rounding::Shift => Ok(()),
    }
}

/// Comparisons and entries of tables that a step looks up.
fn look_ups(step: &Step) -> u64 {
    match step.kind {
        StepKind::Bucketise { count, .. } => u64::from(u16::BITS.wrapping_sub(count.leading_zeros())),
        StepKind::Log2 { .. } => 2,
        _ => 0,
    }
}

//! A verified model, laid out to run.

use core::ops::{Deref, DerefMut};

use heapless::Vec;

use super::layout::{for_each_layer, words_of, Layer, Span, RANGE_BYTES, STEP_BYTES};
use crate::backend::{Backend, Reference};
use crate::decision::{decide, Decision, Flags, Scores};
use crate::error::{Error, Place, Problem, Result};
use crate::features::affine::{quantize, Affine};
use crate::format::{Head, Model, Rounding, StepKind, MAX_OPERATORS};
use crate::iter::{chunks, chunks_mut};
use crate::verify::Report;

/// A model ready to decide, in memory `M` of the caller: `Vec<u8>`, `&mut [u8]`, the kernel's `KVVec<u8>`.
///
/// # Invariants
///
/// Made from a model and the report that [`crate::verify()`] gave for it, so that no accumulator of any decision overflows.
#[derive(Debug)]
pub struct Packed<M> {
    memory: M,
    plan: Plan,
}

#[derive(Debug)]
struct Plan {
    features: usize,
    steps: usize,
    inputs: (i32, i32),
    layers: Vec<Layer, MAX_OPERATORS>,
    head: Head,
    scores: Scores,
    scores_at: Span,
    scratch_words: usize,
}

impl<M: DerefMut<Target = [u8]>> Packed<M> {
    /// Lays `model` out in `memory`, of which the first `report.packed_bytes` are used.
    ///
    /// # Errors
    ///
    /// `report` is of another file, or `memory` is too small.
    pub fn new(model: &Model<'_>, report: &Report, mut memory: M) -> Result<Self> {
        let refuse = |problem| Error::new(Place::Caller, problem);
        if report.checksum != model.checksum() {
            return Err(refuse(Problem::Checksum { says: report.checksum, is: model.checksum() }));
        }
        let (is, needs) = (memory.len() as u64, report.packed_bytes as u64);
        if is < needs {
            return Err(refuse(Problem::Memory { is, needs }));
        }
        let mut plan = Plan::new(model, report)?;
        plan.pack(model, &mut memory);
        Ok(Self { memory, plan })
    }
}

impl<M: Deref<Target = [u8]>> Packed<M> {
    /// Decides on `raw` counters, in the order of the schema.
    ///
    /// Cannot fail. When `raw` has another count than the schema or `scratch` is shorter than
    /// [`Report::scratch_words`], the answer is [`Decision::FALLBACK`].
    #[inline]
    pub fn decide(&self, scratch: &mut [i64], raw: &[i64]) -> Decision {
        self.plan.decide(&self.memory, scratch, raw)
    }

    /// Whether a caller with `count` counters fits this model.
    ///
    /// # Errors
    ///
    /// How many the model takes.
    pub fn check_inputs(&self, count: usize) -> Result<()> {
        if count != self.plan.features {
            let (is, wants) = (count as u64, self.plan.features as u64);
            return Err(Error::new(Place::Caller, Problem::Inputs { is, wants }));
        }
        Ok(())
    }

    /// Raw counters that a caller passes.
    pub fn inputs(&self) -> usize {
        self.plan.features
    }

    /// Words of scratch that a decision needs.
    pub fn scratch_words(&self) -> usize {
        self.plan.scratch_words
    }
}

impl Plan {
    fn new(model: &Model<'_>, report: &Report) -> Result<Self> {
        let head = model.head();
        let no_tensor = Error::new(Place::Head, Problem::NotYetProduced { tensor: head.scores });
        let tensors = model.tensors();
        let (input, scores) = (tensors.get(0), tensors.get(usize::from(head.scores)));
        let (input, scores) = input.zip(scores).ok_or(no_tensor)?;
        Ok(Self {
            features: model.features().len(),
            steps: model.program().len(),
            inputs: input.element.range(),
            layers: Vec::new(),
            head,
            scores: Scores { scale: scores.scale, zero_point: scores.zero_point },
            scores_at: words_of(model, head.scores),
            scratch_words: report.scratch_words,
        })
    }

    fn pack(&mut self, model: &Model<'_>, memory: &mut [u8]) {
        let (ranges, rest) = memory.split_at_mut_checked(self.range_bytes()).unwrap_or_default();
        for (to, feature) in chunks_mut(ranges, RANGE_BYTES).zip(model.features().iter()) {
            write(to, feature.lo.to_le_bytes().into_iter().chain(feature.hi.to_le_bytes()));
        }
        for (to, step) in chunks_mut(rest, STEP_BYTES).zip(model.program().iter()) {
            let StepKind::Affine { multiplier, bias, shift, rounding: Rounding::HalfEven } = step.kind;
            let tail = step.source.to_le_bytes().into_iter().chain([shift]);
            write(to, multiplier.to_le_bytes().into_iter().chain(bias.to_le_bytes()).chain(tail));
        }
        for_each_layer(model, |operator, layer| {
            Reference.pack(model, operator, &layer, layer.memory.of_mut(memory));
            // The format allows no more operators than the table holds.
            let _ = self.layers.push(layer);
        });
    }

    /// The decision path: no generics, so that it is compiled here, once, and checked as an object.
    #[inline(never)]
    fn decide(&self, memory: &[u8], scratch: &mut [i64], raw: &[i64]) -> Decision {
        if raw.len() != self.features || scratch.len() < self.scratch_words {
            return Decision::FALLBACK;
        }
        let flags = self.quantize_inputs(memory, scratch, raw);
        for layer in &self.layers {
            // An output lies behind its input.
            let (before, after) = scratch.split_at_mut_checked(layer.written.at as usize).unwrap_or_default();
            let written = Span { at: 0, ..layer.written };
            Reference.run(layer, layer.memory.of(memory), layer.input.of(before), written.of_mut(after));
        }
        decide(&self.head, self.scores, self.scores_at.of(scratch), flags)
    }

    /// Runs the feature program into tensor 0, which is the first in scratch.
    #[inline]
    fn quantize_inputs(&self, memory: &[u8], scratch: &mut [i64], raw: &[i64]) -> Flags {
        let (ranges, rest) = memory.split_at_checked(self.range_bytes()).unwrap_or_default();
        let inside = chunks(ranges, RANGE_BYTES).zip(raw).all(|(range, &value)| {
            let (lo, hi) = (i64_at(range, 0), i64_at(range, 8));
            lo <= value && value <= hi
        });

        let (lo, hi) = self.inputs;
        for (to, step) in scratch.iter_mut().zip(chunks(rest, STEP_BYTES)).take(self.steps) {
            let Some([m0, m1, m2, m3, m4, m5, m6, m7, bias @ .., s0, s1, shift]) = step.first_chunk::<27>() else {
                continue;
            };
            let affine = Affine {
                multiplier: i64::from_le_bytes([*m0, *m1, *m2, *m3, *m4, *m5, *m6, *m7]),
                bias: i128::from_le_bytes(*bias),
                shift: *shift,
                rounding: Rounding::HalfEven,
            };
            let value = raw.get(usize::from(u16::from_le_bytes([*s0, *s1]))).copied().unwrap_or(0);
            *to = i64::from(quantize(value, affine, lo, hi));
        }
        if inside {
            Flags::NONE
        } else {
            Flags::OUT_OF_RANGE
        }
    }

    fn range_bytes(&self) -> usize {
        self.features.saturating_mul(RANGE_BYTES)
    }
}

fn write(to: &mut [u8], from: impl Iterator<Item = u8>) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

fn i64_at(bytes: &[u8], offset: usize) -> i64 {
    bytes.get(offset..).and_then(|tail| tail.first_chunk()).map_or(0, |field| i64::from_le_bytes(*field))
}

//! A verified model, laid out to run.

use core::ops::{Deref, DerefMut};

use super::dispatch;
use super::layout::{self, Layer, Path, Tensors, LAYER_WORDS};
use super::span::Span;
use crate::backend;
use crate::backend::packed::chain::{self, Chain};
use crate::cast::{i32s, i32s_mut};
use crate::decision::{Decision, Flags};
use crate::error::{Error, Place, Problem, Result};
use crate::features::program;
use crate::format::{Head, Model};
use crate::heads::{self, decide, Ranked, Scores};
use crate::iter::{chunks, numbered};
use crate::verify::{self, Report};

/// A model ready to decide, in memory `M` of the caller: `Vec<i64>`, `&mut [i64]`, the kernel's `KVVec<i64>`.
///
/// # Invariants
///
/// Made from a model and the report that [`crate::verify()`] gave for it, so that no accumulator of any decision overflows.
#[derive(Debug)]
pub struct Packed<M> {
    memory: M,
    plan: Plan,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    features: usize,
    layers: usize,
    /// Whether the first record alone reads tensor 0, and can do so where a caller has it.
    in_place: bool,
    /// Whether the only record is a chain: a small network should not pay for the way to it.
    is_chain: bool,
    program: Span,
    inputs: Span,
    head: Head,
    scores: Scores,
    scores_at: Span,
    scratch_words: usize,
    state_words: usize,
}

impl<M: DerefMut<Target = [i64]>> Packed<M> {
    /// Lays `model` out in `memory`, of which the first `report.packed_words` are used.
    ///
    /// # Errors
    ///
    /// `report` is of another file, or `memory` is too small.
    pub fn new(model: &Model<'_>, report: &Report, mut memory: M) -> Result<Self> {
        let plan = Plan::pack(model, report, &mut memory)?;
        Ok(Self { memory, plan })
    }
}

impl<M: Deref<Target = [i64]>> Packed<M> {
    /// Decides on `raw` counters, in the order of the schema.
    ///
    /// Cannot fail. When `raw` has another count than the schema, `scratch` is shorter than [`Report::scratch_words`], or
    /// the model keeps state, the answer is [`Decision::FALLBACK`].
    #[inline]
    pub fn decide(&self, scratch: &mut [i64], raw: &[i64]) -> Decision {
        self.plan.decide(&self.memory, scratch, &mut [], raw)
    }

    /// As [`Packed::decide`], with what the model remembers: [`Report::state_words`] words of the caller's, zero before the
    /// first decision, written by each. Models without state take any, the empty one as well.
    #[inline]
    pub fn decide_with(&self, scratch: &mut [i64], state: &mut [i64], raw: &[i64]) -> Decision {
        self.plan.decide(&self.memory, scratch, state, raw)
    }

    /// The network alone: quantised inputs, the elements of tensor 0, to quantised scores. Empty when `scratch` or `state`
    /// is too short or `inputs` has another count.
    #[inline]
    pub fn infer<'s>(&self, scratch: &'s mut [i64], state: &mut [i64], inputs: &[i32]) -> &'s [i32] {
        self.plan.infer(&self.memory, scratch, state, inputs)
    }

    /// After a decision, the best classes with their values, best first, from the scores it left in `scratch`: tells how many
    /// of `out` it has filled. A top-k head ranks `k`, an argmax or argmin one, the others none. A tie goes to the lowest class.
    ///
    /// A place takes a pass over the scores; the verifier has counted them.
    pub fn top(&self, scratch: &[i64], out: &mut [Ranked]) -> usize {
        self.plan.top(scratch, out)
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

    /// Words of state that a caller keeps.
    pub fn state_words(&self) -> usize {
        self.plan.state_words
    }
}

impl Plan {
    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    fn pack(model: &Model<'_>, report: &Report, memory: &mut [i64]) -> Result<Self> {
        let refuse = |problem| Error::new(Place::Caller, problem);
        if report.checksum != model.checksum() {
            return Err(refuse(Problem::Checksum { says: report.checksum, is: model.checksum() }));
        }
        let (is, needs) = (memory.len() as u64, report.packed_words as u64);
        if is < needs {
            return Err(refuse(Problem::Memory { is: is.saturating_mul(8), needs: needs.saturating_mul(8) }));
        }

        let head = model.head();
        let no_scores = Error::new(Place::Head, Problem::NotYetProduced { tensor: head.scores });
        let scores = model.tensors().get(usize::from(head.scores)).ok_or(no_scores)?;
        let tensors = layout::tensors(model);
        let tensor = |index: u16| tensors.get(usize::from(index)).copied().unwrap_or_default();
        let program = layout::program_span(model, report);
        program::pack(model, program.of_mut(memory));
        let (records, in_place) = pack_operators(model, report, &tensors, memory)?;

        Ok(Self {
            features: model.features().len(),
            layers: records,
            in_place,
            is_chain: records == 1 && memory.first_chunk().map(Layer::path) == Some(Path::Chain),
            program,
            inputs: tensor(0),
            head,
            scores: Scores { scale: scores.scale, zero_point: scores.zero_point },
            scores_at: tensor(head.scores),
            scratch_words: report.scratch_words,
            state_words: report.state_words,
        })
    }

    /// The decision path: no generics, so that it is compiled here, once, and checked as an object.
    #[inline(never)]
    fn decide(&self, memory: &[i64], scratch: &mut [i64], state: &mut [i64], raw: &[i64]) -> Decision {
        if raw.len() != self.features || scratch.len() < self.scratch_words || state.len() < self.state_words {
            return Decision::FALLBACK;
        }
        let flags = self.quantize(memory, scratch, state, raw);
        self.run_layers(memory, &[], scratch, state);
        self.conclude(scratch, flags)
    }

    /// Counters to tensor 0. This and [`Plan::conclude`] are functions of their own, so that the stack of one does not lie
    /// under the other's, nor under the layers'.
    #[inline(never)]
    fn quantize(&self, memory: &[i64], scratch: &mut [i64], state: &mut [i64], raw: &[i64]) -> Flags {
        let value_words = self.inputs.at.wrapping_shr(1) as usize;
        let (values, tensors) = scratch.split_at_mut_checked(value_words).unwrap_or_default();
        let inputs = i32s_mut(tensors).get_mut(..self.inputs.len as usize).unwrap_or_default();
        program::run(self.program.of(memory), raw, values, state, inputs)
    }

    /// Scores to a decision.
    #[inline(never)]
    fn conclude(&self, scratch: &[i64], flags: Flags) -> Decision {
        decide(&self.head, self.scores, self.scores_at.of(i32s(scratch)), flags)
    }

    #[inline(never)]
    fn infer<'s>(&self, memory: &[i64], scratch: &'s mut [i64], state: &mut [i64], inputs: &[i32]) -> &'s [i32] {
        if inputs.len() != self.inputs.len as usize
            || scratch.len() < self.scratch_words
            || state.len() < self.state_words
        {
            return &[];
        }
        if !self.in_place {
            for (to, &from) in self.inputs.of_mut(i32s_mut(scratch)).iter_mut().zip(inputs) {
                *to = from;
            }
        }
        self.run_layers(memory, if self.in_place { inputs } else { &[] }, scratch, state);
        self.scores_at.of(i32s(scratch))
    }

    #[inline] // not in the kernel's object
    fn top(&self, scratch: &[i64], out: &mut [Ranked]) -> usize {
        heads::top(self.head.kind, self.scores, self.scores_at.of(i32s(scratch)), out)
    }

    /// In place of a call, for the stack's sake.
    #[inline(always)]
    fn run_layers(&self, memory: &[i64], mut inputs: &[i32], scratch: &mut [i64], state: &mut [i64]) {
        let scratch = i32s_mut(scratch);
        if self.is_chain {
            if let Some(record) = memory.first_chunk() {
                dispatch::run_chain(record, memory, inputs, scratch);
            }
            return;
        }
        for record in chunks(memory, LAYER_WORDS).take(self.layers) {
            let Some(record) = record.first_chunk() else { return };
            dispatch::run(record, memory, inputs, scratch, state);
            inputs = &[];
        }
    }
}

/// Lays the operators out, and the plan's records before them; how many records there are, and whether the first reads its
/// inputs where they are.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
fn pack_operators(model: &Model<'_>, report: &Report, tensors: &Tensors, memory: &mut [i64]) -> Result<(usize, bool)> {
    let tensor = |index: u16| tensors.get(usize::from(index)).copied().unwrap_or_default();
    let first = layout::parameters_at(model, report);
    let (plan, parameters) = memory.split_at_mut_checked(first as usize).unwrap_or_default();
    let (mut records, mut at, mut in_place) = (0usize, 0, false);
    let (inputs, scores) = (tensor(0), tensor(model.head().scores));
    let reads = |span: Span| span.len > 0 && span.at == inputs.at;
    for (number, proved) in numbered(&report.operators) {
        let Some(operator) = &model.operators().get(number as usize) else { break };
        let found = verify::node(model, operator, report);
        let node = match &found {
            Ok(node) => node,
            Err(problem) => return Err(Error::new(Place::Operator(number, operator.kind()), *problem)),
        };
        let here = Span { at, len: proved.need.words };
        at = here.end();
        let parameters = here.of_mut(parameters);
        let mut layer = Layer {
            kind: operator.kind(),
            path: proved.backend.into(),
            input: tensor(operator.input),
            second: operator.second.map_or(Span::default(), tensor),
            output: tensor(operator.output),
            memory: Span { at: here.at.saturating_add(first), ..here },
        };
        if proved.need.chained {
            chain::pack(node, chain::table_follows(report, number as usize), parameters);
            if proved.need.records == 0 {
                continue; // a part of a record that is there
            }
            let Chain { operators, room, words } = Chain::at(report, number as usize);
            (layer.path, layer.memory.len) = (Path::Chain, words);
            layer.second = Span { at: 0, len: room };
            layer.output = tensors.get((number as usize).saturating_add(operators)).copied().unwrap_or_default();
        } else {
            backend::pack(proved.backend, node, parameters);
        }
        backend::for_each_part(node, layer, parameters, &mut |part| {
            let here = plan.get_mut(records.saturating_mul(LAYER_WORDS)..).unwrap_or_default();
            if let Some(record) = here.first_chunk_mut::<LAYER_WORDS>() {
                *record = part.to_words();
            }
            in_place = match records {
                0 => dispatch::takes_inputs(part.path) && !reads(scores),
                _ => in_place && !reads(part.input) && !reads(part.second),
            };
            records = records.saturating_add(1);
        });
    }
    Ok((records, in_place))
}

//! The core's engine over a model file, for whole data sets.

use kinfer::{Decision, Limits, Model, Packed, Ranked, Report, verify};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Bounds that every model of the format keeps: what tools that only look use.
pub const UNBOUNDED: Limits = Limits {
    file_bytes: usize::MAX,
    packed_bytes: usize::MAX,
    scratch_bytes: usize::MAX,
    state_bytes: usize::MAX,
    operations: u64::MAX,
    look_ups: u64::MAX,
};

/// A verified model, ready to decide.
#[derive(Debug)]
pub struct Engine {
    packed: Packed<Vec<i64>>,
    /// What the verifier proved.
    pub report: Report,
}

/// A caller of an [`Engine`], with the memory that a caller has: scratch, and what the model remembers.
#[derive(Debug)]
pub struct Caller<'e> {
    engine: &'e Engine,
    scratch: Vec<i64>,
    state: Vec<i64>,
}

impl Engine {
    /// Exactly what the kernel does on load: parse, verify with [`Limits::KERNEL`], pack.
    ///
    /// # Errors
    ///
    /// The kernel would refuse it, with this very sentence.
    pub fn load(file: &[u8]) -> Result<Self> {
        Self::load_within(file, &Limits::KERNEL)
    }

    /// As [`Engine::load`], within other limits.
    ///
    /// # Errors
    ///
    /// The core refuses it.
    pub fn load_within(file: &[u8], limits: &Limits) -> Result<Self> {
        let load = || {
            let model = Model::parse(file)?;
            let report = verify(&model, limits)?;
            let packed = Packed::new(&model, &report, vec![0; report.packed_words])?;
            Ok(Self { packed, report })
        };
        load().map_err(Error::Refused)
    }

    /// A caller that has not decided yet.
    pub fn caller(&self) -> Caller<'_> {
        let words = |count| vec![0; count];
        Caller { engine: self, scratch: words(self.report.scratch_words), state: words(self.report.state_words) }
    }

    /// Decides every row; a model that remembers does so from row to row.
    ///
    /// # Errors
    ///
    /// The rows have another number of counters than the model takes.
    pub fn decide(&self, data: &Data, progress: &dyn Progress) -> Result<Vec<Decision>> {
        self.packed.check_inputs(data.width).map_err(Error::Refused)?;
        let mut caller = self.caller();
        let mut decisions = Vec::with_capacity(data.len());
        for row in data.rows() {
            decisions.push(caller.decide(row));
            progress.advance(1);
        }
        Ok(decisions)
    }
}

impl Caller<'_> {
    /// Decides on a row of counters in the order of the schema; see [`Packed::decide_with`].
    pub fn decide(&mut self, raw: &[i64]) -> Decision {
        self.engine.packed.decide_with(&mut self.scratch, &mut self.state, raw)
    }

    /// The best classes of the last decision, best first, as many as the head ranks; see [`Packed::top`].
    pub fn top(&self, out: &mut [Ranked]) -> usize {
        self.engine.packed.top(&self.scratch, out)
    }
}

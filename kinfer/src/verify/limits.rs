//! What a caller is willing to load.

use super::Report;
use crate::error::{Error, Place, Problem, Result, What};
use crate::format::Model;

/// Budget of a load. All are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub file_bytes: usize,
    /// Bytes of packed memory.
    pub packed_bytes: usize,
    /// Bytes of scratch a decision needs.
    pub scratch_bytes: usize,
    /// Bytes of state that the caller keeps.
    pub state_bytes: usize,
    /// Worst-case operations of a decision: multiply-adds, elements and values of the feature program, elements of other
    /// operators, comparisons of a top-k head.
    pub operations: u64,
    /// Worst-case table look-ups and comparisons of tree nodes of a decision.
    pub look_ups: u64,
}

impl Limits {
    /// What `kinfer.ko` accepts: no state, for it does not keep any for its callers yet; scratch in four pages, and operations that dense layers on packed words do in tens of
    /// microseconds; pooling, or trees that the packed backend does not take, in some hundreds.
    pub const KERNEL: Self = Self {
        file_bytes: 1 << 20,
        packed_bytes: 2 << 20,
        scratch_bytes: 16 << 10,
        state_bytes: 0,
        operations: 1 << 17,
        look_ups: 1 << 14,
    };

    /// Whether a file of `bytes` may be read at all: what a loader asks before it copies the file.
    ///
    /// # Errors
    ///
    /// The file is larger than the budget.
    pub fn check_file(&self, bytes: usize) -> Result<()> {
        within(What::FileBytes, bytes as u64, self.file_bytes as u64)
    }

    pub(super) fn check(&self, model: &Model<'_>, report: &Report) -> Result<()> {
        self.check_file(model.file().len())?;
        within(What::PackedBytes, report.packed_bytes() as u64, self.packed_bytes as u64)?;
        within(What::ScratchBytes, report.scratch_bytes() as u64, self.scratch_bytes as u64)?;
        within(What::StateBytes, report.state_bytes() as u64, self.state_bytes as u64)?;
        self.check_work(report)
    }

    /// Whether what is proved so far may run.
    pub(super) fn check_work(&self, report: &Report) -> Result<()> {
        within(What::Operations, report.operations, self.operations)?;
        within(What::LookUps, report.look_ups, self.look_ups)
    }
}

fn within(what: What, is: u64, max: u64) -> Result<()> {
    if is > max {
        return Err(Error::new(Place::File, Problem::Budget { what, is, max }));
    }
    Ok(())
}

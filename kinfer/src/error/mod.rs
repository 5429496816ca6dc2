//! Why a model is refused: one sentence that says what is wrong and where, the same from the CLI and from the kernel.

mod problem;
mod sentence;

use crate::format::{OperatorKind, SectionKind};
pub use problem::{Problem, What};

/// Result of anything that can refuse a model.
pub type Result<T> = core::result::Result<T, Error>;

/// A refusal. `Display` gives one sentence, `place: problem`, without a full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where in the file, or at which edge.
    pub place: Place,
    /// What is wrong there.
    pub problem: Problem,
}

/// Where a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// The fixed header.
    Header,
    /// Entry of the section table, by its number.
    Entry(u32),
    /// A section as a whole.
    Section(SectionKind),
    /// Record of the schema section: one raw counter.
    Feature(u32),
    /// Record of the program section.
    Step(u32),
    /// Record of the tensor section.
    Tensor(u32),
    /// Record of the operator section.
    Operator(u32, OperatorKind),
    /// Record of the operator section whose kind is not known.
    Record(u32),
    /// The decision head.
    Head,
    /// What the caller passes: counters, memory.
    Caller,
}

/// What a caller can do about a refusal; the kernel module maps it to an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The bytes are not a well-formed or not a provable model (`EINVAL`).
    Malformed,
    /// Well-formed, but of a version or with parts this build does not know (`EOPNOTSUPP`).
    Unsupported,
    /// Over the caller's [`Limits`](crate::Limits) (`E2BIG`).
    OverBudget,
    /// The caller's counters or memory do not fit the model (`EINVAL`).
    Mismatch,
}

impl Error {
    pub(crate) const fn new(place: Place, problem: Problem) -> Self {
        Self { place, problem }
    }

    /// The class of the refusal.
    pub fn kind(&self) -> Kind {
        match self.problem {
            Problem::Version { .. }
            | Problem::UnknownSection { .. }
            | Problem::UnknownKind { .. }
            | Problem::UnknownType { .. }
            | Problem::UnknownLeaves { .. }
            | Problem::UnknownMode { .. }
            | Problem::UnknownRounding { .. }
            | Problem::UnknownLookup { .. } => Kind::Unsupported,
            Problem::Budget { .. } => Kind::OverBudget,
            Problem::Inputs { .. } | Problem::Memory { .. } => Kind::Mismatch,
            _ => Kind::Malformed,
        }
    }
}

impl core::error::Error for Error {}

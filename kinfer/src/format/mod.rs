//! Bytes ↔ views of a model file. Knows structure, not arithmetic.
//!
//! [`Model`] borrows the file: a header, a table of typed sections, and fixed-size records in each. Parsing checks that
//! every section and record is there, in bounds and of a known kind; what the records *mean* together (shapes, ranges,
//! order) is [`crate::verify()`]'s. The specification is `docs/kinf-format.md` and the pages that it names.
//!
//! [`Feature`], [`Step`], [`Tensor`], [`Operator`], [`Head`] are the records, [`Records`] those of a section. An operator's
//! [`Parameters`] are a type of their own for each kind; they name weights, tables and trees by their offset in
//! [`Model::data`].

mod bytes;
mod container;
mod crc32c;
mod head;
mod model;
mod names;
mod operator;
mod records;
mod step;

pub use container::{
    SectionKind, ENTRY_SIZE, HEADER_SIZE, LABEL, MAX_SECTIONS, SKIPPABLE, VERSION_MAJOR, VERSION_MINOR,
};
pub use crc32c::{crc32c, file_checksum};
pub use head::{Head, HeadKind, HEAD_SIZE};
pub use model::Model;
pub use names::{Name, NAME_SIZE, UNIT_SIZE};
pub(crate) use operator::entries;
pub use operator::family;
pub use operator::{
    Add, Additive, Centroid, Channel, ChannelIter, Child, Clip, Concat, Conv, Dense, Distance, Entries, Leaves, Lookup,
    Mul, Operator, OperatorKind, Parameters, Pool, PoolMode, Recall, Remember, Requantize, Rescale, Reshape, Rounding,
    Scaling, Slice, Softmax, Split, Splits, SquaredError, Table, Term, Tree, TreeIter, Trees, WeightType, Weights,
    WeightsIter, Window, NO_TENSOR, OPERATOR_SIZE, TERM_SIZE,
};
pub use records::{ElementType, Feature, Record, Records, Tensor, FEATURE_SIZE, OUTCOME_SIZE, TENSOR_SIZE};
pub use step::{Step, StepKind, STEP_SIZE};

/// The most raw counters a schema may have.
pub const MAX_FEATURES: usize = 256;
/// The most steps the feature program may have.
pub const MAX_STEPS: usize = 512;
/// The most elements a tensor may have.
pub const MAX_ELEMENTS: u64 = 65_536;
/// The most operators a file may have.
pub const MAX_OPERATORS: usize = 64;
/// The most tensors a file may have: the feature program writes one, and so does every operator.
pub const MAX_TENSORS: usize = MAX_OPERATORS + 1;
/// The most outcomes a head may decide between.
pub const MAX_OUTCOMES: usize = 256;

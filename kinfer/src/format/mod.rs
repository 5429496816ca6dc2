//! Bytes ↔ views of a model file. Knows structure, not arithmetic.
//!
//! [`Model`] borrows the file: a header, a table of typed sections, and fixed-size records in each. Parsing checks that
//! every section and record is there, in bounds and of a known kind; what the records *mean* together (shapes, ranges,
//! order) is [`crate::verify()`]'s. The specification is `docs/kinf-format.md`.

mod bytes;
mod container;
mod crc32c;
mod model;
mod names;
mod operator;
mod records;

pub use container::{
    SectionKind, ENTRY_SIZE, HEADER_SIZE, LABEL, MAX_SECTIONS, SKIPPABLE, VERSION_MAJOR, VERSION_MINOR,
};
pub use crc32c::{crc32c, file_checksum};
pub use model::Model;
pub use names::{Name, NAME_SIZE, UNIT_SIZE};
pub use operator::{
    Add, Additive, Channel, Child, Clip, Concat, Conv, Dense, Distance, Leaves, Mul, Operator, OperatorKind,
    Parameters, Pool, PoolMode, Recall, Remember, Requantize, Rescale, Reshape, Rounding, Slice, Softmax, Split,
    SquaredError, Table, Tree, Trees, WeightType, Weights, NO_TENSOR, OPERATOR_SIZE,
};
pub use records::{
    ElementType, Feature, Head, HeadKind, Record, Records, Step, StepKind, Tensor, FEATURE_SIZE, HEAD_SIZE,
    OUTCOME_SIZE, STEP_SIZE, TENSOR_SIZE,
};

/// The most raw counters a schema may have.
pub const MAX_FEATURES: usize = 256;
/// The most elements a tensor may have.
pub const MAX_ELEMENTS: u64 = 65_536;
/// The most operators a file may have.
pub const MAX_OPERATORS: usize = 64;
/// The most tensors a file may have: the feature program writes one, and so does every operator.
pub const MAX_TENSORS: usize = MAX_OPERATORS + 1;
/// The most outcomes a head may decide between.
pub const MAX_OUTCOMES: usize = 256;

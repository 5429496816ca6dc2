//! Why a model is refused: one sentence that says what is wrong and where, the same from the CLI and from the kernel.

use core::fmt;

use crate::format::{OperatorKind, SectionKind};

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

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the sentences in `Display` are the documentation of each
pub enum Problem {
    NotAModel,
    Version { major: u16, minor: u16 },
    Length { says: u64, has: u64 },
    Checksum { says: u32, is: u32 },
    Reserved { offset: u32 },
    Truncated { needs: u64, has: u64 },
    UnknownSection { kind: u16 },
    Overlap { offset: u32, after: u64 },
    Misaligned { offset: u32 },
    Padding { offset: u64 },
    Duplicate,
    Missing,
    RecordSize { count: u32, size: u32, length: u32 },
    Count { is: u64, max: u64 },
    Name,
    EmptyRange,
    UnknownKind { kind: u16 },
    UnknownType { code: u8 },
    UnknownRounding { code: u8 },
    UnknownLookup { code: u8 },
    Shape,
    ZeroPoint { is: i32 },
    Scale,
    Elements { is: u64, inputs: u64 },
    Source { is: u16, values: u32 },
    Amount { what: &'static str, is: u64, max: u64 },
    Unsorted { index: u32 },
    EmptyClamp { lo: i64, hi: i64 },
    StateOverlap { at: u32, end: u64 },
    Shift { is: u8, max: u8 },
    TooLarge { what: &'static str },
    NoTensor { is: u16, tensors: u32 },
    NotYetProduced { tensor: u16 },
    WriteOrder { tensor: u16, next: u16 },
    NeverWritten,
    Shapes { input: u64, output: u64 },
    Grids,
    Rows { is: u64, elements: u64 },
    EmptySlice,
    Slice { last: u64, width: u64 },
    NotAnImage,
    ZeroWindow { what: &'static str },
    Positions { axis: u8, makes: u32, has: u32 },
    InPadding { axis: u8 },
    Groups { groups: u32, inputs: u32, outputs: u32 },
    Channels { input: u32, output: u32 },
    UnknownMode { code: u8 },
    DataEnd { what: &'static str, end: u64, length: u64 },
    NoTerms,
    TermElement { term: u32, is: u16, inputs: u64 },
    NoBins { term: u32 },
    ScoreRange { score: u32 },
    NegativeWeight { channel: u32 },
    Scales,
    Accumulator { channel: u32 },
    Multiplier { channel: u32 },
    NotAPowerOfTwo { channel: u32 },
    NegativeFactor { what: &'static str },
    UnevenFactor { what: &'static str },
    RoundsTwice,
    LookupInput { reads: &'static str },
    TableBits { what: &'static str, is: i32, max: i32 },
    Entry { index: u32 },
    Row { is: i32, elements: u64 },
    Units { is: i32 },
    Clip { lo: i32, hi: i32 },
    UnknownLeaves { code: u8 },
    TreeNodes { tree: u32, is: u32, max: u32 },
    TreeOrphan { tree: u32, node: u32 },
    TreeChildren { tree: u32, names: u32, nodes: u32 },
    TreeFeature { tree: u32, node: u32, is: u16, inputs: u32 },
    TreeMissing { tree: u32, node: u32 },
    TreeDepth { tree: u32, max: u32 },
    TreeClass { tree: u32, is: u16, from: u16, classes: u32 },
    ReadsScores { tensor: u16 },
    OneScore { head: &'static str, is: u64 },
    Top { k: u32, scores: u64 },
    Outcomes { is: u32, head: u64 },
    LowMargin,
    Budget { what: &'static str, is: u64, max: u64 },
    Inputs { is: u64, wants: u64 },
    Memory { is: u64, needs: u64 },
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::File => f.write_str("file"),
            Self::Header => f.write_str("header"),
            Self::Entry(i) => write!(f, "section table entry {i}"),
            Self::Section(kind) => write!(f, "section {}", kind.name()),
            Self::Feature(i) => write!(f, "feature {i}"),
            Self::Step(i) => write!(f, "feature program step {i}"),
            Self::Tensor(i) => write!(f, "tensor {i}"),
            Self::Operator(i, kind) => write!(f, "op {i} ({})", kind.name()),
            Self::Record(i) => write!(f, "op {i}"),
            Self::Head => f.write_str("head"),
            Self::Caller => f.write_str("caller"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAModel => f.write_str("is not a .kinf model (the label is wrong)"),
            Self::Version { major, minor } => write!(
                f,
                "format version {major}.{minor} is not one this build reads ({}.x)",
                crate::format::VERSION_MAJOR
            ),
            Self::Length { says, has } => write!(f, "says {says} bytes, the file has {has}"),
            Self::Checksum { says, is } => write!(f, "says CRC-32C {says:08x}, the file's is {is:08x}"),
            Self::Reserved { offset } => write!(f, "reserved bytes at {offset} are not zero"),
            Self::Truncated { needs, has } => write!(f, "needs {needs} bytes, the file has {has}"),
            Self::UnknownSection { kind } => write!(f, "section kind {kind} is critical and not known to this build"),
            Self::Overlap { offset, after } => {
                write!(f, "starts at {offset}, inside what ends at {after}")
            }
            Self::Misaligned { offset } => write!(f, "starts at {offset}, which is not a multiple of 8"),
            Self::Padding { offset } => write!(f, "padding before {offset} is over 7 bytes or not zero"),
            Self::Duplicate => f.write_str("is there twice"),
            Self::Missing => f.write_str("is missing"),
            Self::RecordSize { count, size, length } => {
                write!(f, "{count} records of {size} bytes do not make {length} bytes")
            }
            Self::Count { is, max } => write!(f, "has {is} records, 1 to {max} are allowed"),
            Self::Name => f.write_str("a name or unit is empty, not ASCII, or not padded with zero bytes"),
            Self::EmptyRange => f.write_str("the range seen in calibration is empty (lo is above hi)"),
            Self::UnknownKind { kind } => write!(f, "kind {kind} is not known to this build"),
            Self::UnknownType { code } => write!(f, "element type {code} is not known to this build"),
            Self::UnknownRounding { code } => write!(f, "rounding {code} is not known to this build"),
            Self::UnknownLookup { code } => write!(f, "look-up {code} is not known to this build"),
            Self::Shape => f.write_str("the rank is not 1 to 4, or a dimension is zero or too large"),
            Self::ZeroPoint { is } => write!(f, "zero point {is} is outside the element type"),
            Self::Scale => f.write_str("the scale is zero"),
            Self::Elements { is, inputs } => write!(f, "makes {is} elements, the input tensor has {inputs}"),
            Self::Source { is, values } => write!(f, "reads value {is}, there are {values} before it"),
            Self::Amount { what, is, max } => write!(f, "{what} {is} is not 1 to {max}"),
            Self::Unsorted { index } => write!(f, "threshold {index} is below the one before it"),
            Self::EmptyClamp { lo, hi } => write!(f, "clamp range {lo}..{hi} is empty"),
            Self::StateOverlap { at, end } => write!(f, "state begins at word {at}, inside what ends at word {end}"),
            Self::Shift { is, max } => write!(f, "shift {is} is over {max}"),
            Self::TooLarge { what } => write!(f, "the {what} is too large for exact arithmetic"),
            Self::NoTensor { is, tensors } => write!(f, "names tensor {is}, the file has {tensors}"),
            Self::NotYetProduced { tensor } => write!(f, "reads tensor {tensor} before anything writes it"),
            Self::WriteOrder { tensor, next } => write!(f, "writes tensor {tensor}, the next one is {next}"),
            Self::NeverWritten => f.write_str("nothing writes it"),
            Self::Shapes { input, output } => {
                write!(f, "input of {input} and output of {output} elements do not fit this operator")
            }
            Self::Grids => f.write_str("its tensors differ in element type, scale or zero point"),
            Self::Rows { is, elements } => write!(f, "{elements} elements do not make {is} rows"),
            Self::EmptySlice => f.write_str("takes no elements, or the same one again and again"),
            Self::Slice { last, width } => write!(f, "takes element {last} of rows of {width}, numbered from 0"),
            Self::NotAnImage => f.write_str("its tensors are not both [height, width, channels]"),
            Self::ZeroWindow { what } => write!(f, "the {what} is zero"),
            Self::Positions { axis, makes, has } => {
                write!(f, "the window has {makes} positions along axis {axis}, the output tensor {has}")
            }
            Self::InPadding { axis } => write!(f, "a window along axis {axis} could lie in the padding alone"),
            Self::Groups { groups, inputs, outputs } => {
                write!(f, "{groups} groups do not divide {inputs} input and {outputs} output channels")
            }
            Self::Channels { input, output } => write!(f, "makes {input} channels, the output tensor has {output}"),
            Self::UnknownMode { code } => write!(f, "mode {code} is not known to this build"),
            Self::DataEnd { what, end, length } => {
                write!(f, "{what} end at byte {end}, section data has {length}")
            }
            Self::NoTerms => f.write_str("it has no terms"),
            Self::TermElement { term, is, inputs } => {
                write!(f, "term {term} reads element {is}, the input has {inputs}")
            }
            Self::NoBins { term } => write!(f, "term {term} has no bins"),
            Self::ScoreRange { score } => {
                write!(f, "score {score} could leave the output's element type")
            }
            Self::NegativeWeight { channel } => write!(f, "a weight of channel {channel} is negative"),
            Self::Scales => f.write_str("its two inputs differ in scale"),
            Self::Accumulator { channel } => write!(f, "the accumulator of channel {channel} could overflow"),
            Self::Multiplier { channel } => write!(f, "the multiplier of channel {channel} is negative"),
            Self::NotAPowerOfTwo { channel } => {
                write!(f, "the multiplier of channel {channel} is not 1, which rounding by shift asks for")
            }
            Self::NegativeFactor { what } => write!(f, "the {what} is negative"),
            Self::UnevenFactor { what } => {
                write!(f, "the {what} is not a power of two, which rounding by shift asks for")
            }
            Self::RoundsTwice => f.write_str("rounding tflite-double has no meaning for a sum"),
            Self::LookupInput { reads } => {
                write!(f, "reads {reads}: a direct look-up takes int8, an interpolated one int16")
            }
            Self::TableBits { what, is, max } => write!(f, "the table's {what} are {is}, 0 to {max} are allowed"),
            Self::Entry { index } => write!(f, "entry {index} of the table is outside its range"),
            Self::Row { is, elements } => write!(f, "rows of {is} do not divide {elements} elements"),
            Self::Units { is } => write!(f, "one is {is} units of the output, 1 to 2147483647 are allowed"),
            Self::Clip { lo, hi } => write!(f, "clip range {lo}..{hi} is empty or outside the output's element type"),
            Self::UnknownLeaves { code } => write!(f, "form of leaves {code} is not known to this build"),
            Self::TreeNodes { tree, is, max } => write!(f, "tree {tree} has {is} nodes, at most {max} are allowed"),
            Self::TreeOrphan { tree, node } => write!(f, "tree {tree}: node {node} is no node's child"),
            Self::TreeChildren { tree, names, nodes } => {
                write!(f, "tree {tree}: the children lead to {names} nodes, it has {nodes}")
            }
            Self::TreeFeature { tree, node, is, inputs } => {
                write!(f, "tree {tree}: node {node} reads element {is} of an input of {inputs}")
            }
            Self::TreeMissing { tree, node } => {
                write!(f, "tree {tree}: node {node} sends missing values right, where none are or nothing goes left")
            }
            Self::TreeDepth { tree, max } => write!(f, "tree {tree} is deeper than {max}"),
            Self::TreeClass { tree, is, from, classes } => {
                write!(f, "tree {tree} is of class {is}, from {from} on and below {classes} it could be")
            }
            Self::ReadsScores { tensor } => {
                write!(f, "reads tensor {tensor} of int32 scores, which this operator cannot")
            }
            Self::OneScore { head, is } => write!(f, "{head} takes one score, the tensor has {is}"),
            Self::Top { k, scores } => write!(f, "top {k} of {scores} scores: it takes at least 1, and fewer than all"),
            Self::Outcomes { is, head } => write!(f, "decides between {head} outcomes, the file names {is}"),
            Self::LowMargin => f.write_str("the low-margin bound is negative"),
            Self::Budget { what, is, max } => write!(f, "{what} {is} over the budget of {max}"),
            Self::Inputs { is, wants } => write!(f, "passes {is} features, the model takes {wants}"),
            Self::Memory { is, needs } => write!(f, "gives {is} bytes of memory, the model needs {needs}"),
        }
    }
}

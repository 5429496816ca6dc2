//! What can be wrong.

use crate::format::ElementType;

/// What is wrong. Three words: every step of reading and proving hands one back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the sentences of `sentence.rs` are the documentation of each
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
    Amount { what: What, is: u64, max: u64 },
    Unsorted { index: u32 },
    EmptyClamp { lo: i64, hi: i64 },
    StateOverlap { at: u32, end: u64 },
    Shift { is: u8, max: u8 },
    TooLarge { what: What },
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
    ZeroWindow { what: What },
    Positions { axis: u8, makes: u32, has: u32 },
    InPadding { axis: u8 },
    Groups { groups: u32, inputs: u32, outputs: u32 },
    Channels { input: u32, output: u32 },
    UnknownMode { code: u8 },
    DataEnd { what: What, end: u64, length: u64 },
    NoTerms,
    TermElement { term: u32, is: u16, inputs: u64 },
    NoBins { term: u32 },
    ScoreRange { score: u32 },
    NegativeWeight { channel: u32 },
    Scales,
    Accumulator { channel: u32 },
    Multiplier { channel: u32 },
    NotAPowerOfTwo { channel: u32 },
    NegativeFactor { what: What },
    UnevenFactor { what: What },
    RoundsTwice,
    LookupInput { reads: ElementType },
    TableBits { what: What, is: i32, max: i32 },
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
    OneScore { head: What, is: u64 },
    Top { k: u32, scores: u64 },
    Outcomes { is: u32, head: u64 },
    LowMargin,
    Budget { what: What, is: u64, max: u64 },
    Inputs { is: u64, wants: u64 },
    Memory { is: u64, needs: u64 },
}

macro_rules! whats {
    ($($what:ident = $name:literal,)+) => {
        /// What a [`Problem`] is about, where several things can have it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs)] // the names are the documentation of each
        pub enum What {
            $($what,)+
        }

        /// The names, by [`What`].
        static NAMES: &[&str] = &[$($name,)+];
    };
}

whats! {
    FileBytes = "file bytes",
    PackedBytes = "packed bytes",
    ScratchBytes = "scratch bytes",
    StateBytes = "state bytes",
    Operations = "operations",
    LookUps = "look-ups",
    Kernel = "kernel",
    Stride = "stride",
    Dilation = "dilation",
    GroupCount = "number of groups",
    SampleWeight = "weight of a sample",
    HistoryLength = "length of the history",
    ThresholdCount = "number of thresholds",
    ElementCount = "number of elements",
    DigitCount = "number of digits",
    Thresholds = "thresholds",
    Sum = "sum",
    Input = "input",
    Product = "product",
    Multiplier = "multiplier",
    Bias = "bias",
    RoundedValue = "value that tflite-double rounds",
    MultiplierAbove = "multiplier above the zero point",
    MultiplierBelow = "multiplier below the zero point",
    FirstMultiplier = "first multiplier",
    SecondMultiplier = "second multiplier",
    SegmentBits = "segment bits",
    FractionBits = "fraction bits",
    Weights = "weights",
    Biases = "biases",
    Multipliers = "multipliers",
    Shifts = "shifts",
    Trees = "trees",
    Nodes = "nodes",
    LeafValues = "leaf values",
    Bases = "bases",
    Terms = "terms",
    Tables = "tables",
    Entries = "entries",
    Centroids = "centroids",
    Threshold = "a threshold",
    Anomaly = "an anomaly",
    Value = "a value",
    Int8 = "int8",
    Int16 = "int16",
    Int32 = "int32",
}

impl What {
    pub(super) const fn element(element: ElementType) -> Self {
        match element {
            ElementType::I8 => Self::Int8,
            ElementType::I16 => Self::Int16,
            ElementType::I32 => Self::Int32,
        }
    }

    /// The name with this number, for sentences.
    pub(super) fn name(number: u64) -> &'static str {
        NAMES.get(number as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn a_problem_is_three_words() {
        assert_eq!(size_of::<Problem>(), 24);
    }
}

//! The model as a view over a file.

use super::container::{Container, SectionKind};
use super::head::Head;
use super::names::Name;
use super::operator::Operator;
use super::records::{Feature, Record, Records, Tensor};
use super::step::Step;
use super::{MAX_FEATURES, MAX_OPERATORS, MAX_OUTCOMES, MAX_STEPS, MAX_TENSORS};
use crate::error::Result;

/// A parsed model file, borrowed.
///
/// # Invariants
///
/// Every section that must be there is, every record has been read once without an error, and counts are within the
/// format's limits. Nothing is said about what the records mean together: that is [`crate::verify()`]'s.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    file: &'a [u8],
    checksum: u32,
    features: Records<'a, Feature<'a>>,
    program: Records<'a, Step>,
    tensors: Records<'a, Tensor>,
    operators: Records<'a, Operator>,
    data: &'a [u8],
    head: Head,
    outcomes: Records<'a, Name<'a>>,
    provenance: &'a [u8],
}

impl<'a> Model<'a> {
    /// Reads a model file.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, in the order of the file: header, checksum, section table, records.
    #[cfg_attr(kinfer_module, optimize(size))]
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        use SectionKind as Kind;
        let container = Container::parse(file)?;
        let heads = Records::<Head>::parse(&container, Kind::Head, 1)?;
        Ok(Self {
            file,
            checksum: container.checksum,
            features: Records::parse(&container, Kind::Schema, MAX_FEATURES)?,
            program: Records::parse(&container, Kind::Program, MAX_STEPS)?,
            tensors: Records::parse(&container, Kind::Tensors, MAX_TENSORS)?,
            operators: Records::parse(&container, Kind::Operators, MAX_OPERATORS)?,
            data: container.section(Kind::Data)?.bytes,
            head: match heads.get(0) {
                Some(head) => head,
                None => Head::read(0, &[])?, // `Records` has at least one
            },
            outcomes: Records::parse(&container, Kind::Outcomes, MAX_OUTCOMES)?,
            provenance: container.find(Kind::Provenance).map_or(&[], |section| section.bytes),
        })
    }

    /// The whole file.
    pub const fn file(&self) -> &'a [u8] {
        self.file
    }

    /// CRC-32C of the file: a short name for this very model.
    pub const fn checksum(&self) -> u32 {
        self.checksum
    }

    /// The schema: raw counters in the order the caller passes them.
    pub const fn features(&self) -> Records<'a, Feature<'a>> {
        self.features
    }

    /// The feature program.
    pub const fn program(&self) -> Records<'a, Step> {
        self.program
    }

    /// The activations' tensors; tensor 0 is the feature program's output.
    pub const fn tensors(&self) -> Records<'a, Tensor> {
        self.tensors
    }

    /// The operators, in the order they run.
    pub const fn operators(&self) -> Records<'a, Operator> {
        self.operators
    }

    /// Weights, biases, multipliers, tables, trees, thresholds: what records name by offset.
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The decision head.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Names of the outcomes, by class.
    pub const fn outcomes(&self) -> Records<'a, Name<'a>> {
        self.outcomes
    }

    /// `key: value` lines about where the model is from; empty when the file has none. Not checked to be UTF-8.
    pub const fn provenance(&self) -> &'a [u8] {
        self.provenance
    }
}

//! The container: header and section table.

use super::bytes::{is_zero, u16_at, u32_at, u64_at};
use super::crc32c::file_checksum;
use crate::error::{Error, Place, Problem, Result};
use crate::iter::{chunks, numbered};

/// First eight bytes of every file. The line ends catch text-mode transfers, as PNG's do.
pub const LABEL: [u8; 8] = *b"KINF\r\n\x1a\n";
/// Files of another major version are refused.
pub const VERSION_MAJOR: u16 = 1;
/// A newer minor version adds skippable sections only.
pub const VERSION_MINOR: u16 = 0;
/// Bytes of the header.
pub const HEADER_SIZE: usize = 32;
/// Bytes of an entry of the section table.
pub const ENTRY_SIZE: usize = 24;
/// The most sections a file may have.
pub const MAX_SECTIONS: u32 = 16;
/// Flag of a section that a reader who does not know it may skip.
pub const SKIPPABLE: u16 = 1;

pub(super) const CHECKSUM_OFFSET: usize = 24;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum SectionKind {
    /// Raw counters: names, units, ranges seen in calibration.
    Schema = 1,
    /// The feature program: raw counters → quantised inputs.
    Program = 2,
    /// Shapes, element types and quantisation of the activations.
    Tensors = 3,
    /// Operators in the order they run.
    Operators = 4,
    /// Weights, biases, multipliers, tables, trees, thresholds: bytes that records name by offset.
    Data = 5,
    /// The decision head.
    Head = 6,
    /// Names of the outcomes.
    Outcomes = 7,
    /// Where the model is from: `key: value` lines of UTF-8. Skippable, never interpreted by the kernel.
    Provenance = 8,
}

impl SectionKind {
    /// The section's name in messages and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Program => "program",
            Self::Tensors => "tensors",
            Self::Operators => "operators",
            Self::Data => "data",
            Self::Head => "head",
            Self::Outcomes => "outcomes",
            Self::Provenance => "provenance",
        }
    }

    const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            1 => Self::Schema,
            2 => Self::Program,
            3 => Self::Tensors,
            4 => Self::Operators,
            5 => Self::Data,
            6 => Self::Head,
            7 => Self::Outcomes,
            8 => Self::Provenance,
            _ => return None,
        })
    }
}

/// A section: its bytes and how many records it says it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    pub(super) count: u32,
    pub(super) bytes: &'a [u8],
}

/// The sections of a file whose container is sound, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Container<'a> {
    /// CRC-32C of the file, which is what its header says.
    pub(super) checksum: u32,
    sections: [Option<Section<'a>>; 8],
}

impl<'a> Container<'a> {
    /// Checks header, checksum and table, in that order.
    #[cfg_attr(kinfer_module, optimize(size))]
    pub(super) fn parse(file: &'a [u8]) -> Result<Self> {
        let entries = check_header(file)?;
        let table_end = (HEADER_SIZE as u64).wrapping_add((ENTRY_SIZE as u64).wrapping_mul(u64::from(entries)));
        let has = file.len() as u64;
        if table_end > has {
            return Err(Error::new(Place::Header, Problem::Truncated { needs: table_end, has }));
        }

        let mut container = Self { checksum: u32_at(file, CHECKSUM_OFFSET), ..Self::default() };
        let mut end = table_end;
        let table = file.get(HEADER_SIZE..).unwrap_or(&[]);
        for (number, entry) in numbered(chunks(table, ENTRY_SIZE)).take(entries as usize) {
            end = container.add(file, Place::Entry(number), entry, end)?;
        }
        if end != has {
            return Err(Error::new(Place::File, Problem::Length { says: end, has }));
        }
        Ok(container)
    }

    /// A section that must be there.
    #[inline(never)]
    pub(super) fn section(&self, kind: SectionKind) -> Result<Section<'a>> {
        self.find(kind).ok_or(Error::new(Place::Section(kind), Problem::Missing))
    }

    /// A section that may be absent.
    pub(super) fn find(&self, kind: SectionKind) -> Option<Section<'a>> {
        self.sections.get((kind as usize).wrapping_sub(1)).copied().flatten()
    }

    #[cfg_attr(kinfer_module, optimize(size))]
    fn add(&mut self, file: &'a [u8], place: Place, entry: &[u8], after: u64) -> Result<u64> {
        let (code, flags) = (u16_at(entry, 0), u16_at(entry, 2));
        let (count, offset, length) = (u32_at(entry, 4), u32_at(entry, 8), u32_at(entry, 12));
        if flags & !SKIPPABLE != 0 || !is_zero(entry, 16, ENTRY_SIZE) {
            return Err(Error::new(place, Problem::Reserved { offset: if flags & !SKIPPABLE != 0 { 2 } else { 16 } }));
        }
        if offset % 8 != 0 {
            return Err(Error::new(place, Problem::Misaligned { offset }));
        }
        let start = u64::from(offset);
        if start < after {
            return Err(Error::new(place, Problem::Overlap { offset, after }));
        }
        let needs = start.wrapping_add(u64::from(length)); // both come from u32
        let has = file.len() as u64;
        let bytes = file
            .get(offset as usize..)
            .and_then(|tail| tail.get(..length as usize))
            .ok_or(Error::new(place, Problem::Truncated { needs, has }))?;
        let padding = file.get(after as usize..offset as usize).unwrap_or(&[]);
        if padding.len() > 7 || padding.iter().any(|&byte| byte != 0) {
            return Err(Error::new(place, Problem::Padding { offset: start }));
        }

        match SectionKind::from_code(code) {
            Some(kind) => {
                let slot = self.sections.get_mut((kind as usize).wrapping_sub(1));
                match slot {
                    Some(slot @ None) => *slot = Some(Section { count, bytes }),
                    _ => return Err(Error::new(Place::Section(kind), Problem::Duplicate)),
                }
            }
            None if flags & SKIPPABLE != 0 => {}
            None => return Err(Error::new(place, Problem::UnknownSection { kind: code })),
        }
        Ok(needs)
    }
}

/// Number of sections, once label, version, length, checksum and reserved bytes are right.
#[cfg_attr(kinfer_module, optimize(size))]
fn check_header(file: &[u8]) -> Result<u32> {
    let refuse = |problem| Err(Error::new(Place::Header, problem));
    let has = file.len() as u64;
    let Some(header) = file.first_chunk::<HEADER_SIZE>() else {
        return if file.starts_with(&LABEL) {
            refuse(Problem::Truncated { needs: HEADER_SIZE as u64, has })
        } else {
            refuse(Problem::NotAModel)
        };
    };
    if !header.starts_with(&LABEL) {
        return refuse(Problem::NotAModel);
    }
    let (major, minor) = (u16_at(header, 8), u16_at(header, 10));
    if major != VERSION_MAJOR {
        return refuse(Problem::Version { major, minor });
    }
    let says = u64_at(header, 16);
    if says != has {
        return refuse(Problem::Length { says, has });
    }
    let (says, is) = (u32_at(header, CHECKSUM_OFFSET), file_checksum(file));
    if says != is {
        return refuse(Problem::Checksum { says, is });
    }
    if !is_zero(header, 28, HEADER_SIZE) {
        return refuse(Problem::Reserved { offset: 28 });
    }
    let sections = u32_at(header, 12);
    if sections == 0 || sections > MAX_SECTIONS {
        return refuse(Problem::Count { is: u64::from(sections), max: u64::from(MAX_SECTIONS) });
    }
    Ok(sections)
}

//! Fixed-size records: features, tensors.

use core::marker::PhantomData;

use fixed::types::U32F96;

use super::bytes::{at, i32_at, i64_at, is_zero, u128_at, u8_at};
use super::container::{Container, Section, SectionKind};
use super::head::Head;
use super::names::{Name, NAME_SIZE, UNIT_SIZE};
use super::operator::Operator;
use super::step::Step;
use super::MAX_ELEMENTS;
use crate::error::{Error, Place, Problem, Result};
use crate::iter::{chunks, numbered};

/// Bytes of a [`Feature`] record.
pub const FEATURE_SIZE: usize = NAME_SIZE + UNIT_SIZE + 16;
/// Bytes of a [`Tensor`] record.
pub const TENSOR_SIZE: usize = 40;
/// Bytes of an outcome's name.
pub const OUTCOME_SIZE: usize = NAME_SIZE;

/// A record that can be read from `SIZE` bytes.
pub trait Record<'a>: Sized {
    /// Bytes of one record.
    const SIZE: usize;

    /// Reads record `index`; refuses unknown kinds, reserved bits and fields outside their own range.
    fn read(index: u32, bytes: &'a [u8]) -> Result<Self>;
}

/// The records of a section, all of which have been read once without an error.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a, R> {
    bytes: &'a [u8],
    record: PhantomData<R>,
}

impl<'a, R: Record<'a>> Records<'a, R> {
    pub(super) fn parse(container: &Container<'a>, kind: SectionKind, max: usize) -> Result<Self> {
        let bytes = check(container, kind, max, R::SIZE)?;
        Ok(Self { bytes, record: PhantomData })
    }

    /// How many there are: at least one.
    pub fn len(&self) -> usize {
        self.bytes.len().checked_div(R::SIZE).unwrap_or(0)
    }

    /// Never: a section without records is refused.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Record `index`, if there is one.
    #[inline(never)]
    #[cfg_attr(kinfer_module, optimize(size))]
    pub fn get(&self, index: usize) -> Option<R> {
        let bytes = self.bytes.get(index.saturating_mul(R::SIZE)..)?.get(..R::SIZE)?;
        R::read(index as u32, bytes).ok()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = R> + use<'a, R> {
        let (records, mut index) = (Self { bytes: self.bytes, record: PhantomData }, 0usize);
        core::iter::from_fn(move || {
            let record = records.get(index)?;
            index = index.wrapping_add(1);
            Some(record)
        })
    }
}

/// Reads every record of a section; its bytes. One function for all kinds of records.
#[inline(never)]
#[cfg_attr(kinfer_module, optimize(size))]
fn check<'a>(container: &Container<'a>, kind: SectionKind, max: usize, size: usize) -> Result<&'a [u8]> {
    let place = Place::Section(kind);
    let Section { count, bytes } = container.section(kind)?;
    let needs = u64::from(count).wrapping_mul(size as u64);
    if needs != bytes.len() as u64 {
        let (size, length) = (size as u32, bytes.len() as u32);
        return Err(Error::new(place, Problem::RecordSize { count, size, length }));
    }
    if count == 0 || count as usize > max {
        return Err(Error::new(place, Problem::Count { is: u64::from(count), max: max as u64 }));
    }
    for (index, record) in numbered(chunks(bytes, size)) {
        match kind {
            SectionKind::Schema => _ = Feature::read(index, record)?,
            SectionKind::Program => _ = Step::read(index, record)?,
            SectionKind::Tensors => _ = Tensor::read(index, record)?,
            SectionKind::Operators => _ = Operator::read(index, record)?,
            SectionKind::Head => _ = Head::read(index, record)?,
            SectionKind::Outcomes => _ = Name::read(index, record)?,
            SectionKind::Data | SectionKind::Provenance => {} // bytes
        }
    }
    Ok(bytes)
}

/// A raw counter: what the caller passes, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature<'a> {
    /// The counter's name.
    pub name: Name<'a>,
    /// Its unit, for people and for schema checks.
    pub unit: Name<'a>,
    /// Smallest value seen in calibration; below it a decision carries the out-of-range flag.
    pub lo: i64,
    /// Largest value seen in calibration.
    pub hi: i64,
}

impl<'a> Record<'a> for Feature<'a> {
    const SIZE: usize = FEATURE_SIZE;

    #[cfg_attr(kinfer_module, optimize(size))]
    fn read(index: u32, bytes: &'a [u8]) -> Result<Self> {
        let place = Place::Feature(index);
        let refuse = |problem| Error::new(place, problem);
        let (name, rest) = bytes.split_at_checked(NAME_SIZE).ok_or(refuse(Problem::Name))?;
        let (unit, range) = rest.split_at_checked(UNIT_SIZE).ok_or(refuse(Problem::Name))?;
        let (lo, hi) = (i64_at(range, 0), i64_at(range, 8));
        if lo > hi {
            return Err(refuse(Problem::EmptyRange));
        }
        Ok(Self { name: Name::parse(name).map_err(refuse)?, unit: Name::parse(unit).map_err(refuse)?, lo, hi })
    }
}

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 8-bit signed.
    I8,
    /// 16-bit signed.
    I16,
    /// 32-bit signed: scores only, no operator multiplies it.
    I32,
}

impl ElementType {
    /// Smallest and largest value.
    pub const fn range(self) -> (i32, i32) {
        match self {
            Self::I8 => (i8::MIN as i32, i8::MAX as i32),
            Self::I16 => (i16::MIN as i32, i16::MAX as i32),
            Self::I32 => (i32::MIN, i32::MAX),
        }
    }

    /// Bytes of one value in the data section.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 => 4,
        }
    }

    /// The name in messages and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
        }
    }

    fn from_code(code: u8) -> core::result::Result<Self, Problem> {
        Ok(match code {
            1 => Self::I8,
            2 => Self::I16,
            3 => Self::I32,
            _ => return Err(Problem::UnknownType { code }),
        })
    }
}

/// A tensor of activations: real = scale · (q − zero_point), as in ONNX QuantizeLinear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Type of the elements.
    pub element: ElementType,
    /// Dimensions; those past the rank are 1.
    pub dims: [u32; 4],
    /// The quantised value of real zero.
    pub zero_point: i32,
    /// Real size of one quantised unit.
    pub scale: U32F96,
}

impl Tensor {
    /// Elements: the product of the dimensions, at most [`MAX_ELEMENTS`].
    #[inline(never)]
    pub fn elements(&self) -> u64 {
        self.dims.iter().fold(1, |n: u64, &d| n.saturating_mul(u64::from(d)))
    }

    /// Height and width, of an image.
    pub const fn size(&self) -> [u32; 2] {
        let [height, width, ..] = self.dims;
        [height, width]
    }

    /// Channels, of an image `[height, width, channels]`.
    pub const fn channels(&self) -> u32 {
        let [_, _, channels, _] = self.dims;
        channels
    }
}

impl Record<'_> for Tensor {
    const SIZE: usize = TENSOR_SIZE;

    fn read(index: u32, bytes: &[u8]) -> Result<Self> {
        let refuse = |problem| Error::new(Place::Tensor(index), problem);
        let element = ElementType::from_code(u8_at(bytes, 0)).map_err(refuse)?;
        let rank = u8_at(bytes, 1);
        if !is_zero(bytes, 2, 4) {
            return Err(refuse(Problem::Reserved { offset: 2 }));
        }
        let raw: [u32; 4] = [4, 8, 12, 16].map(|offset| u32::from_le_bytes(at(bytes, offset)));
        let mut dims = [1; 4];
        for (axis, (dim, &raw)) in (0u8..4).zip(dims.iter_mut().zip(raw.iter())) {
            let used = axis < rank;
            if rank == 0 || rank > 4 || (used && raw == 0) || (!used && raw != 0) {
                return Err(refuse(Problem::Shape));
            }
            *dim = if used { raw } else { 1 };
        }
        let zero_point = i32_at(bytes, 20);
        let (lo, hi) = element.range();
        if zero_point < lo || zero_point > hi {
            return Err(refuse(Problem::ZeroPoint { is: zero_point }));
        }
        let scale = U32F96::from_bits(u128_at(bytes, 24));
        if scale == U32F96::ZERO {
            return Err(refuse(Problem::Scale));
        }
        let tensor = Self { element, dims, zero_point, scale };
        if tensor.elements() > MAX_ELEMENTS {
            return Err(refuse(Problem::Shape));
        }
        Ok(tensor)
    }
}

impl<'a> Record<'a> for Name<'a> {
    const SIZE: usize = OUTCOME_SIZE;

    fn read(_: u32, bytes: &'a [u8]) -> Result<Self> {
        Self::parse(bytes).map_err(|problem| Error::new(Place::Section(SectionKind::Outcomes), problem))
    }
}

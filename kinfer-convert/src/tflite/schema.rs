//! The tables of a TensorFlow Lite file (schema version 3) that the reader needs, by the numbers of their fields.

use super::error::{Error, Result};
use super::flatbuffer::{Table, Tables, Vector};
use super::names;

/// The schema's version.
const VERSION: u32 = 3;

/// Ranks above this are not read; no operator here has more.
const MAX_RANK: usize = 8;

/// A file with one subgraph.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    codes: Tables<'a>,
    buffers: Tables<'a>,
    tensors: Tables<'a>,
    operators: Tables<'a>,
    pub(super) inputs: Vector<'a, 4>,
    pub(super) outputs: Vector<'a, 4>,
}

/// Type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Float32,
    Int32,
    Uint8,
    Int64,
    Int16,
    Int8,
    /// Any other, by its code.
    Other(u8),
}

/// A tensor as the file has it.
#[derive(Clone, Debug)]
pub(super) struct Tensor<'a> {
    pub(super) index: usize,
    pub(super) name: String,
    /// No dimension is zero.
    pub(super) shape: Vec<u32>,
    pub(super) element: Type,
    /// Contents of a constant.
    pub(super) data: Option<&'a [u8]>,
    scales: Vector<'a, 4>,
    zero_points: Vector<'a, 8>,
    axis: i32,
}

/// A node of the graph.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) index: usize,
    pub(super) code: i32,
    /// The operator's name, of a custom one its own.
    pub(super) name: String,
    pub(super) inputs: Vector<'a, 4>,
    pub(super) outputs: Vector<'a, 4>,
    options: Option<Table<'a>>,
}

/// Scale and zero point of a whole tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    /// Finite and above zero.
    pub(super) scale: f32,
    pub(super) zero_point: i32,
}

impl<'a> File<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let model = Table::root(bytes, *b"TFL3")?;
        let version = model.u32(0)?;
        if version != VERSION {
            return Err(Error::model(
                format!("the file has version {version} of the schema"),
                "version 3 is read: convert the model with a TensorFlow of 2017 or later",
            ));
        }
        let subgraphs = model.tables(2)?;
        let (Some(graph), 1) = (subgraphs.get(0)?, subgraphs.len()) else {
            return Err(Error::model(
                format!("the file has {} subgraphs", subgraphs.len()),
                "convert one signature, without control flow, into a file of its own",
            ));
        };
        Ok(Self {
            codes: model.tables(1)?,
            buffers: model.tables(4)?,
            tensors: graph.tables(0)?,
            operators: graph.tables(3)?,
            inputs: graph.vector(1)?,
            outputs: graph.vector(2)?,
        })
    }

    pub(super) fn operators(&self) -> usize {
        self.operators.len()
    }

    /// Operator `index`, which exists.
    pub(super) fn node(&self, index: usize) -> Result<Node<'a>> {
        let damaged = |what| Error::Damaged { what, at: index };
        let operator = self.operators.get(index)?.ok_or(damaged("an operator is missing"))?;
        let code = self.codes.get(operator.u32(0)? as usize)?.ok_or(damaged("an operator has no code"))?;
        // Codes from 127 on are in a field of 32 bits that older files lack.
        let number = code.i32(3, 0)?.max(i32::from(code.u8(0)?.cast_signed()));
        let custom = printable(code.vector(1)?);
        let name = if custom.is_empty() { names::operator(number) } else { format!("custom {custom}") };
        let (inputs, outputs) = (operator.vector(1)?, operator.vector(2)?);
        Ok(Node { index, code: number, name, inputs, outputs, options: operator.table(4)? })
    }

    /// Tensor `index`.
    pub(super) fn tensor(&self, index: usize) -> Result<Tensor<'a>> {
        let Some(table) = self.tensors.get(index)? else {
            return Err(Error::model(
                format!("tensor {index} of {} is named", self.tensors.len()),
                "the file is damaged: convert the model again",
            ));
        };
        let name = printable(table.vector(3)?);
        let refuse =
            |what: String, advice: &str| Error::Tensor { index, name: name.clone(), what, advice: advice.into() };
        let dims = table.vector::<4>(0)?;
        let shape: Option<Vec<u32>> = dims
            .iter()
            .take(MAX_RANK + 1)
            .map(|dim| u32::try_from(i32::from_le_bytes(dim)).ok().filter(|&dim| dim > 0))
            .collect();
        let shape = shape.filter(|shape| shape.len() <= MAX_RANK);
        let advice = "give every dimension a fixed size from 1 on, the batch 1, and at most 8 of them";
        let shape = shape.ok_or_else(|| refuse("its dimensions are not read".into(), advice))?;
        if table.table(6)?.is_some() {
            return Err(refuse("is sparse".into(), "convert the model without sparse weights"));
        }
        if table.u8(5)? != 0 {
            return Err(refuse(
                "is a variable, which keeps its value from one run to the next".into(),
                "convert a model without state",
            ));
        }
        let quantization = table.table(4)?;
        let element = match table.u8(1)? {
            0 => Type::Float32,
            2 => Type::Int32,
            3 => Type::Uint8,
            4 => Type::Int64,
            7 => Type::Int16,
            9 => Type::Int8,
            code => Type::Other(code),
        };
        let data = self.data(table.u32(2)? as usize)?;
        let (scales, zero_points, axis) = match quantization {
            Some(table) => (table.vector(2)?, table.vector(3)?, table.i32(6, 0)?),
            None => Default::default(),
        };
        Ok(Tensor { index, name, shape, element, data, scales, zero_points, axis })
    }

    /// Contents of a buffer; nothing of an empty one, which belongs to no constant.
    fn data(&self, buffer: usize) -> Result<Option<&'a [u8]>> {
        if buffer == 0 {
            return Ok(None);
        }
        let Some(table) = self.buffers.get(buffer)? else {
            return Err(Error::model(
                format!("buffer {buffer} of {} is named", self.buffers.len()),
                "the file is damaged: convert the model again",
            ));
        };
        if table.u64(1)? > 1 {
            return Err(Error::model(
                format!("buffer {buffer} lies behind the FlatBuffers structure"),
                "files above 2 GiB are not read, nor is anything near that size fit for a kernel",
            ));
        }
        Ok(Some(table.vector::<1>(0)?.bytes()).filter(|data| !data.is_empty()))
    }
}

impl<'a> Node<'a> {
    /// What is wrong with it, as an error.
    pub(super) fn refuse(&self, what: impl Into<String>, advice: impl Into<String>) -> Error {
        let name = self.name.clone();
        Error::Operator { index: self.index, name, what: what.into(), advice: advice.into() }
    }

    /// A field of one byte of its options.
    pub(super) fn byte(&self, field: usize) -> Result<u8> {
        self.options.map_or(Ok(0), |options| options.u8(field))
    }

    /// A field of 32 bits of its options.
    pub(super) fn number(&self, field: usize, default: i32) -> Result<i32> {
        self.options.map_or(Ok(default), |options| options.i32(field, default))
    }

    /// A real number of its options.
    pub(super) fn real(&self, field: usize) -> Result<f32> {
        self.options.map_or(Ok(0.0), |options| options.f32(field))
    }
}

impl Tensor<'_> {
    pub(super) fn refuse(&self, what: impl Into<String>, advice: impl Into<String>) -> Error {
        Error::Tensor { index: self.index, name: self.name.clone(), what: what.into(), advice: advice.into() }
    }

    /// Elements: the product of the dimensions, which is above what the core takes wherever it saturates.
    pub(super) fn elements(&self) -> u64 {
        self.shape.iter().fold(1, |all: u64, &dim| all.saturating_mul(dim.into()))
    }

    /// Scale and zero point of the whole tensor.
    pub(super) fn grid(&self) -> Result<Grid> {
        if self.scales.len() != 1 || self.zero_points.len() > 1 {
            let advice = "quantise the whole model, activations included (post-training integer quantisation)";
            return Err(self.refuse(format!("has {} scales, an activation has one", self.scales.len()), advice));
        }
        let scale = self.scales(1)?.first().copied().unwrap_or_default();
        let zero_point = self.zero_points.get(0).map_or(0, i64::from_le_bytes);
        let (lo, hi) = match self.element {
            Type::Int8 => (-128, 127),
            Type::Uint8 => (0, 255),
            Type::Int16 => (-32_768, 32_767),
            _ => (0, 0),
        };
        match i32::try_from(zero_point) {
            Ok(zero_point) if (lo..=hi).contains(&zero_point) => Ok(Grid { scale, zero_point }),
            _ => Err(self.refuse(format!("its zero point {zero_point} is outside its type"), RECONVERT)),
        }
    }

    /// Scales of weights whose axis `axis` has `channels` entries, one each; all the same where the file has only one. Zero
    /// points of weights are zero.
    pub(super) fn channel_scales(&self, axis: usize, channels: usize) -> Result<Vec<f32>> {
        if self.zero_points.iter().any(|zero_point| i64::from_le_bytes(zero_point) != 0) {
            return Err(
                self.refuse("its zero points are not 0", "weights are symmetric: convert the model with int8 weights")
            );
        }
        match self.scales.len() {
            1 => Ok(vec![self.scales(1)?.first().copied().unwrap_or_default(); channels]),
            count if count == channels && usize::try_from(self.axis) == Ok(axis) => self.scales(channels),
            count => Err(self.refuse(
                format!("has {count} scales along axis {}, {channels} channels along axis {axis}", self.axis),
                RECONVERT,
            )),
        }
    }

    /// Whether there is one scale for all of it.
    pub(super) fn is_per_tensor(&self) -> bool {
        self.scales.len() == 1
    }

    fn scales(&self, count: usize) -> Result<Vec<f32>> {
        let scales: Vec<_> = self.scales.iter().take(count).map(f32::from_le_bytes).collect();
        match scales.iter().find(|scale| !(scale.is_normal() && **scale > 0.0)) {
            Some(scale) => Err(self.refuse(format!("scale {scale} is no positive number"), RECONVERT)),
            None => Ok(scales),
        }
    }

    /// Contents of a constant, as integers.
    pub(super) fn integers(&self) -> Result<Vec<i64>> {
        let Some(data) = self.data else {
            return Err(self.refuse("is no constant", "weights, axes and sizes have to be constants of the file"));
        };
        let (size, values): (u64, Vec<i64>) = match self.element {
            Type::Int8 => (1, each(data, |[byte]: [u8; 1]| byte.cast_signed().into())),
            Type::Int16 => (2, each(data, |bytes| i16::from_le_bytes(bytes).into())),
            Type::Int32 => (4, each(data, |bytes| i32::from_le_bytes(bytes).into())),
            Type::Int64 => (8, each(data, i64::from_le_bytes)),
            _ => return Err(self.refuse(format!("is a constant of type {}", self.type_name()), INTEGERS)),
        };
        if self.elements().checked_mul(size) != Some(data.len() as u64) {
            return Err(
                self.refuse(format!("has {} bytes, not its {} elements", data.len(), self.elements()), RECONVERT)
            );
        }
        Ok(values)
    }

    /// Name of its type.
    pub(super) fn type_name(&self) -> String {
        match self.element {
            Type::Float32 => "float32".into(),
            Type::Int32 => "int32".into(),
            Type::Uint8 => "uint8".into(),
            Type::Int64 => "int64".into(),
            Type::Int16 => "int16".into(),
            Type::Int8 => "int8".into(),
            Type::Other(17) => "int4".into(),
            Type::Other(code) => format!("number {code}"),
        }
    }
}

pub(super) const INTEGERS: &str = "convert with full integer quantisation: int8 weights, int8 or int16 activations";
pub(super) const RECONVERT: &str = "the file is damaged, or its quantisation is: convert the model again";

fn each<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> i64) -> Vec<i64> {
    data.as_chunks().0.iter().map(|&chunk| value(chunk)).collect()
}

/// A string of the file, as far as it can be printed.
fn printable(text: Vector<'_, 1>) -> String {
    text.iter().take(200).map(|[byte]| if byte.is_ascii_graphic() { char::from(byte) } else { '_' }).collect()
}

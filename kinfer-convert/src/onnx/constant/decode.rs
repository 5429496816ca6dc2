//! Bytes of a constant tensor as numbers or texts.

use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::Elements;

/// Elements of a tensor; nothing where their type is not read or the bytes do not fit it.
pub(super) fn elements(tensor: &TensorProto) -> Option<Elements> {
    let raw = &tensor.raw_data[..];
    let typed = raw.is_empty();
    Some(match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if typed => Elements::Floats(tensor.float_data.iter().map(|&x| f64::from(x)).collect()),
        DataType::Float => Elements::Floats(words(raw, f32::from_le_bytes)?.into_iter().map(f64::from).collect()),
        DataType::Double if typed => Elements::Floats(tensor.double_data.clone()),
        DataType::Double => Elements::Floats(words(raw, f64::from_le_bytes)?),
        DataType::Int64 if typed => Elements::Integers(tensor.int64_data.clone()),
        DataType::Int64 => Elements::Integers(words(raw, i64::from_le_bytes)?),
        DataType::Int32 | DataType::Bool if typed => {
            Elements::Integers(tensor.int32_data.iter().map(|&x| i64::from(x)).collect())
        }
        DataType::Int32 => Elements::Integers(words(raw, i32::from_le_bytes)?.into_iter().map(i64::from).collect()),
        DataType::Int8 | DataType::Uint8 | DataType::Int16 | DataType::Uint16 if typed => {
            Elements::Integers(tensor.int32_data.iter().map(|&x| i64::from(x)).collect())
        }
        DataType::Uint32 | DataType::Uint64 if typed => {
            Elements::Integers(tensor.uint64_data.iter().map(|&x| i64::try_from(x).ok()).collect::<Option<_>>()?)
        }
        DataType::Uint32 => Elements::Integers(words(raw, u32::from_le_bytes)?.into_iter().map(i64::from).collect()),
        DataType::Uint64 => {
            let words = words(raw, u64::from_le_bytes)?;
            Elements::Integers(words.into_iter().map(|x| i64::try_from(x).ok()).collect::<Option<_>>()?)
        }
        DataType::Int8 => Elements::Integers(words(raw, i8::from_le_bytes)?.into_iter().map(i64::from).collect()),
        DataType::Uint8 => Elements::Integers(raw.iter().map(|&x| i64::from(x)).collect()),
        DataType::Int16 => Elements::Integers(words(raw, i16::from_le_bytes)?.into_iter().map(i64::from).collect()),
        DataType::Uint16 => Elements::Integers(words(raw, u16::from_le_bytes)?.into_iter().map(i64::from).collect()),
        DataType::Bool => Elements::Integers(raw.iter().map(|&byte| i64::from(byte != 0)).collect()),
        DataType::String => Elements::Strings(
            tensor.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect(),
        ),
        _ => return None,
    })
}

fn words<const N: usize, T>(raw: &[u8], word: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (words, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| words.iter().map(|&bytes| word(bytes)).collect())
}

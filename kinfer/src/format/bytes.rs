//! Little-endian fields at constant offsets of fixed-size records.
//!
//! A record is an array, so an offset past its end does not compile to a panic but fails the `Option` chain, which the
//! optimiser removes for constant offsets.

/// The `M` bytes at `offset`; zeros when they are not all inside `record`.
pub(super) fn at<const M: usize>(record: &[u8], offset: usize) -> [u8; M] {
    record.get(offset..).and_then(|tail| tail.first_chunk::<M>()).copied().unwrap_or([0; M])
}

pub(super) fn u8_at(record: &[u8], offset: usize) -> u8 {
    u8::from_le_bytes(at(record, offset))
}

pub(super) fn u16_at(record: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(at(record, offset))
}

pub(super) fn i16_at(record: &[u8], offset: usize) -> i16 {
    i16::from_le_bytes(at(record, offset))
}

pub(super) fn u32_at(record: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(at(record, offset))
}

pub(super) fn i32_at(record: &[u8], offset: usize) -> i32 {
    i32::from_le_bytes(at(record, offset))
}

pub(super) fn u64_at(record: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(at(record, offset))
}

pub(super) fn i64_at(record: &[u8], offset: usize) -> i64 {
    i64::from_le_bytes(at(record, offset))
}

pub(super) fn i128_at(record: &[u8], offset: usize) -> i128 {
    i128::from_le_bytes(at(record, offset))
}

pub(super) fn u128_at(record: &[u8], offset: usize) -> u128 {
    u128::from_le_bytes(at(record, offset))
}

/// Whether `record[from..to]` is all zero bytes.
pub(super) fn is_zero(record: &[u8], from: usize, to: usize) -> bool {
    record.get(from..to).is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0))
}

//! Records → bytes, field by field as in `docs/kinf-format.md`.

use kinfer::format::{ElementType, HEAD_SIZE, HeadKind, NAME_SIZE, TENSOR_SIZE, UNIT_SIZE};

use super::{FeatureSpec, HeadSpec, TensorSpec};

pub(super) fn all<T>(items: &[T], record: impl Fn(&T) -> Vec<u8>) -> Vec<Vec<u8>> {
    items.iter().map(record).collect()
}

pub(super) fn feature(feature: &FeatureSpec) -> Vec<u8> {
    let mut bytes = text(&feature.name, NAME_SIZE);
    bytes.extend(text(&feature.unit, UNIT_SIZE));
    bytes.extend(feature.lo.to_le_bytes());
    bytes.extend(feature.hi.to_le_bytes());
    bytes
}

pub(super) fn tensor(tensor: &TensorSpec) -> Vec<u8> {
    let element = match tensor.element {
        ElementType::I8 => 1,
        ElementType::I16 => 2,
        ElementType::I32 => 3,
    };
    let mut bytes = Vec::with_capacity(TENSOR_SIZE);
    bytes.extend([element, tensor.dims.len() as u8, 0, 0]);
    for axis in 0..4 {
        bytes.extend(tensor.dims.get(axis).copied().unwrap_or(0).to_le_bytes());
    }
    bytes.extend(tensor.zero_point.to_le_bytes());
    bytes.extend(tensor.scale.to_bits().to_le_bytes());
    bytes
}

pub(super) fn head(head: &HeadSpec) -> Vec<u8> {
    let (k, threshold) = match head.kind {
        HeadKind::ArgMax | HeadKind::ArgMin | HeadKind::Value => (0, 0),
        HeadKind::TopK(k) => (k, 0),
        HeadKind::Threshold(threshold) | HeadKind::Anomaly(threshold) => (0, threshold.to_bits()),
    };
    let mut bytes = Vec::with_capacity(HEAD_SIZE);
    bytes.extend(head.kind.code().to_le_bytes());
    bytes.extend(head.scores.to_le_bytes());
    bytes.extend(k.to_le_bytes());
    bytes.extend(threshold.to_le_bytes());
    bytes.extend(head.low_margin.to_bits().to_le_bytes());
    bytes
}

pub(super) fn outcome(name: &str) -> Vec<u8> {
    text(name, NAME_SIZE)
}

/// One line an entry: a line end inside a key or value becomes a space.
pub(super) fn provenance(lines: &[(String, String)]) -> Vec<u8> {
    lines
        .iter()
        .map(|(key, value)| format!("{key}: {value}").replace(['\n', '\r'], " ") + "\n")
        .collect::<String>()
        .into_bytes()
}

fn text(text: &str, size: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(size, 0);
    bytes
}

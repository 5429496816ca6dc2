//! What integers make of each layer, seen from outside: a copy of the file whose head tells a tensor in place of the
//! decision.
//!
//! A file does not name the nodes that it was made from, and every element of a tensor may have a scale of its own. So each
//! element is compared after the best scale and offset, and a tensor's node is the one of its width that it fits best.

use kinfer::Ranked;
use kinfer::format::{ENTRY_SIZE, HEAD_SIZE, HEADER_SIZE, HeadKind, OUTCOME_SIZE, SectionKind, StepKind, TENSOR_SIZE};
use serde::Serialize;

use crate::data::Data;
use crate::engine::{Engine, UNBOUNDED};
use crate::graph::Graph;
use crate::kinf::container::{Section, to_bytes};

/// Rows that are looked at, the first of the data.
const SAMPLE: usize = 512;

/// Outcomes of a file at most, and so elements of a tensor that its head can tell.
const MOST_ELEMENTS: u64 = 256;

/// Less than this is no likeness: the tensor is a step between nodes.
const LIKE: f64 = 6.0;

/// One as a scale, `U32F96`.
const ONE: u128 = 1 << 96;

/// A tensor of the file beside the float value that it stands for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerNoise {
    /// The tensor: 0 is the features, *i* + 1 what operator *i* writes.
    pub tensor: usize,
    /// The operator that writes it; `features` for the first.
    pub operator: &'static str,
    /// Name of the float model's node; nothing where none is like it, for ranks of features, and over 256 elements.
    pub node: Option<String>,
    /// Variance of the float values over that of their error, after the best scale and offset of each element, in dB;
    /// nothing without a node or without error.
    pub signal_to_noise: Option<f64>,
}

/// Every tensor of a file beside the graph, on the first rows of `data`.
pub(super) fn noise(file: &kinfer::Model<'_>, graph: &Graph, data: &Data) -> Vec<LayerNoise> {
    let rows: Vec<&[i64]> = data.rows().take(SAMPLE).collect();
    let mut state = graph.initial_state();
    let float: Vec<_> = rows.iter().map(|row| graph.values(&data.features(row), &mut state)).collect();
    let kinds = std::iter::once("features").chain(file.operators().iter().map(|operator| operator.kind().name()));
    let layer = |(tensor, operator): (usize, &'static str)| {
        let found = values(file, tensor, &rows).and_then(|integer| closest(&float, &integer));
        let name = |value: usize| graph.node(value).map_or("features", |node| node.name.as_str()).to_owned();
        LayerNoise {
            tensor,
            operator,
            node: found.map(|(value, _)| name(value)),
            signal_to_noise: found.map(|(_, ratio)| ratio).filter(|ratio| ratio.is_finite()),
        }
    };
    kinds.enumerate().map(layer).collect()
}

/// The elements of a tensor, less its zero point, for every row.
fn values(file: &kinfer::Model<'_>, tensor: usize, rows: &[&[i64]]) -> Option<Vec<Vec<f64>>> {
    let is_ranked = file.program().iter().any(|step| matches!(step.kind, StepKind::Bucketise { .. }));
    if tensor == 0 && is_ranked {
        return None; // ranks of features are no numbers of theirs
    }
    let elements = file.tensors().get(tensor)?.elements();
    let engine = Engine::load_within(&tapped(file, tensor, elements)?, &UNBOUNDED).ok()?;
    let mut caller = engine.caller();
    let row = |row: &&[i64]| {
        let decision = caller.decide(row);
        if elements == 1 {
            return vec![decision.value.to_num()];
        }
        let mut ranked = vec![Ranked::default(); elements as usize - 1];
        let filled = caller.top(&mut ranked);
        // The smallest is not ranked: it lies the margin behind the last that is.
        let last = ranked.last().map_or(0.0, |last| last.value.to_num::<f64>()) - decision.margin.to_num::<f64>();
        let mut values = vec![last; elements as usize];
        for ranked in ranked.iter().take(filled) {
            if let Some(value) = values.get_mut(ranked.class as usize) {
                *value = ranked.value.to_num();
            }
        }
        values
    };
    Some(rows.iter().map(row).collect())
}

/// The file with a head that tells the elements of a tensor, in units of its integers.
fn tapped(file: &kinfer::Model<'_>, tensor: usize, elements: u64) -> Option<Vec<u8>> {
    let (kind, k) = match elements {
        1 => (HeadKind::Value, 0),
        2..=MOST_ELEMENTS => (HeadKind::TopK(elements as u32 - 1), elements as u32 - 1),
        _ => return None,
    };
    let mut sections = sections(file.file())?;
    // All scales, since some operators want the same of their input and output.
    for record in of(&mut sections, SectionKind::Tensors)?.bytes.chunks_exact_mut(TENSOR_SIZE) {
        record.get_mut(24..40)?.copy_from_slice(&ONE.to_le_bytes());
    }
    let mut head = Vec::new();
    head.extend(kind.code().to_le_bytes());
    head.extend((tensor as u16).to_le_bytes());
    head.extend(k.to_le_bytes());
    head.resize(HEAD_SIZE, 0);
    of(&mut sections, SectionKind::Head)?.bytes = head;
    let outcomes = of(&mut sections, SectionKind::Outcomes)?;
    outcomes.count = elements as u32;
    outcomes.bytes = (0..elements)
        .flat_map(|element| {
            let mut name = element.to_string().into_bytes();
            name.resize(OUTCOME_SIZE, 0);
            name
        })
        .collect();
    Some(to_bytes(&sections))
}

fn of(sections: &mut [Section], kind: SectionKind) -> Option<&mut Section> {
    sections.iter_mut().find(|section| section.kind == kind as u16)
}

/// The sections of a file whose container is sound.
fn sections(file: &[u8]) -> Option<Vec<Section>> {
    let u32_at = |at: usize| Some(u32::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let u16_at = |at: usize| Some(u16::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let section = |index: u32| {
        let entry = HEADER_SIZE + ENTRY_SIZE * index as usize;
        let (offset, length) = (u32_at(entry + 8)? as usize, u32_at(entry + 12)? as usize);
        Some(Section {
            kind: u16_at(entry)?,
            flags: u16_at(entry + 2)?,
            count: u32_at(entry + 4)?,
            bytes: file.get(offset..)?.get(..length)?.to_vec(),
        })
    };
    (0..u32_at(12)?).map(section).collect()
}

/// The float value that is most like the integers, and its signal to noise.
fn closest(float: &[Vec<Vec<f64>>], integer: &[Vec<f64>]) -> Option<(usize, f64)> {
    let width = integer.first()?.len();
    let candidates =
        float.first()?.iter().enumerate().filter(|(_, value)| value.len() == width).map(|(value, _)| value);
    let likeness = |value: usize| {
        let columns = (0..width).map(|element| {
            let pair = |(float, integer): (&Vec<Vec<f64>>, &Vec<f64>)| {
                Some((*float.get(value)?.get(element)?, *integer.get(element)?))
            };
            residual(&float.iter().zip(integer).filter_map(pair).collect::<Vec<_>>())
        });
        let (signal, noise) = columns.fold((0.0, 0.0), |(a, b), (signal, noise)| (a + signal, b + noise));
        (signal > 0.0).then(|| (value, 10.0 * (signal / noise).log10()))
    };
    let best = candidates.filter_map(likeness).fold(None, |best: Option<(usize, f64)>, next| match best {
        Some(best) if best.1 >= next.1 => Some(best),
        _ => Some(next),
    });
    best.filter(|(_, ratio)| *ratio >= LIKE)
}

/// Variance of the first numbers, and what of it no scale and offset of the second explain.
fn residual(pairs: &[(f64, f64)]) -> (f64, f64) {
    let count = pairs.len().max(1) as f64;
    let (x, y) = pairs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / count, b + y / count));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in pairs.iter().map(|(a, b)| (a - x, b - y)) {
        (xx, xy, yy) = (xx + a * a, xy + a * b, yy + b * b);
    }
    // Summed again rather than taken as a difference, which would lose what is small.
    let slope = if yy > 0.0 { xy / yy } else { 0.0 };
    let noise: f64 = pairs.iter().map(|(a, b)| (a - x - slope * (b - y)).powi(2)).sum();
    (xx, noise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_and_an_offset_are_no_noise() {
        let (signal, noise) = residual(&[(0.0, 7.0), (1.0, 5.0), (2.0, 3.0), (4.0, -1.0)]);
        assert!((signal, noise) == (8.75, 0.0), "{signal} {noise}");
        let (signal, noise) = residual(&[(0.0, 7.0), (1.0, 7.0)]);
        assert_eq!((signal, noise), (0.5, 0.5));
    }

    #[test]
    fn the_likest_value_of_the_same_width_is_found() {
        let rows = |f: &dyn Fn(f64) -> Vec<Vec<f64>>| (0..50).map(|i| f(f64::from(i))).collect::<Vec<_>>();
        let float = rows(&|i| vec![vec![i], vec![i.sin(), i.cos()], vec![i * i % 17.0, (i * 3.7).sin()]]);
        let integer: Vec<_> =
            float.iter().map(|values| values[2].iter().map(|x| (x * 100.0).round()).collect()).collect();
        let (value, ratio) = closest(&float, &integer).unwrap();
        assert!(value == 2 && ratio > 40.0, "{value} {ratio}");
        let unlike: Vec<_> = float.iter().map(|values| vec![values[0][0] % 7.0, values[0][0] % 3.0, 1.0]).collect();
        assert_eq!(closest(&float, &unlike), None);
    }
}

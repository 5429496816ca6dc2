//! Model files made from a valid one: twins that decide otherwise, and files with one thing wrong.

use std::ops::Range;

use kinfer::format::{ENTRY_SIZE, HEADER_SIZE, Model, SectionKind, StepKind, file_checksum};

/// Offsets of `docs/kinf-format.md`.
const SECTIONS_AT: usize = 12;
const LENGTH_AT: usize = 16;
const CHECKSUM_AT: usize = 24;
const STEP_SIZE: usize = kinfer::format::STEP_SIZE;
const STEP_MULTIPLIER_AT: usize = 8;

/// Bytes of header and section table: every one of them means something.
pub(crate) fn preamble(file: &[u8]) -> Range<usize> {
    0..HEADER_SIZE + ENTRY_SIZE * u32_at(file, SECTIONS_AT) as usize
}

/// Bytes of every section, in the order of the table.
pub(crate) fn sections(file: &[u8]) -> Vec<(u16, Range<usize>)> {
    file[HEADER_SIZE..preamble(file).end]
        .chunks_exact(ENTRY_SIZE)
        .map(|entry| {
            let start = u32_at(entry, 8) as usize;
            (u16::from_le_bytes([entry[0], entry[1]]), start..start + u32_at(entry, 12) as usize)
        })
        .collect()
}

/// `file` with one bit turned over.
pub(crate) fn flipped(file: &[u8], byte: usize, bit: usize) -> Vec<u8> {
    let mut file = file.to_vec();
    file[byte] ^= 1 << (bit % 8);
    file
}

/// `file` with length and checksum made right again, so that what is behind them is looked at.
pub(crate) fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let length = file.len() as u64;
    file[LENGTH_AT..LENGTH_AT + 8].copy_from_slice(&length.to_le_bytes());
    let checksum = file_checksum(&file);
    file[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
    file
}

/// Whether [`twin`] makes another model of `file`: whether every step of its feature program is affine.
pub(crate) fn has_a_twin(file: &[u8]) -> bool {
    let model = Model::parse(file).expect("a valid model");
    model.program().iter().all(|step| matches!(step.kind, StepKind::Affine { .. }))
}

/// A valid model of the same schema whose inputs are mirrored, so that it decides otherwise.
pub(crate) fn twin(file: &[u8]) -> Vec<u8> {
    let mut twin = file.to_vec();
    let program = section(file, SectionKind::Program);
    for step in twin[program].chunks_exact_mut(STEP_SIZE) {
        let field = &mut step[STEP_MULTIPLIER_AT..STEP_MULTIPLIER_AT + 8];
        let multiplier = i64::from_le_bytes(field.try_into().expect("8 bytes"));
        field.copy_from_slice(&multiplier.wrapping_neg().to_le_bytes());
    }
    sealed(twin)
}

/// A well-formed file of more than `bytes`: `file` with a skippable section of zeros at its end.
pub(crate) fn padded_to(file: &[u8], bytes: usize) -> Vec<u8> {
    let table_end = preamble(file).end;
    let mut large = file[..table_end].to_vec();
    let sections = u32_at(file, SECTIONS_AT);
    large[SECTIONS_AT..SECTIONS_AT + 4].copy_from_slice(&(sections + 1).to_le_bytes());
    for entry in large[HEADER_SIZE..].chunks_exact_mut(ENTRY_SIZE) {
        let offset = u32_at(entry, 8) + ENTRY_SIZE as u32;
        entry[8..12].copy_from_slice(&offset.to_le_bytes());
    }
    let start = (file.len() + ENTRY_SIZE).next_multiple_of(8);
    let skippable = [0xff, 0x7f, 1, 0, 1, 0, 0, 0]; // a kind that no reader knows, skippable, one record
    large.extend(skippable);
    large.extend((start as u32).to_le_bytes());
    large.extend((bytes as u32).to_le_bytes());
    large.extend([0; 8]);
    large.extend(&file[table_end..]);
    large.resize(start + bytes, 0);
    sealed(large)
}

/// Rows of raw counters for `file`'s schema: its own ranges, just outside them, and the ends of `i64`.
pub(crate) fn rows(file: &[u8], count: usize) -> Vec<Vec<i64>> {
    let model = Model::parse(file).expect("a valid model");
    let ranges: Vec<(i64, i64)> = model.features().iter().map(|feature| (feature.lo, feature.hi)).collect();
    let each = |value: fn((i64, i64)) -> i64| ranges.iter().map(|&range| value(range)).collect::<Vec<_>>();
    let mut rows = vec![
        each(|(lo, _)| lo),
        each(|(_, hi)| hi),
        each(|(lo, _)| lo.saturating_sub(1)),
        each(|(_, hi)| hi.saturating_add(1)),
        each(|_| 0),
        each(|_| i64::MIN),
        each(|_| i64::MAX),
    ];
    let mut random = Random(1);
    while rows.len() < count {
        rows.push(ranges.iter().map(|&(lo, hi)| random.between(lo, hi)).collect());
    }
    rows
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn between(&mut self, lo: i64, hi: i64) -> i64 {
        match hi.abs_diff(lo).checked_add(1) {
            Some(values) => lo.wrapping_add_unsigned(self.next() % values),
            None => self.next() as i64,
        }
    }
}

fn section(file: &[u8], kind: SectionKind) -> Range<usize> {
    let found = sections(file).into_iter().find(|(code, _)| *code == kind as u16);
    found.expect("a valid model has this section").1
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

//! Files that must be refused, each for one reason.
//!
//! `tests/refusals.rs` checks the sentence in user space, and the in-kernel suite that the kernel gives the same one.

use kinfer::format::{ENTRY_SIZE, HEADER_SIZE, HeadKind, SectionKind};
use kinfer_convert::kinf::container::{seal, to_bytes};
use kinfer_convert::kinf::{AffineSpec, DenseSpec, ModelSpec, OperatorSpec, StepSpec};

use crate::models::two_counters;

/// A file that must be refused.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// What is wrong with it, in a word or two that fit a file name.
    pub name: &'static str,
    /// The sentence of the refusal.
    pub sentence: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn all() -> Vec<Hostile> {
    let mut files = damaged_bytes();
    files.extend(damaged_container());
    files.extend(damaged_model());
    files
}

fn valid() -> Vec<u8> {
    two_counters().to_bytes()
}

/// Damage that a transfer does: nothing is sealed again.
fn damaged_bytes() -> Vec<Hostile> {
    let case = |name, sentence, damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = valid();
        damage(&mut bytes);
        Hostile { name, sentence, bytes }
    };
    vec![
        case("empty", "header: is not a .kinf model (the label is wrong)", &|b| b.clear()),
        case("truncated-header", "header: needs 32 bytes, the file has 20", &|b| b.truncate(20)),
        case("truncated", "header: says 935 bytes, the file has 934", &|b| b.truncate(b.len() - 1)),
        case("trailing-byte", "header: says 935 bytes, the file has 936", &|b| b.push(0)),
        case("text-mode-transfer", "header: is not a .kinf model (the label is wrong)", &|b| {
            b.remove(4);
        }),
        case("flipped-bit-in-data", "header: says CRC-32C a1cdbfb9, the file's is b6cfb85c", &|b| {
            let middle = b.len() / 2;
            b[middle] ^= 0x10;
        }),
        case("next-major-version", "header: format version 2.0 is not one this build reads (1.x)", &|b| b[8] = 2),
    ]
}

/// A sealed file whose table lies.
fn damaged_container() -> Vec<Hostile> {
    let entry = |number: usize, field: usize| HEADER_SIZE + ENTRY_SIZE * number + field;
    let case = |name, sentence, damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = valid();
        damage(&mut bytes);
        seal(&mut bytes);
        Hostile { name, sentence, bytes }
    };
    vec![
        case("no-sections", "header: has 0 records, 1 to 16 are allowed", &|b| b[12] = 0),
        case("too-many-sections", "header: has 4294967295 records, 1 to 16 are allowed", &|b| b[12..16].fill(0xff)),
        case("header-reserved", "header: reserved bytes at 28 are not zero", &|b| b[30] = 1),
        case("table-past-the-end", "header: needs 80 bytes, the file has 60", &|b| {
            b.truncate(60);
            b[12] = 2;
        }),
        case("section-past-the-end", "section table entry 4: needs 66322 bytes, the file has 935", &|b| {
            b[entry(4, 14)] = 1;
        }),
        case("section-offset-wraps", "section table entry 7: needs 4294967311 bytes, the file has 935", &|b| {
            b[entry(7, 8)..entry(7, 12)].copy_from_slice(&0xffff_fff8u32.to_le_bytes());
        }),
        case("overlapping-sections", "section table entry 1: starts at 224, inside what ends at 384", &|b| {
            b[entry(1, 8)..entry(1, 12)].copy_from_slice(&224u32.to_le_bytes());
        }),
        case("misaligned-section", "section table entry 0: starts at 225, which is not a multiple of 8", &|b| {
            b[entry(0, 8)] = 225;
        }),
        case(
            "unknown-critical-section",
            "section table entry 7: section kind 900 is critical and not known to this build",
            &|b| {
                b[entry(7, 0)..entry(7, 4)].copy_from_slice(&[0x84, 3, 0, 0]);
            },
        ),
        case("section-twice", "section program: is there twice", &|b| b[entry(2, 0)] = 2),
        case("entry-reserved", "section table entry 3: reserved bytes at 16 are not zero", &|b| b[entry(3, 20)] = 9),
        case("record-count", "section schema: 3 records of 80 bytes do not make 160 bytes", &|b| b[entry(0, 4)] = 3),
    ]
}

/// A sound container around a model that cannot be proved.
fn damaged_model() -> Vec<Hostile> {
    let case = |name, sentence, damage: &dyn Fn(&mut ModelSpec)| {
        let mut spec = two_counters();
        damage(&mut spec);
        Hostile { name, sentence, bytes: spec.to_bytes() }
    };
    let mut files = vec![
        case("empty-range", "feature 1: the range seen in calibration is empty (lo is above hi)", &|m| {
            m.features[1].lo = 5_000;
        }),
        case("unknown-feature", "feature program step 1: reads value 2, there are 2 before it", &|m| {
            affine(m, 1, &|s| s.source = 2);
        }),
        case("wide-shift", "feature program step 0: shift 97 is over 96", &|m| {
            affine(m, 0, &|s| s.shift = 97);
        }),
        case("wide-multiplier", "feature program step 0: the multiplier is too large for exact arithmetic", &|m| {
            affine(m, 0, &|s| s.multiplier = i64::MIN);
        }),
        case("wide-bias", "feature program step 0: the bias is too large for exact arithmetic", &|m| {
            affine(m, 0, &|s| s.bias = i128::MIN);
        }),
        case("unsorted-thresholds", "feature program step 1: threshold 1 is below the one before it", &|m| {
            m.program[1] = StepSpec::Bucketise { source: 1, thresholds: vec![2, 1], base: 0 };
        }),
        case("too-many-digits", "feature program step 0: number of digits 19 is not 1 to 18", &|m| {
            m.program[0] = StepSpec::Digits { source: 0, count: 19, base: 0 };
        }),
        case("shared-state", "feature program step 1: state begins at word 1, inside what ends at word 2", &|m| {
            m.program.insert(0, StepSpec::History { source: 0, count: 2, state: 0 });
            m.program.insert(1, StepSpec::Ewma { source: 0, alpha: 1, shift: 3, fraction: 0, state: 1 });
        }),
        case("too-much-state", "file: state bytes 8000 over the budget of 0", &|m| {
            m.program.insert(0, StepSpec::History { source: 0, count: 1, state: 999 });
        }),
        case("too-few-steps", "section program: makes 1 elements, the input tensor has 2", &|m| {
            m.program.pop();
        }),
        case("scores-as-input", "op 1 (dense): reads tensor 1 of int32 scores, which this operator cannot", &|m| {
            m.tensors[1].element = kinfer::format::ElementType::I32;
        }),
        case("zero-scale", "tensor 1: the scale is zero", &|m| m.tensors[1].scale = Default::default()),
        case("zero-point", "tensor 1: zero point 300 is outside the element type", &|m| m.tensors[1].zero_point = 300),
        case("zero-dimension", "tensor 1: the rank is not 1 to 4, or a dimension is zero or too large", &|m| {
            m.tensors[1].dims = vec![0];
        }),
        case("huge-tensor", "tensor 1: the rank is not 1 to 4, or a dimension is zero or too large", &|m| {
            m.tensors[1].dims = vec![u32::MAX, u32::MAX, u32::MAX, u32::MAX];
        }),
        case("no-such-tensor", "op 0 (dense): names tensor 9, the file has 3", &|m| dense(m, 0, &|d| d.output = 9)),
        case("read-before-write", "op 0 (dense): reads tensor 1 before anything writes it", &|m| {
            dense(m, 0, &|d| (d.input, d.output) = (1, 2));
        }),
        case("written-twice", "op 1 (dense): writes tensor 1, the next one is 2", &|m| {
            dense(m, 1, &|d| (d.input, d.output, d.rows.lo, d.rows.hi) = (0, 1, -128, 127));
        }),
        case("never-written", "tensor 3: nothing writes it", &|m| m.tensors.push(m.tensors[2].clone())),
        case("weights-of-another-shape", "op 1 (dense): weights end at byte 34000, section data has 30034", &|m| {
            widen(m, 2_000);
            dense(m, 1, &|d| d.rows.weights = vec![1i8; 8].into());
        }),
        case("overflowing-accumulator", "op 0 (dense): the accumulator of channel 1 could overflow", &|m| {
            dense(m, 0, &|d| d.rows.biases[1] = i64::MAX - 100);
        }),
        case("negative-multiplier", "op 0 (dense): the multiplier of channel 1 is negative", &|m| {
            dense(m, 0, &|d| d.rows.multipliers[1] = -1);
        }),
        case("wide-requantize-shift", "op 1 (dense): shift 95 is over 94", &|m| {
            dense(m, 1, &|d| d.rows.shifts[0] = 95)
        }),
        case(
            "clip-outside-int8",
            "op 0 (dense): clip range -128..128 is empty or outside the output's element type",
            &|m| {
                dense(m, 0, &|d| d.rows.hi = 128);
            },
        ),
        case("one-outcome-too-many", "head: decides between 2 outcomes, the file names 3", &|m| {
            m.outcomes.push("third".into());
        }),
        case("threshold-on-two-scores", "head: a threshold takes one score, the tensor has 2", &|m| {
            m.head.kind = HeadKind::Threshold(Default::default());
        }),
        case("too-much-scratch", "file: scratch bytes 16496 over the budget of 16384", &|m| widen(m, 4_096)),
        case("too-many-operations", "file: operations 160802 over the budget of 131072", &|m| {
            widen(m, 400);
            m.tensors.insert(2, m.tensors[1].clone());
            let mut middle = m.operators[0].clone();
            if let OperatorSpec::Dense(d) = &mut middle {
                (d.input, d.output, d.rows.weights) = (1, 2, vec![1i8; 400 * 400].into());
            }
            m.operators.insert(1, middle);
            dense(m, 2, &|d| (d.input, d.output) = (2, 3));
            m.head.scores = 3;
        }),
    ];
    let byte = |name, sentence, section: SectionKind, at: usize, value| {
        let mut sections = two_counters().sections();
        sections[section as usize - 1].bytes[at] = value;
        Hostile { name, sentence, bytes: to_bytes(&sections) }
    };
    files.extend([
        byte("unknown-operator", "op 0: kind 77 is not known to this build", SectionKind::Operators, 0, 77),
        byte("unknown-rounding", "op 0 (dense): rounding 9 is not known to this build", SectionKind::Operators, 2, 9),
        byte(
            "outcome-not-ascii",
            "section outcomes: a name or unit is empty, not ASCII, or not padded with zero bytes",
            SectionKind::Outcomes,
            0,
            0xc3,
        ),
    ]);
    files
}

fn affine(spec: &mut ModelSpec, index: usize, change: &dyn Fn(&mut AffineSpec)) {
    if let StepSpec::Affine(step) = &mut spec.program[index] {
        change(step);
    }
}

fn dense(spec: &mut ModelSpec, index: usize, change: &dyn Fn(&mut DenseSpec)) {
    if let OperatorSpec::Dense(dense) = &mut spec.operators[index] {
        change(dense);
    }
}

/// Gives the hidden layer `width` channels.
fn widen(spec: &mut ModelSpec, width: usize) {
    spec.tensors[1].dims = vec![width as u32];
    dense(spec, 0, &|d| {
        d.rows.weights = vec![1i8; 2 * width].into();
        d.rows.biases = vec![0; width];
        d.rows.multipliers = vec![1 << 30; width];
        d.rows.shifts = vec![40; width];
    });
    dense(spec, 1, &|d| d.rows.weights = vec![1i8; 2 * width].into());
}

//! The format, byte by byte: what `docs/kinf-format.md` says, as literals.

use fixed::types::{I32F32, U32F96};
use kinfer::format::{ElementType, HeadKind, Model, Parameters, StepKind};
use kinfer_suite::models::two_counters;

/// `two_counters`, written down from the specification.
const FILE: &str = "
    # label, version 1.0, 8 sections, 935 bytes, CRC-32C, reserved
    4b494e460d0a1a0a 0100 0000 08000000 a703000000000000 b9bfcda1 00000000

    # table: kind, flags, records, offset, length, reserved
    0100 0000 02000000 e0000000 a0000000 0000000000000000
    0200 0000 02000000 80010000 50000000 0000000000000000
    0300 0000 03000000 d0010000 78000000 0000000000000000
    0400 0000 02000000 48020000 80000000 0000000000000000
    0500 0000 01000000 c8020000 4a000000 0000000000000000
    0600 0000 01000000 18030000 18000000 0000000000000000
    0700 0000 02000000 30030000 60000000 0000000000000000
    0800 0100 01000000 90030000 17000000 0000000000000000

    # schema: name, unit, lo, hi
    71756575655f696f7300000000000000 00000000000000000000000000000000 00000000000000000000000000000000 636f756e740000000000000000000000 0000000000000000 8000000000000000
    69646c655f7573000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000 636f756e740000000000000000000000 0000000000000000 a00f000000000000

    # program: affine, source, shift, rounding, reserved, multiplier, bias, lo, hi
    0100 0000 16 00 0000 0000100000000000 00000000000000000000000000000000 80ffffff 7f000000
    0100 0100 16 00 0000 0000100000000000 000000ffffffffffffffffffffffffff 80ffffff 7f000000

    # tensors: element type, rank, reserved, dimensions, zero point, scale 1/16
    01 01 0000 02000000000000000000000000000000 fcffffff 00000000000000000000001000000000
    01 01 0000 02000000000000000000000000000000 80ffffff 00000000000000000000001000000000
    03 01 0000 02000000000000000000000000000000 00000000 00000000000000000000001000000000

    # operators: dense, rounding, weight type, input, no second, output, flags, offsets, lo, hi, numbers
    0100 00 01 0000 ffff 0100 0000 00000000 08000000 18000000 20000000 80ffffff 7f000000
    00000000000000000000000000000000000000000000000000000000
    0100 00 01 0100 ffff 0200 0000 28000000 30000000 40000000 48000000 00000080 ffffff7f
    00000000000000000000000000000000000000000000000000000000

    # data: per layer weights, biases, multipliers, shifts, each aligned
    64 ce ec 3c 00000000
    4000000000000000 c0ffffffffffffff
    00000040 00000060 24 24 000000000000
    f9 09 0b f3 00000000
    4000000000000000 c0ffffffffffffff
    00000040 00000060 24 24
    000000000000 # padding

    # head: argmax of tensor 2, reserved, threshold, low margin 0.25
    0100 0200 00000000 0000000000000000 0000004000000000

    # outcomes
    69646c65000000000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000
    62757379000000000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000

    # provenance
    6d6164652062793a2074657374732f737570706f72740a
";

fn file() -> Vec<u8> {
    let lines = FILE.lines().map(|line| line.split('#').next().unwrap_or_default());
    let digits: Vec<char> = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_writer_writes_these_bytes() {
    let (written, expected) = (two_counters().to_bytes(), file());
    let first = written.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!((written.len(), first), (expected.len(), None), "first difference");
}

#[test]
fn the_reader_reads_these_bytes() {
    let file = file();
    let model = Model::parse(&file).unwrap();

    let idle = model.features().get(1).unwrap();
    assert_eq!((idle.name.as_str(), idle.unit.as_str(), idle.lo, idle.hi), ("idle_us", "count", 0, 4_000));
    let step = model.program().get(1).unwrap();
    let StepKind::Affine { multiplier, bias, shift, lo, hi, .. } = step.kind else { panic!("step 1 is affine") };
    assert_eq!((step.source, multiplier, bias, shift), (1, 1 << 20, -(1 << 24), 22));
    assert_eq!((lo, hi), (-128, 127));
    let tensor = model.tensors().get(0).unwrap();
    assert_eq!((tensor.element, tensor.dims, tensor.zero_point), (ElementType::I8, [2, 1, 1, 1], -4));
    assert_eq!(tensor.scale, U32F96::ONE / 16);

    let operator = model.operators().get(0).unwrap();
    assert_eq!((operator.input, operator.output), (0, 1));
    let Parameters::Dense(dense) = operator.parameters else { panic!("operator 0 is dense") };
    let dense = dense.weights;
    let channels: Vec<_> = dense.channels(model.data(), 2, 2).collect();
    let weights: Vec<Vec<i64>> = channels.iter().map(|channel| channel.weights().collect()).collect();
    assert_eq!(weights, [[100, -50], [-20, 60]]);
    assert_eq!((channels[0].bias, channels[1].bias), (64, -64));
    assert_eq!((channels[1].factor.multiplier, channels[1].factor.shift), (3 << 29, 36));
    assert_eq!((dense.requantize.lo, dense.requantize.hi), (-128, 127));

    let head = model.head();
    assert_eq!((head.kind, head.scores, head.low_margin), (HeadKind::ArgMax, 2, I32F32::lit("0.25")));
    assert_eq!(model.outcomes().get(1).unwrap().as_str(), "busy");
    assert_eq!(model.provenance(), b"made by: tests/support\n");
}

#[test]
fn the_checksum_is_of_the_whole_file_without_itself() {
    let mut file = file();
    let says = u32::from_le_bytes(file[24..28].try_into().unwrap());
    file[24..28].fill(0);
    assert_eq!(says, kinfer::format::crc32c(&file));
}

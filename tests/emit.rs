//! Models as source: what `kinfer_convert::emit` writes is compiled, and decides with the bits of the engine.

mod emit {
    pub(crate) mod c;
    pub(crate) mod models;
    pub(crate) mod rust;
}

use std::collections::BTreeSet;
use std::process::Command;

use emit::c::{Batch, STRICT, folder, succeed};
use emit::models::{Case, cases, committed, random_cases};
use emit::rust::assert_emitted_equal;
use kinfer::Model;
use kinfer::format::{OperatorKind, Parameters, Rounding, StepKind};
use kinfer_convert::emit::Emitter;
use kinfer_suite::models::two_counters;

/// Enough that every form of every operator is among them: the seeds are the same in every run.
const RANDOM_MODELS: u64 = 64;

fn all() -> Vec<Case> {
    let mut all = cases();
    all.extend(random_cases(RANDOM_MODELS));
    all
}

#[test]
fn c_decides_with_the_bits_of_the_engine_and_needs_neither_a_library_nor_vector_registers() {
    let all = all();
    let batch = Batch::new("gcc", &all);
    let object = batch.compile("gcc", STRICT);
    assert_eq!(succeed(Command::new("nm").arg("--undefined-only").arg(&object)), "");
    assert!(!has_vector_registers(&object));
    batch.assert_equal(&[]);
}

#[test]
fn clang_where_there_is_one_says_and_makes_the_same() {
    if Command::new("clang").arg("--version").output().is_err() {
        eprintln!("skipped: no clang");
        return;
    }
    let all = all();
    let batch = Batch::new("clang", &all);
    let object = batch.compile("clang", STRICT);
    assert_eq!(succeed(Command::new("nm").arg("--undefined-only").arg(&object)), "");
    batch.assert_equal(&[]);
}

#[test]
fn no_counters_and_no_state_make_c_undefined_or_leave_its_memory() {
    let all = all();
    let batch = Batch::new("sanitizers", &all);
    let sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    batch.compile("gcc", &[&["-std=gnu11", "-O1"], &sanitizers[..]].concat());
    batch.assert_equal(&sanitizers);
}

#[test]
fn committed_models_decide_their_held_out_rows_alike() {
    let committed = committed();
    assert!(!committed.is_empty());
    let batch = Batch::new("committed", &committed);
    batch.compile("gcc", STRICT);
    batch.assert_equal(&[]);
}

#[test]
fn rust_decides_with_the_bits_of_the_engine_without_std_and_unsafe() {
    assert_emitted_equal(&all());
}

/// Whether the disassembly names a register of floats or vectors.
fn has_vector_registers(object: &std::path::Path) -> bool {
    let code = succeed(Command::new("objdump").args(["--disassemble", "--no-show-raw-insn"]).arg(object));
    ["%xmm", "%ymm", "%zmm", "%mm", "%st", " v0.", " d0,"].iter().any(|register| code.contains(register))
}

#[test]
fn the_check_for_vector_registers_finds_them() {
    let dir = folder("float");
    let (source, object) = (dir.join("float.c"), dir.join("float.o"));
    std::fs::write(&source, "double half(double x) { return x / 2; }\n").unwrap();
    succeed(Command::new("gcc").arg("-O2").arg("-c").arg(&source).arg("-o").arg(&object));
    assert!(has_vector_registers(&object));
}

#[test]
fn every_operator_rounding_step_and_head_is_among_the_models() {
    let (mut operators, mut steps, mut heads) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut scratch, mut state) = (false, false);
    for case in all() {
        let model = Model::parse(&case.file).unwrap();
        for operator in model.operators().iter() {
            let rounding = match &operator.parameters {
                Parameters::Dense(dense) => Some(dense.weights.requantize.rounding),
                Parameters::Conv(conv) => Some(conv.weights.requantize.rounding),
                Parameters::Pool(pool) => Some(pool.rounding),
                Parameters::Rescale(rescale) => Some(rescale.rounding),
                Parameters::Add(add) => Some(add.rounding),
                Parameters::Mul(mul) => Some(mul.rounding),
                Parameters::Distance(distance) => Some(distance.scaling.rounding),
                Parameters::SquaredError(error) => Some(error.scaling.rounding),
                _ => None,
            };
            operators.insert((operator.kind() as u16, rounding.map(|rounding| rounding as u8)));
        }
        steps.extend(model.program().iter().map(|step| match step.kind {
            StepKind::Affine { rounding, .. } => (step.kind.name(), Some(rounding as u8)),
            kind => (kind.name(), None),
        }));
        heads.insert(model.head().kind.code());
        let header = Emitter::new(model, "m").unwrap().c().header;
        scratch |= header.contains("struct m_scratch {");
        state |= header.contains("#define M_STATE ");
    }
    let roundings = |kind: OperatorKind| -> Vec<Option<u8>> {
        use Rounding::{HalfEven, Shift, TfliteDouble, TfliteSingle};
        let allowed: &[Rounding] = match kind {
            OperatorKind::Dense | OperatorKind::Conv | OperatorKind::Distance | OperatorKind::SquaredError => {
                &[HalfEven, TfliteSingle, TfliteDouble, Shift]
            }
            OperatorKind::Rescale | OperatorKind::Mul => &[HalfEven, TfliteSingle, TfliteDouble, Shift],
            OperatorKind::Add => &[HalfEven, TfliteSingle, Shift],
            OperatorKind::Pool => &[HalfEven, TfliteDouble],
            _ => return vec![None],
        };
        allowed.iter().map(|&rounding| Some(rounding as u8)).collect()
    };
    for &kind in OperatorKind::ALL {
        for rounding in roundings(kind) {
            assert!(operators.contains(&(kind as u16, rounding)), "no model has {} with {rounding:?}", kind.name());
        }
    }
    // Ten kinds, and the affine step in three roundings.
    assert_eq!((steps.len(), heads.len(), scratch, state), (13, 6, true, true), "{steps:?} {heads:?}");
}

#[test]
fn the_header_declares_what_the_model_needs_and_no_more() {
    let prototype = |file: &[u8], name: &str| {
        let header = Emitter::new(Model::parse(file).unwrap(), name).unwrap().c().header;
        let line = header.find("void ").unwrap();
        header[line..].split_once(';').unwrap().0.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let plain = prototype(&two_counters().to_bytes(), "Two counters");
    assert_eq!(plain, "void two_counters_decide(const int64_t *counters, struct two_counters_decision *out)");
    let of = |name: &str| prototype(&cases().iter().find(|case| case.name == name).unwrap().file, "m");
    let wide = "void m_decide(const int64_t *counters, struct m_scratch *scratch, struct m_decision *out)";
    assert_eq!(of("wide"), wide);
    assert_eq!(of("cell 1"), "void m_decide(const int64_t *counters, int64_t *state, struct m_decision *out)");
}

#[test]
fn a_model_that_is_refused_is_not_emitted() {
    let mut spec = two_counters();
    spec.head.scores = 1;
    spec.outcomes.pop();
    let bytes = spec.to_bytes();
    let refused = Emitter::new(Model::parse(&bytes).unwrap(), "m").unwrap_err();
    assert_eq!(refused.to_string(), "head: decides between 2 outcomes, the file names 1");
}

//! Emitted Rust: a crate without `std` and `unsafe` of all models, and a program around it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kinfer::Model;
use kinfer_convert::emit::Emitter;

use super::c::{folder, succeed};
use super::models::{Case, assert_equal, input};

/// Compiles the models as the kernel's edition has it, decides every row, and compares with the engine.
pub(crate) fn assert_emitted_equal(cases: &[Case]) {
    let dir = folder("rust");
    let mut modules =
        String::from("#![no_std]\n#![forbid(unsafe_code)]\n#![deny(warnings, missing_docs)]\n//! Models.\n");
    let mut runs = String::new();
    for (number, case) in cases.iter().enumerate() {
        let emitter = Emitter::new(Model::parse(&case.file).unwrap(), &format!("{} {number}", case.name)).unwrap();
        let name = emitter.name();
        fs::write(dir.join(name).with_extension("rs"), emitter.rust()).unwrap();
        modules += &format!("pub mod {name};\n");
        let state = if case.has_state() { "&mut state, " } else { "" };
        runs += &RUN.replace("NAME", name).replace("STATE, ", state);
    }
    fs::write(dir.join("models.rs"), modules).unwrap();
    fs::write(dir.join("main.rs"), format!("{PROLOGUE}\nfn main() {{\n{runs}}}\n")).unwrap();

    let core = compile_library(&dir);
    let mut main = rustc(&dir);
    main.arg("main.rs").arg("--extern").arg(format!("kinfer={}", core.display()));
    succeed(main.args(["--extern", "models=libmodels.rlib"]));
    fs::write(dir.join("rows"), input(cases)).unwrap();
    let printed = succeed(Command::new(dir.join("main")).stdin(fs::File::open(dir.join("rows")).unwrap()));
    assert_equal(cases, &printed);
}

/// Compiles the library; the core that it was compiled with, of those that lie beside this test: an older one may be of
/// another compiler.
fn compile_library(dir: &Path) -> PathBuf {
    let mut last = None;
    for core in cores() {
        let mut library = rustc(dir);
        library.args(["--crate-type", "lib", "models.rs", "--extern"]).arg(format!("kinfer={}", core.display()));
        let output = library.output().unwrap();
        if output.status.success() && output.stderr.is_empty() {
            return core;
        }
        last.get_or_insert(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    panic!("{}", last.unwrap_or("no kinfer beside this test".into()));
}

fn deps() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The core's libraries, the newest first.
fn cores() -> Vec<PathBuf> {
    let is_core = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libkinfer-") && name.ends_with(".rlib")
    };
    let files = deps().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut cores: Vec<PathBuf> = files.filter(is_core).collect();
    cores.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().modified().unwrap()));
    cores
}

fn rustc(dir: &Path) -> Command {
    let mut rustc = Command::new("rustc");
    let dependencies = format!("dependency={}", deps().display());
    rustc.current_dir(dir).args(["--edition", "2021", "-D", "warnings", "-L", &dependencies, "-L", "."]);
    rustc
}

const PROLOGUE: &str = "\
use std::io::Read;

fn next() -> i64 {
    let mut bytes = [0; 8];
    std::io::stdin().read_exact(&mut bytes).unwrap();
    i64::from_ne_bytes(bytes)
}
";

/// Decides the rows of one model.
const RUN: &str = "    {
        use models::NAME::*;
        let mut report = kinfer::Report::default();
        let model = Model::load(&mut report, vec![0i64; PACKED_WORDS]).unwrap();
        assert_eq!((report.checksum, report.scratch_words, report.state_words), (CRC32C, SCRATCH_WORDS, STATE_WORDS));
        let (mut scratch, rows) = ([0; SCRATCH_WORDS], next());
        #[allow(unused_mut, unused_variables)]
        let mut state: [i64; STATE_WORDS] = std::array::from_fn(|_| next());
        for _ in 0..rows {
            let counters = Counters::from(std::array::from_fn(|_| next()));
            let decision = model.decide(&mut scratch, STATE, &counters);
            assert_eq!(Outcome::of(&decision) as u32, decision.class);
            let (value, margin) = (decision.value.to_bits(), decision.margin.to_bits());
            println!(\"{} {value} {margin} {}\", decision.class, decision.flags.bits());
        }
    }
";

//! C in a batch: one object of all models, one program around it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kinfer::Model;
use kinfer_convert::emit::Emitter;

use super::models::{Case, assert_equal, input};

/// What `docs/emit.md` promises to build without a warning, and the warnings of a kernel build.
pub(crate) const STRICT: &[&str] = &[
    "-std=gnu11",
    "-O2",
    "-mgeneral-regs-only",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wmissing-prototypes",
    "-Wstrict-prototypes",
    "-Wdeclaration-after-statement",
    "-Wvla",
    "-Wundef",
    "-Wframe-larger-than=2048",
];

/// Emitted models in a folder of their own.
pub(crate) struct Batch<'c> {
    dir: PathBuf,
    cases: &'c [Case],
}

/// Where a test writes.
pub(crate) fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emit").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

impl<'c> Batch<'c> {
    /// Emits `cases`; `name` is that of the folder.
    pub(crate) fn new(name: &str, cases: &'c [Case]) -> Self {
        let dir = folder(name);
        let (mut models, mut runs, mut calls) = (String::new(), String::new(), String::new());
        for (number, case) in cases.iter().enumerate() {
            // Names need not differ; with numbers they do.
            let emitter = Emitter::new(Model::parse(&case.file).unwrap(), &format!("{} {number}", case.name)).unwrap();
            let (files, name) = (emitter.c(), emitter.name());
            fs::write(dir.join(name).with_extension("c"), &files.source).unwrap();
            fs::write(dir.join(name).with_extension("h"), &files.header).unwrap();
            models += &format!("#include \"{name}.c\"\n");
            runs += &run(name, case, files.header.contains(&format!("struct {name}_scratch {{")));
            calls += &format!("\trun_{name}();\n");
        }
        fs::write(dir.join("models.c"), models).unwrap();
        fs::write(dir.join("main.c"), format!("{PROLOGUE}{runs}\nint main(void)\n{{\n{calls}\treturn 0;\n}}\n"))
            .unwrap();
        Self { dir, cases }
    }

    /// Compiles all models to one object; the compiler must have nothing to say.
    pub(crate) fn compile(&self, compiler: &str, flags: &[&str]) -> PathBuf {
        let object = self.dir.join("models.o");
        let mut command = Command::new(compiler);
        succeed(command.args(flags).arg("-c").arg(self.dir.join("models.c")).arg("-o").arg(&object));
        object
    }

    /// Links the object with a program, decides every row of every model, and compares with the engine.
    pub(crate) fn assert_equal(&self, flags: &[&str]) {
        let program = self.dir.join("models");
        let mut link = Command::new("gcc");
        link.args(flags).arg(self.dir.join("main.c")).arg(self.dir.join("models.o"));
        succeed(link.arg("-o").arg(&program));
        let rows = self.dir.join("rows");
        fs::write(&rows, input(self.cases)).unwrap();
        let printed = succeed(Command::new(&program).stdin(fs::File::open(&rows).unwrap()));
        assert_equal(self.cases, &printed);
    }
}

const PROLOGUE: &str = "\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t next(void)
{
	int64_t value;

	if (fread(&value, 8, 1, stdin) != 1)
		exit(1);
	return value;
}
";

/// A function that decides the rows of a model.
fn run(name: &str, case: &Case, has_scratch: bool) -> String {
    let upper = name.to_ascii_uppercase();
    let (state, fill, state_argument) = match case.has_state() {
        true => (
            format!("\tint64_t state[{upper}_STATE];\n"),
            format!("\tfor (int i = 0; i < {upper}_STATE; i++)\n\t\tstate[i] = next();\n"),
            ", state",
        ),
        false => Default::default(),
    };
    let (scratch, scratch_argument) = match has_scratch {
        true => (format!("\tstatic struct {name}_scratch scratch;\n"), ", &scratch"),
        false => Default::default(),
    };
    format!(
        "
#include \"{name}.h\"

static void run_{name}(void)
{{
	int64_t counters[{upper}_FEATURES];
	struct {name}_decision out;
{state}{scratch}	int64_t rows = next();

{fill}	while (rows-- > 0) {{
		for (int i = 0; i < {upper}_FEATURES; i++)
			counters[i] = next();
		{name}_decide(counters{state_argument}{scratch_argument}, &out);
		printf(\"%u %lld %lld %u\\n\", out.class, (long long)out.value, (long long)out.margin, out.flags);
	}}
}}
"
    )
}

/// Runs a command that must succeed without a word on standard error; what it prints.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{command:?}: {}\n{err}", output.status);
    out.into_owned()
}

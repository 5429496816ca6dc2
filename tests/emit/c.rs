//! C in a batch: one object of all models, one program around it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kinfer::Decision;
use kinfer_convert::emit::Emitter;

use super::models::Case;

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
    "-Wvla",
    "-Wundef",
    "-Wframe-larger-than=2048",
];

/// Emitted models in a folder of their own.
pub(crate) struct Batch<'c> {
    dir: PathBuf,
    cases: &'c [Case],
}

impl<'c> Batch<'c> {
    /// Emits `cases`; `name` is that of the folder.
    pub(crate) fn new(name: &str, cases: &'c [Case]) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emit").join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let (mut models, mut runs, mut calls) = (String::new(), String::new(), String::new());
        for (number, case) in cases.iter().enumerate() {
            let model = kinfer::Model::parse(&case.file).unwrap();
            // Names of files may be any; numbers make them differ.
            let emitter = Emitter::new(model, &format!("{} {number}", case.name)).unwrap();
            let (files, name) = (emitter.c(), emitter.name());
            fs::write(dir.join(name).with_extension("c"), &files.source).unwrap();
            fs::write(dir.join(name).with_extension("h"), &files.header).unwrap();
            let (upper, words) = (name.to_ascii_uppercase(), case.state.len());
            let scratch = files.header.contains(&format!("struct {name}_scratch {{"));
            let of = |has: bool, argument: &'static str| if has { argument } else { "" };
            writeln!(models, "#include \"{name}.c\"").unwrap();
            writeln!(
                runs,
                "#include \"{name}.h\"\nstatic void run_{name}(void)\n{{\n\tint64_t x[{upper}_FEATURES], state[{} + 1] = {{ 0 }};\n\
                 \tstruct {name}_decision out;\n{}\tint64_t rows = next();\n\n\tfor (int i = 0; i < {words}; i++)\n\t\tstate[i] = next();\n\
                 \twhile (rows-- > 0) {{\n\t\tfor (int i = 0; i < {upper}_FEATURES; i++)\n\t\t\tx[i] = next();\n\
                 \t\t{name}_decide(x{}{}, &out);\n\
                 \t\tprintf(\"%u %lld %lld %u\\n\", out.class, (long long)out.value, (long long)out.margin, out.flags);\n\t}}\n}}",
                words,
                if scratch { format!("\tstatic struct {name}_scratch scratch;\n") } else { String::new() },
                of(words > 0, ", state"),
                of(scratch, ", &scratch"),
            )
            .unwrap();
            writeln!(calls, "\trun_{name}();").unwrap();
        }
        fs::write(dir.join("models.c"), models).unwrap();
        let next = "static int64_t next(void)\n{\n\tint64_t value;\n\n\tif (fread(&value, 8, 1, stdin) != 1)\n\t\texit(1);\n\treturn value;\n}\n";
        let main = format!(
            "#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n\n{next}\n{runs}\nint main(void)\n{{\n{calls}\treturn 0;\n}}\n"
        );
        fs::write(dir.join("main.c"), main).unwrap();
        Self { dir, cases }
    }

    /// Compiles all models to one object, with nothing printed.
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
        link.args(flags).arg("-O1").arg(self.dir.join("main.c")).arg(self.dir.join("models.o"));
        succeed(link.arg("-o").arg(&program));

        let mut numbers: Vec<i64> = Vec::new();
        for case in self.cases {
            numbers.push(case.rows.len() as i64);
            numbers.extend(&case.state);
            numbers.extend(case.rows.iter().flatten());
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        let input = self.dir.join("rows");
        fs::write(&input, bytes).unwrap();
        let printed = succeed(Command::new(&program).stdin(fs::File::open(&input).unwrap()));
        let mut lines = printed.lines();
        for case in self.cases {
            for (row, decision) in case.rows.iter().zip(case.expected()) {
                let Decision { class, value, margin, flags } = decision;
                let expected = format!("{class} {} {} {}", value.to_bits(), margin.to_bits(), flags.bits());
                assert_eq!(lines.next(), Some(expected.as_str()), "{} on {row:?}", case.name);
            }
        }
        assert_eq!(lines.next(), None);
    }
}

/// Runs a command that must succeed without a word on standard error; what it prints.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{command:?}: {}\n{err}", output.status);
    out.into_owned()
}

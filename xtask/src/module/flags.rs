//! The compiler flags of the kernel, read from Kbuild itself: a probe module's `.o.cmd` file holds the very command.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::build::Build;

const PROBE: &str = "\
// SPDX-License-Identifier: GPL-2.0
//! Nothing: only how Kbuild compiles it is of interest.
";

/// What `cargo` needs to compile a crate as Kbuild would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RustFlags {
    /// `--target`: the identity of a target is its name and contents, so it must be the tree's own file.
    pub(super) target: String,
    /// Everything else that shapes code: `RUSTFLAGS`.
    pub(super) flags: Vec<String>,
    /// Whether arithmetic that overflows panics. Apart from the others, because not every crate can have it.
    pub(super) overflow_checks: bool,
}

/// Asks Kbuild how it compiles a Rust file of a module.
pub(super) fn probe(build: &Build<'_>) -> Result<RustFlags> {
    let dir = build.dir("probe")?;
    fs::write(dir.join("Kbuild"), "obj-m := probe.o\n")?;
    fs::write(dir.join("probe.rs"), PROBE)?;
    let mut make = build.make(&dir)?;
    build.run(make.arg("probe.o"))?;
    let saved = dir.join(".probe.o.cmd");
    let text = fs::read_to_string(&saved).with_context(|| format!("reading {}", saved.display()))?;
    from_saved_command(&text).with_context(|| format!("in {}", saved.display()))
}

/// Takes the flags out of the first line of an `.o.cmd` file, `savedcmd_X.o := VAR=… rustc ARGUMENTS`.
fn from_saved_command(text: &str) -> Result<RustFlags> {
    let line = text.lines().next().unwrap_or_default();
    let (_, command) = line.split_once(":=").context("no saved command")?;
    // objtool and fixdep may follow the compiler.
    let command = command.split(" ; ").next().unwrap_or(command);
    let words = split_words(command);
    let rustc = words
        .iter()
        .position(|word| Path::new(word).file_name().is_some_and(|name| name == "rustc"))
        .context("the saved command does not call rustc")?;

    let mut target = None;
    let mut flags = Vec::new();
    let mut words = words.into_iter().skip(rustc + 1);
    while let Some(word) = words.next() {
        if let Some(path) = word.strip_prefix("--target=") {
            target = Some(path.to_owned());
        } else if TAKES_VALUE.contains(&word.as_str()) {
            let value = words.next().with_context(|| format!("{word} has no value"))?;
            if word == "-L" {
                flags.extend([word, value]);
            }
        } else if word.starts_with('-') && !DROPPED.iter().any(|prefix| word.starts_with(prefix)) {
            flags.push(word);
        }
    }
    let checks: Vec<String> = flags.extract_if(.., |flag| flag.starts_with(OVERFLOW)).collect();
    let overflow_checks = checks.last().is_some_and(|flag| flag.ends_with("=y"));
    let target = target.context("the saved command has no --target")?;
    for needed in NEEDED {
        ensure!(flags.iter().any(|flag| flag.starts_with(needed)), "the saved command has no {needed}");
    }
    Ok(RustFlags { target, flags, overflow_checks })
}

/// Options whose value is the next word. Of these only the search path is of use to another crate.
const TAKES_VALUE: [&str; 5] = ["-L", "--extern", "--cfg", "--crate-type", "--out-dir"];

/// Options that belong to the one file that Kbuild compiles, or that cargo sets itself: its edition, its lints (cargo
/// caps those of dependencies), what it emits. All that shape code stay.
const DROPPED: [&str; 10] = [
    "--edition",
    "--emit",
    "--out-dir",
    "-W",
    "-A",
    "-D",
    "-Zallow-features",
    "-Zcrate-attr",
    "-Zbinary_dep_depinfo",
    "--crate-name",
];

const OVERFLOW: &str = "-Coverflow-checks=";

/// Without these the object would not be fit for the kernel; their absence means that the command was misread.
const NEEDED: [&str; 5] = ["-Cpanic=abort", "-Ctarget-feature=", "-Ccode-model=", "-Cno-redzone", "--sysroot="];

/// Splits a shell command into words; Kbuild quotes with `'` only.
fn split_words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "savedcmd_probe.o := OBJTREE=/t RUST_MODFILE=./probe rustc --edition=2021 -Wmissing_docs -Cpanic=abort \
        --target=/t/scripts/target.json -Ctarget-feature=-sse,-avx -Ccode-model=kernel -Cno-redzone=y --cfg MODULE \
        @/t/include/generated/rustc_cfg -Zcrate-attr='feature(asm_goto, used_with_arg)' -Zcf-protection=branch -Coverflow-checks=y \
        --extern kernel --crate-type rlib -L /t/rust/ --sysroot=/dev/null --out-dir ./ --emit=obj=probe.o probe.rs ; objtool x\n\n";

    #[test]
    fn flags_that_shape_code_are_kept_and_those_of_the_file_dropped() {
        let found = from_saved_command(SAVED).unwrap();
        assert!(found.overflow_checks);
        assert_eq!(found.target, "/t/scripts/target.json");
        assert_eq!(
            found.flags,
            [
                "-Cpanic=abort",
                "-Ctarget-feature=-sse,-avx",
                "-Ccode-model=kernel",
                "-Cno-redzone=y",
                "-Zcf-protection=branch",
                "-L",
                "/t/rust/",
                "--sysroot=/dev/null",
            ]
        );
    }

    #[test]
    fn a_command_without_the_kernel_s_code_model_is_refused() {
        let error = from_saved_command(&SAVED.replace("-Ccode-model=kernel", "")).unwrap_err();
        assert_eq!(error.to_string(), "the saved command has no -Ccode-model=");
    }
}

//! The BPF program, by the clang of the Debian root.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::SOURCES;
use super::build::Build;
use super::stage::mirror;

/// Compiles `decide.bpf.c`.
pub(super) fn build(build: &Build<'_>, repository: &Path) -> Result<PathBuf> {
    let dir = build.dir("bpf")?;
    for folder in ["bpf", "include"] {
        mirror(&repository.join(SOURCES).join(folder), &dir.join(folder))?;
    }
    let object = dir.join("decide.bpf.o");
    let mut clang = build.command("clang")?;
    clang
        .args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror", "-c"])
        .arg("-I")
        .arg(build.inside(&dir.join("include/uapi"))?)
        // Debian keeps <asm/types.h> in a folder of the architecture, which clang leaves out for other targets.
        .args(["-idirafter", "/usr/include/x86_64-linux-gnu"])
        .arg(build.inside(&dir.join("bpf/decide.bpf.c"))?)
        .arg("-o")
        .arg(build.inside(&object)?);
    build.run(&mut clang)?;
    Ok(object)
}

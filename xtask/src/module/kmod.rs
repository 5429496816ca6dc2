//! The module itself: its sources beside the core's object, and Kbuild.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::SOURCES;
use super::build::Build;
use super::core_crate::CoreCrate;
use super::stage::{mirror, write_if_changed};

/// Builds `kinfer.ko` from the module's sources in `repository`.
pub(super) fn build(build: &Build<'_>, core: &CoreCrate, repository: &Path) -> Result<PathBuf> {
    let dir = build.dir("module")?;
    mirror(&repository.join(SOURCES), &dir)?;
    mirror(&core.object, &dir.join("kcore.o"))?;
    // An object without a source is taken as it is, if it has a command that made it.
    write_if_changed(&dir.join(".kcore.o.cmd"), "savedcmd_kcore.o := true\n")?;

    let folder = |path: &Path| build.inside(path).map(|path| path.display().to_string());
    let mut make = build.make(&dir)?;
    make.arg(format!("KINFER_CORE={}", folder(&core.target)?))
        .arg(format!("KINFER_HOST={}", folder(&core.host)?))
        .arg("modules");
    build.run(&mut make)?;

    let ko = dir.join("kinfer.ko");
    ensure!(fs::exists(&ko)?, "Kbuild made no {}", ko.display());
    Ok(ko)
}

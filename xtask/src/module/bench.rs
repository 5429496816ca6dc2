//! The core's object behind a C interface, for `cargo xtask bench`: what the module links, linkable in user space.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::build::Build;
use super::flags::RustFlags;
use super::{core_crate, flags, kmod};
use crate::kernel::Kernel;
use crate::steps::Step;

/// The interface's source in the repository.
const SOURCE: &str = "benches/object/bench.rs";

/// Objects to link, copied out of the build, and what to say of them.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    /// The core, its interface, and the kernel's `core` and `compiler_builtins` that they call.
    pub(crate) link: Vec<PathBuf>,
    /// The core's own object.
    pub(crate) core: PathBuf,
    /// The compiler.
    pub(crate) rustc: String,
}

/// Builds the objects for `kernel` into the folder `to`, and the module, to see that it has the very core that is measured.
pub(crate) fn build(kernel: &Kernel, step: &Step<'_>, to: &Path) -> Result<Objects> {
    let _lock = kernel.lock(step)?;
    let build = Build::new(kernel, step);
    let repository = crate::workspace::root();
    let flags = flags::probe(&build).context("the kernel's compiler flags")?;
    let core = core_crate::build(&build, &flags, repository).context("the core, for the kernel")?;
    let ko = kmod::build(&build, &core, repository).context("the module")?;
    let linked = fs::read(ko.with_file_name("kcore.o")).context("the module's core")?;
    ensure!(fs::read(&core.object)? == linked, "{} has another core than the one measured", ko.display());

    let dir = build.dir("bench")?;
    let source = dir.join("bench.rs");
    super::stage::mirror(&repository.join(SOURCE), &source)?;
    let object = dir.join("bench.o");
    let RustFlags { target, flags, overflow_checks } = &flags;
    let mut rustc = build.command("env")?;
    rustc
        .args(["RUSTC_BOOTSTRAP=1", "rustc", "--edition=2021", "--crate-type=rlib", "--crate-name=kinfer_bench"])
        .args(["--target", target])
        .args(flags)
        .arg(format!("-Coverflow-checks={}", if *overflow_checks { "y" } else { "n" }))
        .arg(format!("--extern=kinfer={}", build.inside(&core.target.join("libkinfer.rlib"))?.display()))
        .arg(format!("-Ldependency={}", build.inside(&core.target.join("deps"))?.display()))
        .arg(format!("-Ldependency={}", build.inside(&core.host)?.display()))
        .arg(format!("--emit=obj={}", build.inside(&object)?.display()))
        .arg(build.inside(&source)?);
    build.run(&mut rustc)?;

    let rust = kernel.tree.join("rust");
    // Another run may build as soon as the lock is free.
    let copy = |object: &Path| {
        let copied = to.join(object.file_name().unwrap_or_default());
        fs::copy(object, &copied).with_context(|| format!("copying {}", object.display()))?;
        anyhow::Ok(copied)
    };
    let core = copy(&core.object)?;
    let others = [object, rust.join("core.o"), rust.join("compiler_builtins.o")];
    let others = others.iter().map(|object| copy(object)).collect::<Result<Vec<_>>>()?;
    let rustc = crate::root::version_of(&kernel.root, step, "rustc")?;
    Ok(Objects { link: [vec![core.clone()], others].concat(), core, rustc })
}

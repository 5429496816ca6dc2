//! A module of models as C, which `kinfer emit` writes: shows that they build as the kernel's own files do, and need nothing
//! that it does not have.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use kinfer::Model;
use kinfer_convert::emit::Emitter;
use kinfer_suite::{random, zoo};

use super::build::Build;
use super::stage::write_if_changed;

/// Enough that every operator is among them.
const RANDOM_MODELS: u64 = 24;

/// Builds the module; a warning stops it, and so does a symbol that the kernel has not.
pub(super) fn build(build: &Build<'_>) -> Result<()> {
    let dir = build.dir("emitted")?;
    let random = (0..RANDOM_MODELS).map(|seed| (format!("random {seed}"), random::model(seed, 8)));
    let zoo = zoo::all().into_iter().map(|(name, spec)| (name.to_owned(), spec));
    let mut objects = String::from("main.o");
    for (name, spec) in zoo.chain(random) {
        let file = spec.to_bytes();
        let emitter = Emitter::new(Model::parse(&file)?, &name)?;
        let (files, name) = (emitter.c(), emitter.name());
        write_if_changed(&dir.join(name).with_extension("c"), &files.source)?;
        write_if_changed(&dir.join(name).with_extension("h"), &files.header)?;
        write!(objects, " {name}.o")?;
    }
    let kbuild = format!("obj-m := emitted.o\nemitted-y := {objects}\nccflags-y := -Werror\n");
    write_if_changed(&dir.join("Kbuild"), &kbuild)?;
    write_if_changed(&dir.join("main.c"), MAIN)?;
    let ko = dir.join("emitted.ko");
    let _ = fs::remove_file(&ko); // of an earlier run
    let mut make = build.make(&dir)?;
    build.run(make.arg("modules")).context("models as C")?;
    ensure!(fs::exists(&ko)?, "Kbuild made no {}", ko.display());
    Ok(())
}

const MAIN: &str = "#include <linux/module.h>

MODULE_DESCRIPTION(\"Models as C\");
MODULE_LICENSE(\"GPL\");
";

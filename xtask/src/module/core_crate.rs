//! The core crate compiled with the kernel's own compiler and flags: `kcore.o`, and the metadata that the module's
//! `rustc` reads.
//!
//! The sources are staged as a workspace of their own (`kinfer` and its vendored dependencies), so that the build
//! inside the Debian root needs neither the network nor anything outside that root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use object::read::archive::ArchiveFile;
use toml::{Table, Value};

use super::build::Build;
use super::flags::RustFlags;
use super::stage::{mirror, write_bytes_if_changed, write_if_changed};
use super::vendor;

/// The staged workspace, in the build folder.
const CORE: &str = "core";

/// What the core is compiled with beside the kernel's flags. The kernel builds its `core` with the first, and zerocopy asks
/// for it (linux:rust/Makefile). The second keeps LLVM from turning conditional moves into branches, which cost a
/// misprediction a neuron and make the time of a decision depend on its inputs. The others optimise for size what only loads
/// a model: `optimize` is an unstable attribute, which the core names where `kinfer_module` is set.
const CORE_FLAGS: &str = "--cfg\u{1f}no_fp_fmt_parse\u{1f}-Cllvm-args=-x86-cmov-converter=0\u{1f}--cfg\u{1f}kinfer_module\u{1f}\
    -Zcrate-attr=feature(optimize_attribute)";

/// What the module's `rustc` and linker take from the core.
pub(super) struct CoreCrate {
    /// The crate's object, linked into the module.
    pub(super) object: PathBuf,
    /// The folder of `libkinfer.rlib`, for `--extern`; its dependencies are in `deps`.
    pub(super) target: PathBuf,
    /// The folder of the procedural macros that the dependencies use.
    pub(super) host: PathBuf,
}

/// Builds the core of `repository`.
pub(super) fn build(build: &Build<'_>, flags: &RustFlags, repository: &Path) -> Result<CoreCrate> {
    let dir = build.dir(CORE)?;
    stage(&dir, repository, flags, without_tests)?;
    vendor::vendor(build, &dir, repository)?;
    let target = compile(build, flags, &dir, "kinfer")?;
    let object = dir.join("kcore.o");
    extract_object(&target.join("libkinfer.rlib"), &object)?;
    Ok(CoreCrate { object, target, host: dir.join("target/release/deps") })
}

/// Builds a copy of the core, after [`build`], as crate `planted` with one more module of that name. Only for its
/// object.
pub(super) fn build_planted(build: &Build<'_>, flags: &RustFlags, repository: &Path, module: &str) -> Result<PathBuf> {
    const FORBID: &str = "#![forbid(unsafe_code)]\n";
    let dir = build.dir("planted")?;
    stage(&dir, repository, flags, |manifest| planted(without_tests(manifest)))?;
    let root = fs::read_to_string(repository.join("kinfer/src/lib.rs"))?;
    ensure!(root.contains(FORBID), "kinfer/src/lib.rs does not say `{}`", FORBID.trim());
    let source = dir.join("kinfer/src");
    write_if_changed(&source.join("planted.rs"), module)?;
    write_if_changed(&source.join("root.rs"), &format!("{}\npub mod planted;\n", root.replace(FORBID, "")))?;

    let core = build.dir(CORE)?;
    let lock = fs::read_to_string(core.join("Cargo.lock"))?;
    write_if_changed(&dir.join("Cargo.lock"), &lock.replace("name = \"kinfer\"", "name = \"planted\""))?;
    vendor::configure(build, &dir, &core)?;
    let target = compile(build, flags, &dir, "planted")?;
    let object = dir.join("planted.o");
    extract_object(&target.join("libplanted.rlib"), &object)?;
    Ok(object)
}

fn stage(dir: &Path, repository: &Path, flags: &RustFlags, package: impl Fn(Table) -> Table) -> Result<()> {
    mirror(&repository.join("kinfer/src"), &dir.join("kinfer/src"))?;
    let workspace = read_table(&repository.join("Cargo.toml"))?;
    write_if_changed(&dir.join("Cargo.toml"), &toml::to_string(&staged_workspace(workspace, flags)?)?)?;
    let manifest = package(read_table(&repository.join("kinfer/Cargo.toml"))?);
    write_if_changed(&dir.join("kinfer/Cargo.toml"), &toml::to_string(&manifest)?)
}

/// The workspace without its root package and with the core as its only member; what members inherit stays.
fn staged_workspace(manifest: Table, flags: &RustFlags) -> Result<Table> {
    let mut workspace = manifest.get("workspace").and_then(Value::as_table).context("no [workspace]")?.clone();
    workspace.remove("default-members");
    workspace.insert("members".into(), Value::Array(vec!["kinfer".into()]));
    // What Kbuild passes comes later on the command line and wins; the first line is what it passes as well.
    // `heapless` counts up a length that it has just compared with the capacity: a check of its own there would be
    // the one panic left in the core.
    let profile = format!(
        "panic = 'abort'\ncodegen-units = 1\nlto = 'off'\n\
         overflow-checks = {}\npackage.heapless.overflow-checks = false\n",
        flags.overflow_checks
    );
    let mut staged = Table::new();
    staged.insert("workspace".into(), workspace.into());
    staged.insert("profile".into(), Table::from_iter([("release".to_owned(), toml::from_str(&profile)?)]).into());
    Ok(staged)
}

/// The core without what only its tests use.
fn without_tests(mut manifest: Table) -> Table {
    for of_tests in ["dev-dependencies", "test", "bench", "example"] {
        manifest.remove(of_tests);
    }
    manifest
}

fn planted(mut manifest: Table) -> Table {
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        package.insert("name".into(), "planted".into());
    }
    manifest.insert("lib".into(), Value::Table([("path".to_owned(), "src/root.rs".into())].into_iter().collect()));
    manifest
}

/// Compiles a package of the staged workspace `dir`; the folder of its library.
fn compile(build: &Build<'_>, flags: &RustFlags, dir: &Path, package: &str) -> Result<PathBuf> {
    let rustflags = [flags.flags.join("\u{1f}").as_str(), CORE_FLAGS].join("\u{1f}");
    let core = build.dir(CORE)?;
    let mut cargo = build.command("env")?;
    cargo
        // cargo looks for its configuration (the vendored sources) from where it is started.
        .arg("--chdir")
        .arg(build.inside(dir)?)
        .arg(format!("CARGO_HOME={}", build.inside(&core.join("home"))?.display()))
        .arg(format!("CARGO_ENCODED_RUSTFLAGS={rustflags}"))
        // The kernel is built by a stable compiler with its unstable options unlocked; so must be what joins it.
        .arg("RUSTC_BOOTSTRAP=1")
        .args(["cargo", "build", "--release", "--offline", "--locked", "--package", package])
        .args(["--target", &flags.target])
        .arg("--target-dir")
        .arg(build.inside(&core.join("target"))?);
    build.run(&mut cargo)?;
    let target = Path::new(&flags.target).file_stem().context("the target has no name")?;
    Ok(core.join("target").join(target).join("release"))
}

/// An rlib is an archive of the crate's objects and `lib.rmeta`. With one code generation unit there is one object.
fn extract_object(library: &Path, object: &Path) -> Result<()> {
    let bytes = fs::read(library).with_context(|| format!("reading {}", library.display()))?;
    let archive = ArchiveFile::parse(&*bytes)?;
    let mut objects = Vec::new();
    for member in archive.members() {
        let member = member?;
        if member.name().ends_with(b".o") {
            objects.push(member.data(&*bytes)?);
        }
    }
    ensure!(objects.len() == 1, "{} holds {} objects, not one", library.display(), objects.len());
    write_bytes_if_changed(object, objects[0])
}

fn read_table(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    text.parse().with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_staged_workspace_keeps_what_members_inherit() {
        let manifest = "[workspace]\nmembers = ['a', 'kinfer']\npackage.version = '1.0.0'\n[package]\nname = 'root'\n";
        let flags = RustFlags { target: String::new(), flags: Vec::new(), overflow_checks: true };
        let staged = staged_workspace(manifest.parse().unwrap(), &flags).unwrap();
        assert!(!staged.contains_key("package"));
        assert_eq!(staged["workspace"]["package"]["version"].as_str(), Some("1.0.0"));
        assert_eq!(staged["workspace"]["members"].as_array().unwrap().len(), 1);
        assert_eq!(staged["profile"]["release"]["overflow-checks"].as_bool(), Some(true));
    }
}

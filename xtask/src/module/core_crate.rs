//! The core crate compiled with the kernel's own compiler and flags: `kcore.o`, and the metadata that the module's `rustc` reads.
//!
//! The sources are staged as a workspace of their own (`kinfer` and its dependencies, vendored at the versions of the repository's
//! lock file), so that the build inside the Debian root needs neither the network nor anything outside that root.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use toml::{Table, Value};

use super::flags::RustFlags;
use super::stage::{mirror, write_bytes_if_changed, write_if_changed};
use super::{Build, patch};

/// What the module's `rustc` and linker take from the core.
pub(crate) struct CoreCrate {
    /// The crate's object, linked into the module.
    pub(crate) object: PathBuf,
    /// The folder of `libkinfer.rlib`, for `--extern`; its dependencies are in `deps`.
    pub(crate) target: PathBuf,
    /// The folder of the procedural macros that the dependencies use.
    pub(crate) host: PathBuf,
}

/// Builds the core crate whose repository is `repository`.
pub(crate) fn build(build: &Build<'_>, flags: &RustFlags, repository: &Path) -> Result<CoreCrate> {
    let dir = build.dir("core")?;
    stage(&dir, repository)?;
    vendor(build, &dir, repository)?;
    compile(build, flags, &dir)
}

fn stage(dir: &Path, repository: &Path) -> Result<()> {
    mirror(&repository.join("kinfer/src"), &dir.join("kinfer/src"))?;
    let workspace = read_table(&repository.join("Cargo.toml"))?;
    write_if_changed(&dir.join("Cargo.toml"), &toml::to_string(&staged_workspace(workspace)?)?)?;
    let package = read_table(&repository.join("kinfer/Cargo.toml"))?;
    write_if_changed(&dir.join("kinfer/Cargo.toml"), &toml::to_string(&staged_package(package))?)
}

/// The workspace without its root package and with the core as its only member; what members inherit stays.
fn staged_workspace(manifest: Table) -> Result<Table> {
    let mut workspace = manifest.get("workspace").and_then(Value::as_table).context("no [workspace]")?.clone();
    workspace.remove("default-members");
    workspace.insert("members".into(), Value::Array(vec!["kinfer".into()]));
    let mut staged = Table::new();
    staged.insert("workspace".into(), workspace.into());
    // What Kbuild passes comes later on the command line and wins; these are what it passes as well.
    staged.insert("profile".into(), toml::from_str("release = { panic = 'abort', codegen-units = 1, lto = 'off' }")?);
    Ok(staged)
}

/// The core without what only its tests use.
fn staged_package(mut manifest: Table) -> Table {
    for of_tests in ["dev-dependencies", "test", "bench", "example"] {
        manifest.remove(of_tests);
    }
    manifest
}

/// Vendors the dependencies and edits them, when the lock file says something new.
fn vendor(build: &Build<'_>, dir: &Path, repository: &Path) -> Result<()> {
    let wanted = fs::read_to_string(repository.join("Cargo.lock")).context("Cargo.lock")?;
    let stamp = dir.join("vendor.stamp");
    let stamp_text = [wanted.as_str(), &fs::read_to_string(dir.join("kinfer/Cargo.toml"))?, patch::RULES].concat();
    if fs::read_to_string(&stamp).is_ok_and(|text| text == stamp_text) {
        return Ok(());
    }
    let vendor = dir.join("vendor");
    if vendor.exists() {
        fs::remove_dir_all(&vendor)?;
    }
    let config = dir.join(".cargo/config.toml");
    if config.exists() {
        fs::remove_file(&config)?;
    }
    fs::write(dir.join("Cargo.lock"), &wanted)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    build.run(Command::new(cargo).arg("vendor").current_dir(dir))?;
    same_versions(&wanted, &fs::read_to_string(dir.join("Cargo.lock"))?)?;
    patch::apply(&vendor)?;
    fs::create_dir_all(dir.join(".cargo"))?;
    fs::write(&config, VENDORED)?;
    Ok(fs::write(&stamp, stamp_text)?)
}

const VENDORED: &str = "\
[source.crates-io]
replace-with = 'vendored'

[source.vendored]
directory = 'vendor'
";

/// The crates that enter the kernel must be the ones that the repository's lock file names and its tests ran.
fn same_versions(repository: &str, staged: &str) -> Result<()> {
    let tested = locked(repository)?;
    for (package, checksum) in locked(staged)? {
        ensure!(
            tested.get(&package) == Some(&checksum),
            "{} {} would enter the kernel, but is not what Cargo.lock names",
            package.0,
            package.1
        );
    }
    Ok(())
}

type Locked = BTreeMap<(String, String), Option<String>>;

fn locked(lock: &str) -> Result<Locked> {
    let table: Table = lock.parse().context("Cargo.lock")?;
    let packages = table.get("package").and_then(Value::as_array).context("Cargo.lock has no packages")?;
    let text = |package: &Value, key| package.get(key).and_then(Value::as_str).map(str::to_owned);
    packages
        .iter()
        .map(|package| {
            let name = text(package, "name").context("a package without a name")?;
            let version = text(package, "version").context("a package without a version")?;
            Ok(((name, version), text(package, "checksum")))
        })
        .collect()
}

fn compile(build: &Build<'_>, flags: &RustFlags, dir: &Path) -> Result<CoreCrate> {
    // The kernel builds its `core` with this, and zerocopy asks for it (linux:rust/Makefile).
    let rustflags = [flags.flags.join("\u{1f}").as_str(), "--cfg", "no_fp_fmt_parse"].join("\u{1f}");
    let mut cargo = build.command("env")?;
    cargo
        // cargo looks for its configuration (the vendored sources) from where it is started.
        .arg("--chdir")
        .arg(build.inside(dir)?)
        .arg(format!("CARGO_HOME={}", build.inside(&dir.join("home"))?.display()))
        .arg(format!("CARGO_ENCODED_RUSTFLAGS={rustflags}"))
        // The kernel is built by a stable compiler with its unstable options unlocked; so must be what joins it.
        .arg("RUSTC_BOOTSTRAP=1")
        .args(["cargo", "build", "--release", "--offline", "--locked", "--package", "kinfer"])
        .args(["--target", &flags.target])
        .args(["--target-dir", "target"]);
    build.run(&mut cargo)?;

    let target = Path::new(&flags.target).file_stem().context("the target has no name")?;
    let release = dir.join("target").join(target).join("release");
    let object = dir.join("kcore.o");
    extract_object(&release.join("libkinfer.rlib"), &object)?;
    Ok(CoreCrate { object, target: release, host: dir.join("target/release/deps") })
}

/// An rlib is an archive of the crate's objects and `lib.rmeta`. With one code generation unit there is one object.
fn extract_object(library: &Path, object: &Path) -> Result<()> {
    let bytes = fs::read(library).with_context(|| format!("reading {}", library.display()))?;
    let archive = object::read::archive::ArchiveFile::parse(&*bytes)?;
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

    const TESTED: &str = "[[package]]\nname = 'fixed'\nversion = '1.30.0'\nchecksum = 'aa'\n\
        [[package]]\nname = 'serde'\nversion = '1.0.0'\nchecksum = 'bb'\n";

    #[test]
    fn a_crate_that_was_not_tested_does_not_enter_the_kernel() {
        same_versions(TESTED, "[[package]]\nname = 'fixed'\nversion = '1.30.0'\nchecksum = 'aa'\n").unwrap();
        let other = "[[package]]\nname = 'fixed'\nversion = '1.30.1'\nchecksum = 'cc'\n";
        let error = same_versions(TESTED, other).unwrap_err();
        assert_eq!(error.to_string(), "fixed 1.30.1 would enter the kernel, but is not what Cargo.lock names");
    }

    #[test]
    fn the_staged_workspace_keeps_what_members_inherit() {
        let manifest = "[workspace]\nmembers = ['a', 'kinfer']\npackage.version = '1.0.0'\n[package]\nname = 'root'\n";
        let staged = staged_workspace(manifest.parse().unwrap()).unwrap();
        assert!(!staged.contains_key("package"));
        assert_eq!(staged["workspace"]["package"]["version"].as_str(), Some("1.0.0"));
        assert_eq!(staged["workspace"]["members"].as_array().unwrap().len(), 1);
    }
}

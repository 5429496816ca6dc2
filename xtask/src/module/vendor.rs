//! The core's dependencies beside its staged copy: the versions of the repository's lock file, edited for the kernel.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use toml::{Table, Value};

use super::build::Build;
use super::patch;
use super::stage::write_if_changed;

/// Vendors into `vendor` of the staged workspace `dir` and edits, when the repository's lock file or the edits are
/// new.
pub(super) fn vendor(build: &Build<'_>, dir: &Path, repository: &Path) -> Result<()> {
    let wanted = fs::read_to_string(repository.join("Cargo.lock")).context("reading Cargo.lock")?;
    let stamp = dir.join("vendor.stamp");
    let key = [wanted.as_str(), &fs::read_to_string(dir.join("kinfer/Cargo.toml"))?, patch::RULES].concat();
    if fs::read_to_string(&stamp).is_ok_and(|text| text == key) {
        return Ok(());
    }
    // With the old configuration, cargo would vendor from the old copy.
    for old in ["vendor", ".cargo"] {
        let old = dir.join(old);
        if old.exists() {
            fs::remove_dir_all(&old).with_context(|| format!("removing {}", old.display()))?;
        }
    }
    fs::write(dir.join("Cargo.lock"), &wanted)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    build.run(Command::new(cargo).arg("vendor").current_dir(dir))?;
    same_versions(&wanted, &fs::read_to_string(dir.join("Cargo.lock"))?)?;
    patch::apply(&dir.join("vendor"))?;
    configure(build, dir, dir)?;
    fs::write(&stamp, key).with_context(|| format!("writing {}", stamp.display()))
}

/// Lets cargo take dependencies of the workspace `dir` from what was vendored for `vendored`.
pub(super) fn configure(build: &Build<'_>, dir: &Path, vendored: &Path) -> Result<()> {
    // An absolute path, so that cargo knows the dependencies of several workspaces as the same.
    let vendor = build.inside(&vendored.join("vendor"))?;
    let vendor = vendor.display();
    let text = format!("[source.crates-io]\nreplace-with = 'vendored'\n\n[source.vendored]\ndirectory = '{vendor}'\n");
    fs::create_dir_all(dir.join(".cargo"))?;
    write_if_changed(&dir.join(".cargo/config.toml"), &text)
}

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

/// Name and version → checksum.
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
}

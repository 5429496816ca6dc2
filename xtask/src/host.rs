//! Debian packages of the machine that runs `cargo xtask`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::exit::Exit;
use crate::privilege::Privilege;
use crate::steps::Step;

/// What the host itself needs, and why.
const PACKAGES: &[&str] = &[
    // The Debian 13 root and the virtual machine.
    "mmdebstrap",
    "qemu-system-x86",
    "kmod",
    // Training and the float references.
    "python3-venv",
    // Instruction counts.
    "valgrind",
    // Crates that build C: libbpf, its libelf and zlib, compression of Parquet files.
    "gcc",
    "libc6-dev",
    "libelf-dev",
    "make",
    "pkg-config",
    "zlib1g-dev",
];

/// Installs what is missing.
pub(crate) fn install_packages(step: &Step<'_>, privilege: Option<Privilege>) -> Result<()> {
    let missing = missing_packages(Path::new("/"), PACKAGES.iter().copied())?;
    if missing.is_empty() {
        step.reused();
        return Ok(());
    }
    let list = missing.iter().cloned().collect::<Vec<_>>().join(" ");
    let Some(privilege) = privilege else {
        step.log(&format!("missing: {list}"))?;
        eprintln!("\nDebian packages are missing and neither root nor sudo is at hand. As root, run:\n");
        eprintln!("apt-get update && apt-get install -y --no-install-recommends {list}\n");
        return Err(Exit::NEEDS_ROOT.into());
    };
    let apt = || {
        let mut command = privilege.command("env");
        command.args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "apt-get"]);
        command
    };
    step.run(apt().arg("update"))?;
    step.run(apt().args(["install", "-y", "--no-install-recommends"]).args(&missing))?;
    step.note(format!("installed {list}"));
    Ok(())
}

/// Those of `packages` that are not installed in the Debian system below `root`.
pub(crate) fn missing_packages<'a>(
    root: &Path,
    packages: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeSet<String>> {
    let database = root.join("var/lib/dpkg");
    ensure!(database.is_dir(), "{} is not a Debian system: it has no package database", root.display());
    let output = Command::new("dpkg-query")
        .arg("--admindir")
        .arg(&database)
        .args(["--show", "--showformat", "${db:Status-Abbrev} ${Package}=${Version}\n"])
        .output()
        .context("running dpkg-query, which every Debian has")?;
    ensure!(output.status.success(), "dpkg-query failed on {}", database.display());
    let installed = installed(&String::from_utf8_lossy(&output.stdout));
    Ok(packages.into_iter().filter(|package| !installed.contains(*package)).map(str::to_owned).collect())
}

/// Every installed package, both as `name` and as `name=version`.
fn installed(listing: &str) -> BTreeSet<String> {
    let mut installed = BTreeSet::new();
    for line in listing.lines() {
        let Some(package) = line.strip_prefix("ii ") else { continue };
        let package = package.trim();
        let name = package.split_once('=').map_or(package, |(name, _)| name);
        installed.insert(name.to_owned());
        installed.insert(package.to_owned());
    }
    installed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_in_state_installed_count() {
        let found = installed("ii  kmod=34.2-2\nrc  fio=3.39-1\nun  gcc=\niU  make=4.4.1-2\n");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["kmod", "kmod=34.2-2"]);
    }
}

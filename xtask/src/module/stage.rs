//! Copies of the repository's files inside the Debian root, renewed only where they differ, so that make and cargo rebuild little.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Makes `to` a copy of the folder `from`: changed files are written, files that `from` lacks are removed.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    mirror(from, to, true)
}

/// As [`copy_tree`], but leaves alone what else is in `to`: build products.
pub(crate) fn copy_into(from: &Path, to: &Path) -> Result<()> {
    mirror(from, to, false)
}

fn mirror(from: &Path, to: &Path, prune: bool) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            mirror(&entry.path(), &target, prune)?;
        } else {
            write_bytes_if_changed(&target, &fs::read(entry.path())?)?;
        }
        names.insert(entry.file_name());
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if prune && !names.contains(&entry.file_name()) {
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Writes a text file unless it already says so.
pub(crate) fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    write_bytes_if_changed(path, text.as_bytes())
}

/// Writes a file unless it already holds these bytes.
pub(crate) fn write_bytes_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

//! Copies of the repository's files inside the Debian root, renewed only where they differ, so that make and cargo
//! rebuild little.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

const LIST: &str = ".staged";

/// Makes `to` hold what the file or folder `from` holds. In a folder, files that an earlier call brought and that are
/// gone from `from` are removed; what a build made there stays.
pub(super) fn mirror(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        let bytes = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
        return write_bytes_if_changed(to, &bytes);
    }
    let files = files_below(from)?;
    for file in &files {
        let target = to.join(file);
        if let Some(dir) = target.parent() {
            fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        }
        mirror(&from.join(file), &target)?;
    }
    let list = to.join(LIST);
    let staged = fs::read_to_string(&list).unwrap_or_default();
    for gone in staged.lines().map(Path::new).filter(|file| !files.contains(*file)) {
        let gone = to.join(gone);
        if gone.exists() {
            fs::remove_file(&gone).with_context(|| format!("removing {}", gone.display()))?;
        }
    }
    let lines: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    write_if_changed(&list, &lines.join("\n"))
}

/// Writes a text file unless it already says so.
pub(super) fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    write_bytes_if_changed(path, text.as_bytes())
}

/// Writes a file unless it already holds these bytes.
pub(super) fn write_bytes_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Relative paths of all files.
fn files_below(dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = dir.join(&folder);
        for entry in fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name);
            } else {
                files.insert(name);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_is_removed_and_what_a_build_made_stays() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("sub")).unwrap();
        for name in ["a.c", "sub/b.h"] {
            fs::write(from.path().join(name), name).unwrap();
        }
        mirror(from.path(), to.path()).unwrap();
        fs::write(to.path().join("a.o"), "built").unwrap();
        fs::remove_file(from.path().join("sub/b.h")).unwrap();
        mirror(from.path(), to.path()).unwrap();
        assert!(to.path().join("a.c").exists() && to.path().join("a.o").exists());
        assert!(!to.path().join("sub/b.h").exists());
    }
}

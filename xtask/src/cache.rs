//! Where everything that takes long to make is kept, outside `target/`.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::steps::Step;

/// The cache directory: `$KINFER_CACHE`, else `$XDG_CACHE_HOME/kinfer`, else `~/.cache/kinfer`.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Finds the directory, and makes it.
    pub(crate) fn open() -> Result<Self> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let dir = set("KINFER_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|base| base.join("kinfer")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/kinfer")))
            .context("no place for the cache: set KINFER_CACHE or HOME")?;
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let dir = dir.canonicalize().with_context(|| format!("opening {}", dir.display()))?;
        Ok(Self { dir })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps other runs out of what `name` stands for until the lock is dropped. Waits for a run
    /// that holds it.
    pub(crate) fn lock(&self, name: &str, step: &Step<'_>) -> Result<Lock> {
        let path = self.dir.join(format!("{name}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        // Inherited by what runs under the lock: should we be killed, it is free only when that has ended too.
        fcntl_setfd(&file, FdFlags::empty())?;
        if file.try_lock().is_err() {
            step.waits_for(&format!("another run, which holds {}", path.display()));
            file.lock().with_context(|| format!("locking {}", path.display()))?;
        }
        Ok(Lock { _file: file })
    }
}

/// An exclusive lock, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// A file that says that work on `key` was finished. It is written last, so an interrupted step
/// leaves none, and work whose inputs changed finds another key.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    path: PathBuf,
    key: String,
}

impl Stamp {
    pub(crate) fn new(path: impl Into<PathBuf>, key: impl Into<String>) -> Self {
        Self { path: path.into(), key: key.into() }
    }

    pub(crate) fn is_current(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|found| found == self.key)
    }

    pub(crate) fn write(&self) -> Result<()> {
        write_atomically(&self.path, self.key.as_bytes()).with_context(|| format!("writing {}", self.path.display()))
    }
}

/// Replaces `path` by a file with these contents: a reader sees the old file or the new one.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(contents)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_current_only_for_the_key_it_was_written_with() {
        let dir = tempfile::tempdir().unwrap();
        let stamp = Stamp::new(dir.path().join("sub/stamp"), "7.3.4 gcc-14");
        assert!(!stamp.is_current());
        stamp.write().unwrap();
        assert!(stamp.is_current());
        assert!(!Stamp::new(dir.path().join("sub/stamp"), "7.3.5 gcc-14").is_current());
    }
}

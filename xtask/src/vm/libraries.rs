//! The shared libraries a program needs, found in the Debian root without running anything there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, FileHeader64, PT_INTERP};
use object::endian::LittleEndian;
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};

/// Where the dynamic linker of a Debian amd64 system looks without further configuration.
const LIBRARY_DIRS: &[&str] = &["usr/lib/x86_64-linux-gnu", "usr/lib"];

/// What an ELF file asks for by name: its interpreter (a path), libraries (sonames), and folders to
/// look for these in first.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    interpreter: Option<String>,
    libraries: Vec<String>,
    folders: Vec<String>,
}

/// The libraries and the dynamic linker that the ELF files in `programs` need, as paths relative
/// to `root`. Files that are not ELF (scripts) need none.
pub(crate) fn closure(root: &Path, programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut wanted: Vec<PathBuf> = programs.to_vec();
    while let Some(file) = wanted.pop() {
        if !is_elf(&file)? {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let needs = needs(&bytes).with_context(|| format!("reading {}", file.display()))?;
        found.extend(needs.interpreter.iter().map(|path| merged_usr(path)));
        for name in &needs.libraries {
            let path = needs
                .find(root, name)
                .with_context(|| format!("{} needs {name}, which {} has not", file.display(), root.display()))?;
            if found.insert(path.clone()) {
                wanted.push(root.join(path));
            }
        }
    }
    Ok(found)
}

/// Whether a file is a program or library, and not a script.
pub(crate) fn is_elf(file: &Path) -> Result<bool> {
    let mut start = Vec::new();
    File::open(file)
        .and_then(|file| file.take(4).read_to_end(&mut start))
        .with_context(|| format!("reading {}", file.display()))?;
    Ok(start == object::elf::ELFMAG)
}

/// A library of the root by its soname, relative to the root.
pub(crate) fn find(root: &Path, name: &str) -> Option<PathBuf> {
    Needs::default().find(root, name)
}

impl Needs {
    fn find(&self, root: &Path, name: &str) -> Option<PathBuf> {
        let own = self.folders.iter().map(|folder| merged_usr(folder));
        own.chain(LIBRARY_DIRS.iter().map(PathBuf::from))
            .map(|folder| folder.join(name))
            .find(|path| root.join(path).symlink_metadata().is_ok())
    }
}

/// `/lib64/…` is `usr/lib64/…` on Debian, where `/lib64` is a link.
fn merged_usr(path: &str) -> PathBuf {
    let path = path.trim_start_matches('/');
    if path.starts_with("usr/") { path.into() } else { Path::new("usr").join(path) }
}

fn needs(bytes: &[u8]) -> Result<Needs, object::Error> {
    let header = FileHeader64::<LittleEndian>::parse(bytes)?;
    let endian = header.endian()?;
    let mut needs = Needs::default();
    let segments = header.program_headers(endian, bytes)?;
    for segment in segments {
        if segment.p_type(endian) == PT_INTERP {
            let path = segment.data(endian, bytes).unwrap_or_default();
            let path = String::from_utf8_lossy(path);
            needs.interpreter = Some(path.trim_end_matches('\0').to_owned());
        }
    }
    let sections = header.sections(endian, bytes)?;
    if let Some((entries, strings)) = sections.dynamic(endian, bytes)? {
        let strings = sections.strings(endian, bytes, strings)?;
        for entry in entries {
            match entry.tag32(endian) {
                Some(DT_NEEDED) => {
                    let name = entry.string(endian, strings)?;
                    needs.libraries.push(String::from_utf8_lossy(name).into_owned());
                }
                Some(DT_RPATH | DT_RUNPATH) => {
                    let folders = String::from_utf8_lossy(entry.string(endian, strings)?);
                    let absolute = folders.split(':').filter(|folder| folder.starts_with('/'));
                    needs.folders.extend(absolute.map(str::to_owned));
                }
                _ => {}
            }
        }
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_test_needs_the_c_library() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = needs(&program).unwrap();
        assert!(needs.libraries.iter().any(|name| name == "libc.so.6"), "{needs:?}");
        assert!(needs.interpreter.unwrap().starts_with("/lib64/ld-linux"));
    }

    #[test]
    fn the_dynamic_linker_is_looked_for_under_usr() {
        let linker = Path::new("usr/lib64/ld-linux-x86-64.so.2");
        assert_eq!(merged_usr("/lib64/ld-linux-x86-64.so.2"), linker);
        assert_eq!(merged_usr("/usr/lib64/ld-linux-x86-64.so.2"), linker);
    }
}

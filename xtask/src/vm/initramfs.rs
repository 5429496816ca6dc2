//! The machine's only file system: an archive of files in memory, unpacked by the kernel at boot.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use cpio::newc::{self, ModeFileType};
use flate2::{Compression, GzBuilder};

/// One entry of the archive.
#[derive(Debug)]
enum Node {
    Directory,
    Symlink(PathBuf),
    /// A file of the host, and whether it may be executed.
    Copy(PathBuf, bool),
    Bytes(Vec<u8>, bool),
    /// A character device: major and minor number.
    Device(u32, u32),
}

/// The files of a machine. Paths are relative to its root; parents are made as needed.
#[derive(Debug, Default)]
pub(crate) struct Initramfs {
    nodes: BTreeMap<PathBuf, Node>,
}

impl Initramfs {
    /// A tree with Debian's top level: `/bin`, `/sbin`, `/lib` and `/lib64` lead into `/usr`.
    pub(crate) fn new() -> Self {
        let mut tree = Self::default();
        for name in ["bin", "sbin", "lib", "lib64"] {
            tree.directory(Path::new("usr").join(name));
            tree.nodes.insert(name.into(), Node::Symlink(Path::new("usr").join(name)));
        }
        for name in ["dev", "etc", "in", "out", "proc", "root", "sys", "tmp"] {
            tree.directory(name);
        }
        tree.nodes.insert("dev/console".into(), Node::Device(5, 1));
        tree
    }

    pub(crate) fn directory(&mut self, path: impl Into<PathBuf>) {
        self.insert(path.into(), Node::Directory);
    }

    pub(crate) fn symlink(&mut self, path: impl Into<PathBuf>, target: impl Into<PathBuf>) {
        self.insert(path.into(), Node::Symlink(target.into()));
    }

    pub(crate) fn script(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) {
        self.insert(path.into(), Node::Bytes(text.into().into_bytes(), true));
    }

    pub(crate) fn text(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) {
        self.insert(path.into(), Node::Bytes(text.into().into_bytes(), false));
    }

    /// A file of the host, or a folder with all that is in it.
    pub(crate) fn copy(&mut self, path: impl Into<PathBuf>, host: &Path) -> Result<()> {
        let path = path.into();
        let metadata = fs::metadata(host).with_context(|| format!("reading {}", host.display()))?;
        if metadata.is_dir() {
            self.directory(&path);
            for entry in fs::read_dir(host).with_context(|| format!("reading {}", host.display()))? {
                let entry = entry?;
                self.copy(path.join(entry.file_name()), &entry.path())?;
            }
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            self.insert(path, Node::Copy(host.to_owned(), executable));
        }
        Ok(())
    }

    /// All files below a folder of the host, read now: the folder may go before the archive is
    /// written.
    pub(crate) fn load(&mut self, path: impl Into<PathBuf>, host: &Path) -> Result<()> {
        let path = path.into();
        for entry in fs::read_dir(host).with_context(|| format!("reading {}", host.display()))? {
            let entry = entry?;
            let (path, host) = (path.join(entry.file_name()), entry.path());
            if entry.file_type()?.is_dir() {
                self.load(path, &host)?;
            } else {
                let bytes = fs::read(&host).with_context(|| format!("reading {}", host.display()))?;
                let executable = entry.metadata()?.permissions().mode() & 0o111 != 0;
                self.insert(path, Node::Bytes(bytes, executable));
            }
        }
        Ok(())
    }

    /// A file at the same path as in `root`, with the links that lead to it. Returns where the
    /// file itself is, relative to the root.
    pub(crate) fn copy_from_root(&mut self, root: &Path, path: &Path) -> Result<PathBuf> {
        let mut path = path.to_owned();
        for _ in 0..8 {
            let host = root.join(&path);
            let metadata = host.symlink_metadata().with_context(|| format!("reading {}", host.display()))?;
            if !metadata.is_symlink() {
                self.copy(&path, &host)?;
                return Ok(path);
            }
            let target = fs::read_link(&host)?;
            self.symlink(&path, &target);
            path = normal(&path.parent().unwrap_or(Path::new("")).join(target));
        }
        bail!("too many links at {}", root.join(path).display());
    }

    /// Writes the archive, compressed.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
        let mut archive = GzBuilder::new().write(io::BufWriter::new(file), Compression::fast());
        for (inode, (name, node)) in self.nodes.iter().enumerate() {
            archive = write_node(archive, inode, name, node).with_context(|| format!("packing /{}", name.display()))?;
        }
        newc::trailer(archive)?.finish()?.flush().with_context(|| format!("writing {}", path.display()))
    }

    fn insert(&mut self, path: PathBuf, node: Node) {
        let path = merged_usr(normal(&path));
        for parent in path.ancestors().skip(1).filter(|parent| *parent != Path::new("")) {
            self.nodes.entry(parent.to_owned()).or_insert(Node::Directory);
        }
        self.nodes.insert(path, node);
    }
}

fn write_node<W: io::Write>(out: W, inode: usize, name: &Path, node: &Node) -> io::Result<W> {
    let (kind, mode) = match node {
        Node::Directory => (ModeFileType::Directory, 0o755),
        Node::Symlink(_) => (ModeFileType::Symlink, 0o777),
        Node::Copy(_, false) | Node::Bytes(_, false) => (ModeFileType::Regular, 0o644),
        Node::Copy(_, true) | Node::Bytes(_, true) => (ModeFileType::Regular, 0o755),
        Node::Device(..) => (ModeFileType::Char, 0o600),
    };
    let mut entry =
        newc::Builder::new(&name.to_string_lossy()).ino(inode as u32 + 1).nlink(1).mode(mode).set_mode_file_type(kind);
    if let Node::Device(major, minor) = node {
        entry = entry.rdev_major(*major).rdev_minor(*minor);
    }
    let bytes = match node {
        Node::Directory | Node::Device(..) => Vec::new(),
        Node::Symlink(target) => target.to_string_lossy().into_owned().into_bytes(),
        Node::Bytes(bytes, _) => bytes.clone(),
        Node::Copy(host, _) => fs::read(host)?,
    };
    let size =
        u32::try_from(bytes.len()).map_err(|_| io::Error::other("a file of 4 GiB or more does not fit the archive"))?;
    let mut writer = entry.write(out, size);
    writer.write_all(&bytes)?;
    writer.finish()
}

/// The path without a leading `/`, `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    normal
}

/// Moves what is asked for in `/bin`, `/sbin`, `/lib` or `/lib64` to where those links lead.
fn merged_usr(path: PathBuf) -> PathBuf {
    if ["bin", "sbin", "lib", "lib64"].iter().any(|top| path.starts_with(top)) {
        Path::new("usr").join(path)
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(tree: &Initramfs) -> Vec<&str> {
        tree.nodes.keys().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn parents_are_made_and_sorted_before_their_children() {
        let mut tree = Initramfs::default();
        tree.text("/in/a/b", "x");
        assert_eq!(paths(&tree), ["in", "in/a", "in/a/b"]);
    }

    #[test]
    fn a_file_for_lib_lands_where_the_link_leads() {
        let mut tree = Initramfs::default();
        tree.text("/lib/modules/7.3/extra/kinfer.ko", "x");
        assert_eq!(paths(&tree).last(), Some(&"usr/lib/modules/7.3/extra/kinfer.ko"));
    }

    #[test]
    fn links_in_the_root_are_kept_with_what_they_lead_to() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        fs::create_dir_all(root.path().join("usr/sbin")).unwrap();
        fs::write(root.path().join("usr/bin/kmod"), "elf").unwrap();
        std::os::unix::fs::symlink("../bin/kmod", root.path().join("usr/sbin/modprobe")).unwrap();
        let mut tree = Initramfs::default();
        tree.copy_from_root(root.path(), Path::new("usr/sbin/modprobe")).unwrap();
        assert!(matches!(&tree.nodes[Path::new("usr/bin/kmod")], Node::Copy(..)));
        assert!(matches!(&tree.nodes[Path::new("usr/sbin/modprobe")], Node::Symlink(_)));
    }

    #[test]
    fn the_archive_reads_back_as_cpio() {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Initramfs::new();
        tree.script("init", "#!/bin/sh\n");
        let path = dir.path().join("initramfs.gz");
        tree.write(&path).unwrap();
        let mut archive = flate2::read::GzDecoder::new(File::open(path).unwrap());
        let mut modes = BTreeMap::new();
        loop {
            let reader = newc::Reader::new(&mut archive).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            modes.insert(reader.entry().name().to_owned(), reader.entry().mode());
            reader.finish().unwrap();
        }
        assert_eq!(modes["init"], 0o100_755);
        assert_eq!(modes["bin"], 0o120_777);
        assert_eq!(modes["dev/console"], 0o020_600);
        assert_eq!(modes["usr/lib64"], 0o040_755);
    }
}

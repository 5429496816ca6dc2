//! Which files a machine gets: what every one needs, and what was asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::initramfs::Initramfs;
use super::libraries;
use super::modules::ModuleTables;
use crate::kernel::Kernel;
use crate::steps::Step;

/// Programs of the Debian root that every machine has.
const PROGRAMS: &[&str] = &["busybox", "kmod", "modprobe", "insmod", "rmmod", "lsmod", "bpftool"];

/// Modules that every machine has: `/init` mounts configfs.
const MODULES: &[&str] = &["configfs"];

/// kmod opens this library at run time, to read Debian's compressed modules.
const OPENED_AT_RUN_TIME: &[&str] = &["liblzma.so.5"];

/// Where modules go that are not of the stock kernel.
const EXTRA: &str = "extra";

/// What a machine is to hold.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) modules: Vec<String>,
    pub(crate) built_modules: Vec<PathBuf>,
    pub(crate) programs: Vec<String>,
    pub(crate) host_programs: Vec<PathBuf>,
    pub(crate) inputs: Vec<(PathBuf, PathBuf)>,
}

impl Files {
    /// Everything but the guest script and its environment.
    pub(crate) fn tree(&self, kernel: &Kernel, step: &Step<'_>) -> Result<Initramfs> {
        let mut tree = Initramfs::new();
        tree.script("/init", include_str!("init.sh"));
        tree.symlink("/bin/sh", "busybox");
        tree.symlink("/etc/mtab", "/proc/self/mounts");
        tree.text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        tree.text("/etc/group", "root:x:0:\n");
        self.add_programs(&mut tree, kernel.root.path(), step)?;
        self.add_modules(&mut tree, kernel, step)?;
        for (host, guest) in &self.inputs {
            tree.copy(guest, host)?;
        }
        Ok(tree)
    }

    fn add_programs(&self, tree: &mut Initramfs, root: &Path, step: &Step<'_>) -> Result<()> {
        let stage = tempfile::tempdir().context("making a folder for the machine's programs")?;
        let mut linked = Vec::new();
        for name in PROGRAMS.iter().copied().chain(self.programs.iter().map(String::as_str)) {
            let path =
                find_program(root, name).with_context(|| format!("{} has no program `{name}`", root.display()))?;
            let file = tree.copy_from_root(root, &path)?;
            linked.push(root.join(file));
        }
        for host in &self.host_programs {
            let name = host.file_name().with_context(|| format!("`{}`", host.display()))?;
            let stripped = stage.path().join(name);
            if libraries::is_elf(host)? {
                // Debug information would fill the machine's memory.
                step.run(Command::new("strip").args(["--strip-debug", "-o"]).arg(&stripped).arg(host))?;
            } else {
                copy(host, &stripped)?;
            }
            linked.push(stripped);
        }
        tree.load("/usr/local/bin", stage.path())?;
        for name in OPENED_AT_RUN_TIME {
            let path = libraries::find(root, name).with_context(|| format!("{} has no {name}", root.display()))?;
            tree.copy_from_root(root, &path)?;
        }
        for library in libraries::closure(root, &linked)? {
            tree.copy_from_root(root, &library)?;
        }
        Ok(())
    }

    /// Copies the modules, and the tables that depmod makes for just these.
    fn add_modules(&self, tree: &mut Initramfs, kernel: &Kernel, step: &Step<'_>) -> Result<()> {
        let release = &kernel.release;
        let tables = ModuleTables::read(&kernel.modules_dir)?;
        let wanted = MODULES.iter().copied().chain(self.modules.iter().map(String::as_str));

        let stage = tempfile::tempdir().context("making a folder for the machine's modules")?;
        let dir = stage.path().join("lib/modules").join(release);
        for file in tables.closure(wanted)? {
            copy(&kernel.modules_dir.join(&file), &dir.join(&file))?;
        }
        for built in &self.built_modules {
            let name = built.file_name().with_context(|| format!("`{}`", built.display()))?;
            copy(built, &dir.join(EXTRA).join(name))?;
        }
        for table in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
            copy(&kernel.modules_dir.join(table), &dir.join(table))?;
        }
        let mut depmod = Command::new("depmod");
        // It is in a folder that is not on every user's path.
        depmod.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        step.run(depmod.arg("-b").arg(stage.path()).arg(release))?;
        tree.load(Path::new("/lib/modules").join(release), &dir)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    Ok(())
}

/// A program of the root by name, or by its path there; relative to the root.
fn find_program(root: &Path, name: &str) -> Option<PathBuf> {
    if let Some(path) = name.strip_prefix('/') {
        return root.join(path).symlink_metadata().is_ok().then(|| path.into());
    }
    ["usr/bin", "usr/sbin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| root.join(path).symlink_metadata().is_ok())
}

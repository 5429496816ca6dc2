//! Stock modules for the machine: which files `modprobe` will want for the names asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The tables that depmod and the kernel's build left in `/usr/lib/modules/<release>`.
#[derive(Debug, Default)]
pub(crate) struct ModuleTables {
    /// Module name to its file, relative to the tables' folder.
    files: BTreeMap<String, String>,
    /// File to the files it needs.
    needs: BTreeMap<String, Vec<String>>,
    /// Module name to the names that modprobe also loads.
    soft: BTreeMap<String, Vec<String>>,
    builtin: BTreeSet<String>,
}

impl ModuleTables {
    /// Reads `modules.dep`, `modules.softdep` and `modules.builtin`.
    pub(crate) fn read(modules_dir: &Path) -> Result<Self> {
        let read = |name| {
            let path = modules_dir.join(name);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        Ok(Self::parse(&read("modules.dep")?, &read("modules.softdep")?, &read("modules.builtin")?))
    }

    fn parse(dep: &str, softdep: &str, builtin: &str) -> Self {
        let mut tables = Self::default();
        for line in dep.lines() {
            let Some((file, needs)) = line.split_once(':') else { continue };
            tables.files.insert(module_name(file), file.to_owned());
            tables.needs.insert(file.to_owned(), needs.split_whitespace().map(str::to_owned).collect());
        }
        for line in softdep.lines() {
            let mut words = line.split_whitespace();
            if words.next() != Some("softdep") {
                continue;
            }
            let Some(name) = words.next() else { continue };
            let also = words.filter(|word| !word.ends_with(':')).map(module_name);
            tables.soft.entry(module_name(name)).or_default().extend(also);
        }
        tables.builtin = builtin.lines().map(module_name).collect();
        tables
    }

    /// The files of these modules and of everything that loading them loads, relative to the
    /// folder. A module that is built into the kernel needs no file.
    pub(crate) fn closure<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let mut wanted: Vec<String> = Vec::new();
        for name in names {
            let name = module_name(name);
            if !self.files.contains_key(&name) && !self.builtin.contains(&name) {
                bail!("this kernel has no module `{name}`");
            }
            wanted.push(name);
        }
        while let Some(name) = wanted.pop() {
            // A soft dependency may name what this kernel does not have.
            let Some(file) = self.files.get(&name) else { continue };
            if !found.insert(file.clone()) {
                continue;
            }
            wanted.extend(self.needs[file].iter().map(|file| module_name(file)));
            wanted.extend(self.soft.get(&name).into_iter().flatten().cloned());
        }
        Ok(found)
    }
}

/// `kernel/drivers/md/dm-delay.ko.xz`, `dm-delay` and `dm_delay` are one module: `dm_delay`.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.find(".ko").map_or(file, |at| &file[..at]);
    stem.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "\
kernel/fs/configfs/configfs.ko.xz:
kernel/drivers/block/null_blk/null_blk.ko.xz: kernel/fs/configfs/configfs.ko.xz
kernel/drivers/md/dm-mod.ko.xz:
kernel/drivers/md/dm-delay.ko.xz: kernel/drivers/md/dm-mod.ko.xz
kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/raid6/raid6_pq.ko.xz
kernel/lib/raid6/raid6_pq.ko.xz:
kernel/crypto/blake2b.ko.xz:
";
    const SOFTDEP: &str = "\
# Soft dependencies extracted from modules themselves.
softdep btrfs pre: blake2b-256 blake2b post: not-here
";
    const BUILTIN: &str = "kernel/drivers/char/virtio_console.ko\n";

    fn closure(names: &[&str]) -> Vec<String> {
        let tables = ModuleTables::parse(DEP, SOFTDEP, BUILTIN);
        let files = tables.closure(names.iter().copied()).unwrap();
        files.iter().map(|file| module_name(file)).collect()
    }

    #[test]
    fn dependencies_come_with_a_module() {
        assert_eq!(closure(&["null_blk"]), ["null_blk", "configfs"]);
    }

    #[test]
    fn a_dash_and_an_underscore_name_the_same_module() {
        assert_eq!(closure(&["dm-delay"]), closure(&["dm_delay"]));
        assert_eq!(closure(&["dm-delay"]), ["dm_delay", "dm_mod"]);
    }

    #[test]
    fn soft_dependencies_come_along_where_they_exist() {
        assert_eq!(closure(&["btrfs"]), ["blake2b", "btrfs", "raid6_pq"]);
    }

    #[test]
    fn a_builtin_module_needs_no_file() {
        assert!(closure(&["virtio_console"]).is_empty());
    }

    #[test]
    fn an_unknown_module_is_refused_by_name() {
        let tables = ModuleTables::parse(DEP, SOFTDEP, BUILTIN);
        let error = tables.closure(["null-blk", "nul_blk"]).unwrap_err();
        assert_eq!(error.to_string(), "this kernel has no module `nul_blk`");
    }
}

//! Whether the Rust half of a prepared tree is that of Debian's kernel.
//!
//! Rust symbols carry a hash of their crate, its compiler and its flags. A module built against a
//! tree whose hashes differ does not load, or links against something else of the same name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

/// Compares what `rust/exports_*_generated.h` of the tree exports with the Rust symbols that
/// Debian's `Module.symvers` gives to `vmlinux`. Returns their number.
pub(crate) fn check(tree: &Path, symvers: &Path) -> Result<usize> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    let vmlinux = exported_by_vmlinux(&read(symvers)?);
    let mut built = BTreeSet::new();
    for entry in fs::read_dir(tree.join("rust")).context("reading the tree's rust/")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("exports_") && name.ends_with("_generated.h") {
            built.extend(exported(&read(&path)?));
        }
    }
    compare(&built, &vmlinux)
}

/// Everything built must be exported by `vmlinux`, and everything of Rust that it exports must have
/// been built.
fn compare(built: &BTreeSet<String>, vmlinux: &BTreeSet<String>) -> Result<usize> {
    ensure!(vmlinux.iter().any(|name| is_rust(name)), "this kernel exports no Rust symbols: it was built without Rust");
    let extra: Vec<_> = built.difference(vmlinux).collect();
    let lost: Vec<_> = vmlinux.difference(built).filter(|name| is_rust(name)).collect();
    if lost.is_empty() && extra.is_empty() {
        return Ok(built.len());
    }
    bail!(
        "the prepared tree is not Debian's kernel: of its {} exported Rust symbols, {} are not Debian's (such as \
         {}), and {} of Debian's are missing (such as {})",
        built.len(),
        extra.len(),
        extra.first().map_or("none", |name| name),
        lost.len(),
        lost.first().map_or("none", |name| name),
    );
}

/// Rust's mangled names begin with `_R`; C helpers for Rust are named `rust_helper_…`. A few Rust
/// symbols have names of their own, such as `rust_begin_unwind`.
fn is_rust(name: &str) -> bool {
    name.starts_with("_R") || name.starts_with("rust_helper_")
}

/// Names in lines such as `EXPORT_SYMBOL_RUST_GPL(_RNvMs_…);`.
fn exported(header: &str) -> impl Iterator<Item = String> + '_ {
    header
        .lines()
        .filter_map(|line| line.strip_prefix("EXPORT_SYMBOL_RUST_GPL("))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(name, _)| name.to_owned())
}

fn exported_by_vmlinux(symvers: &str) -> BTreeSet<String> {
    symvers
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t').skip(1);
            let (name, owner) = (fields.next()?, fields.next()?);
            (owner == "vmlinux").then(|| name.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMVERS: &str = "\
0x00000000\t_RNvXs0_6kernel\tvmlinux\tEXPORT_SYMBOL_GPL\t
0x00000000\trust_helper_atomic_read\tvmlinux\tEXPORT_SYMBOL_GPL\t
0x00000000\trust_begin_unwind\tvmlinux\tEXPORT_SYMBOL_GPL\t
0x00000000\t_RNvXs0_3drm\tdrivers/gpu/drm/drm\tEXPORT_SYMBOL_GPL\t
0x00000000\tkmalloc_noprof\tvmlinux\tEXPORT_SYMBOL\t
";

    fn built(names: &[&str]) -> BTreeSet<String> {
        let header: String = names.iter().map(|name| format!("EXPORT_SYMBOL_RUST_GPL({name});\n")).collect();
        exported(&header).collect()
    }

    #[test]
    fn the_same_names_in_any_order_are_the_same_kernel() {
        let built = built(&["rust_helper_atomic_read", "_RNvXs0_6kernel", "rust_begin_unwind"]);
        assert_eq!(compare(&built, &exported_by_vmlinux(SYMVERS)).unwrap(), 3);
    }

    #[test]
    fn one_other_hash_is_another_kernel() {
        let built = built(&["rust_helper_atomic_read", "_RNvXs1_6kernel"]);
        let error = compare(&built, &exported_by_vmlinux(SYMVERS)).unwrap_err().to_string();
        assert!(error.contains("1 are not Debian's (such as _RNvXs1_6kernel)"), "{error}");
        assert!(error.contains("missing (such as _RNvXs0_6kernel)"), "{error}");
    }

    #[test]
    fn a_kernel_without_rust_is_refused() {
        assert!(compare(&BTreeSet::new(), &BTreeSet::new()).is_err());
    }
}

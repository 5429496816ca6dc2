//! A stock Debian kernel, and a tree of its source in which Rust modules for it can be built.

mod release;
mod symbols;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cache::{Cache, Lock, Stamp, write_atomically};
use crate::host::missing_packages;
use crate::root::{Root, version_of};
use crate::steps::{Step, Steps};

/// The environment variable that picks a release.
const CHOICE: &str = "KINFER_KERNEL";

/// Raised when a tree must be made anew although its packages are the same.
const TREE_RECIPE: u32 = 1;

/// A kernel whose image is installed in the root and whose tree is prepared.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    /// What `uname -r` prints: `7.3.4+deb13-cloud-amd64`.
    pub(crate) release: String,
    pub(crate) root: Root,
    cache: Cache,
    /// The prepared tree, on the host.
    pub(crate) tree: PathBuf,
    pub(crate) vmlinuz: PathBuf,
    /// `/usr/lib/modules/<release>` of the root, on the host.
    pub(crate) modules_dir: PathBuf,
}

impl Kernel {
    pub(crate) const STEPS: usize = 3;

    /// Prepares the release that `KINFER_KERNEL` names, else the one prepared last, else (and with
    /// `update`) the newest of Debian's backports.
    pub(crate) fn prepare(cache: &Cache, root: &Root, update: bool, steps: &Steps) -> Result<Self> {
        let release = steps.step("kernel release", |step| {
            let _lock = cache.lock("setup", step)?;
            let release = choose(cache, root, update, step)?;
            step.note(&release);
            Ok(release)
        })?;
        let modules_dir = root.path().join("usr/lib/modules").join(&release);
        let kernel = Self {
            tree: root.build_dir().join(format!("linux-{release}")),
            vmlinuz: modules_dir.join("vmlinuz"),
            modules_dir,
            root: root.clone(),
            cache: cache.clone(),
            release,
        };
        steps.step(&format!("kernel packages {}", kernel.release), |step| {
            let _lock = cache.lock("setup", step)?;
            kernel.install_packages(step)
        })?;
        steps.step(&format!("kernel tree {}", kernel.release), |step| {
            let _lock = cache.lock("setup", step)?;
            kernel.prepare_tree(step)
        })?;
        Ok(kernel)
    }

    /// Keeps other runs from building for this release until the lock is dropped.
    pub(crate) fn lock(&self, step: &Step<'_>) -> Result<Lock> {
        self.cache.lock(&format!("build-{}", self.release), step)
    }

    /// The headers package's folder: `.config`, `Module.symvers` and a `vmlinux` that holds BTF.
    fn headers(&self) -> PathBuf {
        self.root.path().join("usr/src").join(format!("linux-headers-{}", self.release))
    }

    fn install_packages(&self, step: &Step<'_>) -> Result<()> {
        let release = &self.release;
        let packages = ["headers", "binary", "modules"].map(|part| format!("linux-{part}-{release}"));
        let missing = missing_packages(self.root.path(), packages.iter().map(String::as_str))?;
        if missing.is_empty() {
            step.reused();
            return Ok(());
        }
        self.root.apt_update(step)?;
        self.root.apt_install(step, missing.iter().map(String::as_str))?;
        ensure!(self.vmlinuz.is_file(), "the packages brought no {}", self.vmlinuz.display());
        Ok(())
    }

    fn prepare_tree(&self, step: &Step<'_>) -> Result<()> {
        let (package, version) = self.source_package(step)?;
        let rustc = version_of(&self.root, step, "rustc")?;
        let stamp = Stamp::new(
            self.tree.with_file_name(format!("linux-{}.stamp", self.release)),
            format!("recipe {TREE_RECIPE}\n{package}={version}\n{rustc}\n"),
        );
        if stamp.is_current() && self.tree.is_dir() {
            step.reused();
            return Ok(());
        }
        check_compiler(&self.headers().join(".config"), &rustc)?;

        self.unpack_source(step, &package, &version)?;
        self.copy_from_headers(".config")?;
        let tree = self.root.inside(&self.tree)?;
        let make = |target: &str| -> Result<()> {
            let jobs = thread::available_parallelism().map_or(1, |count| count.get());
            let mut command = self.root.command("make")?;
            command.arg("-C").arg(&tree).arg(format!("-j{jobs}"));
            command.arg(format!("KERNELRELEASE={}", self.release)).arg(target);
            step.run(&mut command)
        };
        make("olddefconfig")?;
        make("modules_prepare")?;
        self.copy_from_headers("Module.symvers")?;
        self.copy_from_headers("vmlinux")?;

        let symbols = symbols::check(&self.tree, &self.headers().join("Module.symvers"))?;
        step.log(&format!("all {symbols} exported Rust symbols are those of Debian's kernel"))?;
        stamp.write()?;
        step.note(format!("{symbols} Rust symbols as in Debian's"));
        Ok(())
    }

    /// The source package of exactly the version that the image was built from.
    fn source_package(&self, step: &Step<'_>) -> Result<(String, String)> {
        let headers = format!("linux-headers-{}", self.release);
        let mut query = self.root.command("dpkg-query")?;
        query.args(["--show", "--showformat", "${source:Version}"]).arg(&headers);
        let version = step.output(&mut query)?.trim().to_owned();
        let series =
            release::series(&self.release).with_context(|| format!("`{}` is not a kernel release", self.release))?;
        Ok((format!("linux-source-{series}"), version))
    }

    fn unpack_source(&self, step: &Step<'_>, package: &str, version: &str) -> Result<()> {
        let wanted = format!("{package}={version}");
        if !missing_packages(self.root.path(), [wanted.as_str()])?.is_empty() {
            self.root.apt_update(step)?;
            self.root.apt_install(step, [wanted.as_str()])?;
        }
        let partial = self.tree.with_file_name(format!("linux-{}.partial", self.release));
        for dir in [&partial, &self.tree] {
            if dir.exists() {
                step.waits_for(&format!("removal of {}", dir.display()));
                fs::remove_dir_all(dir).with_context(|| format!("removing {}", dir.display()))?;
            }
        }
        fs::create_dir_all(&partial).with_context(|| format!("making {}", partial.display()))?;
        let mut tar = self.root.command("tar")?;
        tar.arg("-C").arg(self.root.inside(&partial)?).args(["--strip-components=1", "-xJf"]);
        tar.arg(format!("/usr/src/{package}.tar.xz"));
        step.run(&mut tar)?;
        fs::rename(&partial, &self.tree).with_context(|| format!("renaming {}", partial.display()))
    }

    fn copy_from_headers(&self, name: &str) -> Result<()> {
        let from = self.headers().join(name);
        fs::copy(&from, self.tree.join(name)).with_context(|| format!("copying {}", from.display()))?;
        Ok(())
    }
}

fn choose(cache: &Cache, root: &Root, update: bool, step: &Step<'_>) -> Result<String> {
    if let Some(release) = env::var(CHOICE).ok().filter(|release| !release.is_empty()) {
        let headers = format!("linux-headers-{release}");
        if missing_packages(root.path(), [headers.as_str()])?.is_empty() {
            step.reused();
            return Ok(release);
        }
        root.apt_update(step)?;
        let known = step.output(root.command("apt-cache")?.args(["pkgnames", "linux-modules-"]))?;
        let known = release::releases_of("linux-modules-", &known);
        if !known.contains(&release) {
            bail!("Debian has no kernel {CHOICE}={release}; it has {}", known.join(", "));
        }
        return Ok(release);
    }
    let chosen = cache.dir().join("kernel-release");
    if let (false, Ok(release)) = (update, fs::read_to_string(&chosen)) {
        step.reused();
        return Ok(release.trim().to_owned());
    }
    root.apt_update(step)?;
    let meta = format!("linux-headers-{}", release::FLAVOUR);
    let paragraphs = step.output(root.command("apt-cache")?.args(["show", &meta]))?;
    let release = release::newest_of_meta_package(&paragraphs)
        .with_context(|| format!("`apt-cache show {meta}` names no kernel release"))?;
    write_atomically(&chosen, release.as_bytes()).with_context(|| format!("writing {}", chosen.display()))?;
    Ok(release)
}

/// A module in Rust must be compiled by the very compiler that built the kernel.
fn check_compiler(config: &Path, rustc: &str) -> Result<()> {
    let text = fs::read_to_string(config).with_context(|| format!("reading {}", config.display()))?;
    let built_with = text
        .lines()
        .find_map(|line| line.strip_prefix("CONFIG_RUSTC_VERSION_TEXT="))
        .map(|value| value.trim_matches('"'))
        .with_context(|| format!("{} names no rustc: no Rust in this kernel", config.display()))?;
    ensure!(
        built_with == rustc,
        "this kernel was built with `{built_with}`, but the Debian root has `{rustc}`: pick another \
         kernel with {CHOICE}=<release>, or remove the root so that it is made anew"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_compiler_is_refused_by_both_names() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join(".config");
        fs::write(&config, "CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (4eb161250 2025-03-15)\"\n").unwrap();
        check_compiler(&config, "rustc 1.85.1 (4eb161250 2025-03-15)").unwrap();
        let error = check_compiler(&config, "rustc 1.86.0").unwrap_err().to_string();
        assert!(error.contains("rustc 1.85.1") && error.contains("rustc 1.86.0"), "{error}");
    }

    #[test]
    fn a_kernel_without_rust_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join(".config");
        fs::write(&config, "# CONFIG_RUST is not set\n").unwrap();
        assert!(check_compiler(&config, "rustc 1.85.1").is_err());
    }
}

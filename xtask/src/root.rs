//! A Debian 13 root folder with the very compilers that Debian's kernel was built with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache::Cache;
use crate::host::missing_packages;
use crate::mirror;
use crate::privilege::{Privilege, User};
use crate::steps::{Step, Steps};

const SUITE: &str = "trixie";
const BACKPORTS: &str = "trixie-backports";

/// What is installed in the root; the kernel's own packages come later, by release.
const PACKAGES: &[&str] = &[
    // The kernel's compilers and the tools of its build.
    "bc",
    "bindgen",
    "bison",
    "cargo",
    "clang",
    "flex",
    "gcc",
    "libelf-dev",
    "libssl-dev",
    "lld",
    "llvm",
    "make",
    "pahole",
    "python3",
    "rust-src",
    "rustc",
    "xz-utils",
    // BPF programs.
    "bpftool",
    "libbpf-dev",
    // Programs for the virtual machine.
    "busybox-static",
    "dmsetup",
    "fio",
    "kmod",
];

/// The folder inside the root that belongs to the user who builds.
const BUILD: &str = "build";

/// The root folder, and a way to run commands in it.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    path: PathBuf,
    privilege: Option<Privilege>,
}

impl Root {
    pub(crate) const STEPS: usize = 1;

    /// Makes the root, or completes one that an earlier version of this program made.
    pub(crate) fn prepare(cache: &Cache, privilege: Option<Privilege>, steps: &Steps) -> Result<Self> {
        let root = Self { path: cache.dir().join(format!("root-{SUITE}")), privilege };
        steps.step("Debian 13 root", |step| {
            let _lock = cache.lock("setup", step)?;
            if !root.path.exists() {
                return root.bootstrap(step);
            }
            let missing = missing_packages(&root.path, PACKAGES.iter().copied())?;
            if missing.is_empty() {
                step.reused();
                return Ok(());
            }
            root.apt_update(step)?;
            root.apt_install(step, missing.iter().map(String::as_str))
        })?;
        Ok(root)
    }

    /// Where the root is on the host.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder for sources and builds, `/build` inside the root. The user may write to it.
    pub(crate) fn build_dir(&self) -> PathBuf {
        self.path.join(BUILD)
    }

    /// The path inside the root of something that is below it on the host.
    pub(crate) fn inside(&self, host: &Path) -> Result<PathBuf> {
        let inner = host
            .strip_prefix(&self.path)
            .with_context(|| format!("{} is not in {}", host.display(), self.path.display()))?;
        Ok(Path::new("/").join(inner))
    }

    /// A command inside the root, run as the user, with a clean environment.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        let mut command = self.enter(self.privilege()?.user())?;
        command.arg(program);
        Ok(command)
    }

    /// Brings the root's package lists up to date.
    pub(crate) fn apt_update(&self, step: &Step<'_>) -> Result<()> {
        // The host may have moved to another network since the root was made.
        step.run(
            self.privilege()?
                .command("cp")
                .args(["--dereference", "--remove-destination", "/etc/resolv.conf"])
                .arg(self.path.join("etc/resolv.conf")),
        )?;
        step.run(self.admin_command("dpkg")?.args(["--configure", "-a"]))?;
        step.run(self.admin_command("apt-get")?.arg("update"))
    }

    /// Installs packages in the root; backports are preferred where both suites have one.
    pub(crate) fn apt_install<'a>(&self, step: &Step<'_>, packages: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let mut command = self.admin_command("apt-get")?;
        command.args(["install", "-y", "--no-install-recommends", "--allow-downgrades"]);
        command.args(["-t", BACKPORTS]).args(packages);
        step.run(&mut command)
    }

    fn bootstrap(&self, step: &Step<'_>) -> Result<()> {
        let mirror = mirror::debian()?;
        let privilege = self.privilege()?;
        let partial = self.path.with_extension("partial");
        step.run(privilege.command("rm").args(["-rf", "--one-file-system"]).arg(&partial))?;

        let mut command = privilege.command("mmdebstrap");
        command.args(["--mode=root", "--variant=apt", "--architectures=amd64"]);
        command.arg(format!("--include={}", PACKAGES.join(",")));
        // What is cached need not survive a power cut, and nobody reads manuals here.
        command.arg("--dpkgopt=force-unsafe-io");
        for unread in ["doc", "info", "locale", "man"] {
            command.arg(format!("--dpkgopt=path-exclude=/usr/share/{unread}/*"));
        }
        if let Some(proxy) = mirror::proxy() {
            command.arg(format!("--aptopt=Acquire::http::Proxy \"{proxy}\""));
        }
        command.arg(SUITE).arg(&partial);
        for suite in [SUITE, BACKPORTS] {
            command.arg(format!("deb {mirror} {suite} main"));
        }
        step.run(&mut command)?;

        let build = partial.join(BUILD);
        step.run(privilege.command("mkdir").arg(&build))?;
        if let Some(User { uid, gid }) = privilege.user() {
            step.run(privilege.command("chown").arg(format!("{uid}:{gid}")).arg(&build))?;
        }
        step.run(privilege.command("mv").args(["--no-target-directory"]).arg(&partial).arg(&self.path))
    }

    fn admin_command(&self, program: &str) -> Result<Command> {
        let mut command = self.enter(None)?;
        command.arg("DEBIAN_FRONTEND=noninteractive").arg(program);
        Ok(command)
    }

    /// The beginning of a command line that ends with environment variables and a program. The command has a mount
    /// namespace of its own, for /proc (objtool reads its limits there), so that nothing stays mounted.
    fn enter(&self, user: Option<User>) -> Result<Command> {
        let mut command = self.privilege()?.command("unshare");
        command.arg("--mount-proc").arg("--root").arg(&self.path);
        if let Some(User { uid, gid }) = user {
            command.arg(format!("--setuid={uid}")).arg(format!("--setgid={gid}"));
        }
        command.args(["--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]);
        command.arg(format!("HOME=/{BUILD}"));
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            if let Ok(value) = std::env::var(name) {
                command.arg(format!("{name}={value}"));
            }
        }
        Ok(command)
    }

    fn privilege(&self) -> Result<Privilege> {
        self.privilege.context("root is needed to enter the Debian root: run as root, or as a user of sudo")
    }
}

/// The version text that a compiler of the root prints.
pub(crate) fn version_of(root: &Root, step: &Step<'_>, program: &str) -> Result<String> {
    Ok(step.output(root.command(program)?.arg("--version"))?.trim().to_owned())
}

//! `tests/outside/nets`: networks of PyTorch's two ONNX exporters in ONNX Runtime, and ONNX's own node tests.
//!
//! PyTorch is Debian 13's, in a root of its own: the wheels of PyPI bring gigabytes of CUDA. What it exports with, and ONNX
//! Runtime, are wheels of pinned versions that this machine's pip puts into that root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{folder, passed};
use crate::cache::{Cache, Stamp};
use crate::mirror;
use crate::privilege::Privilege;
use crate::programs::cargo;
use crate::python;
use crate::steps::Step;
use crate::workspace;

/// Where the wheels are in the root.
const WHEELS: &str = "opt/kinfer";

/// Makes the models and runs `kinfer-convert`'s test `oracle` on them.
pub(super) fn run(step: &Step<'_>) -> Result<u64> {
    let source = folder("nets");
    let out = workspace::target().join("outside/nets");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("emptying {}", out.display()))?;
    }
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let (torch, nodes) = (out.join("torch"), out.join("nodes"));

    let environment = python::environment(step, "outside-nets", &source.join("requirements.txt"))?;
    let interpreter = environment.join("bin/python");
    let mut write = Command::new(&interpreter);
    step.run(write.arg(source.join("backend.py")).arg(&nodes))?;

    let root = Root::prepare(step, &interpreter, &source.join("torch.txt"))?;
    root.export(step, &source.join("nets.py"), &torch)?;

    let mut test = cargo();
    test.args(["test", "--locked", "--package=kinfer-convert", "--test=oracle"]);
    test.env("KINFER_TORCH", &torch).env("KINFER_NODE_TESTS", &nodes);
    passed(&step.output(&mut test)?)
}

/// A Debian 13 with PyTorch.
struct Root {
    path: PathBuf,
    privilege: Privilege,
}

impl Root {
    fn prepare(step: &Step<'_>, python: &Path, requirements: &Path) -> Result<Self> {
        let cache = Cache::open()?;
        let _lock = cache.lock("torch", step)?;
        let privilege = Privilege::find().context("root is needed for a Debian root with PyTorch")?;
        let root = Self { path: cache.dir().join("root-torch"), privilege };
        let pins = fs::read_to_string(requirements).with_context(|| format!("reading {}", requirements.display()))?;
        let stamp = Stamp::new(cache.dir().join("root-torch.stamp"), &pins);
        if !root.path.exists() {
            root.bootstrap(step)?;
        } else if stamp.is_current() {
            return Ok(root);
        }
        let wheels = tempfile::tempdir().context("making a folder for wheels")?;
        let mut pip = Command::new(python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version=3.13",
            "--implementation=cp",
        ]);
        pip.args(["--abi=cp313", "--abi=abi3", "--abi=none", "--platform=manylinux_2_28_x86_64"]);
        pip.args(["--platform=manylinux_2_27_x86_64", "--platform=manylinux2014_x86_64", "--platform=any", "--target"]);
        step.run(pip.arg(wheels.path()).arg("--requirement").arg(requirements))?;
        let inside = root.path.join(WHEELS);
        step.run(privilege.command("rm").args(["-rf", "--one-file-system"]).arg(&inside))?;
        step.run(privilege.command("cp").args(["-r", "--no-target-directory"]).arg(wheels.path()).arg(&inside))?;
        step.run(privilege.command("chmod").args(["-R", "a+rX"]).arg(&inside))?;
        stamp.write()?;
        Ok(root)
    }

    fn bootstrap(&self, step: &Step<'_>) -> Result<()> {
        let partial = self.path.with_extension("partial");
        step.run(self.privilege.command("rm").args(["-rf", "--one-file-system"]).arg(&partial))?;
        let mut command = self.privilege.command("mmdebstrap");
        command.args(["--mode=root", "--variant=apt", "--architectures=amd64", "--include=python3-torch"]);
        command.args(["--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*"]);
        if let Some(proxy) = mirror::proxy() {
            command.arg(format!("--aptopt=Acquire::http::Proxy \"{proxy}\""));
        }
        let mirror = mirror::debian()?;
        step.run(command.arg("trixie").arg(&partial).arg(format!("deb {mirror} trixie main")))?;
        step.run(self.privilege.command("mv").args(["--no-target-directory"]).arg(&partial).arg(&self.path))
    }

    /// Runs the script in the root; what it wrote goes to `out`.
    fn export(&self, step: &Step<'_>, script: &Path, out: &Path) -> Result<()> {
        let (inside, work) = (self.path.join("nets"), "/nets/out");
        let command = |program: &str| self.privilege.command(program);
        step.run(command("rm").args(["-rf", "--one-file-system"]).arg(&inside))?;
        step.run(command("mkdir").arg(&inside))?;
        step.run(command("cp").arg(script).arg(&inside))?;
        let mut python = command("unshare");
        python.arg("--mount-proc").arg("--root").arg(&self.path).args(["--wd=/nets", "--", "/usr/bin/env", "-i"]);
        python.args(["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nets"]).arg(format!("PYTHONPATH=/{WHEELS}"));
        step.run(python.args(["python3", "nets.py", work]))?;
        step.run(command("chmod").args(["-R", "a+rX"]).arg(&inside))?;
        step.run(Command::new("cp").args(["-r", "--no-target-directory"]).arg(inside.join("out")).arg(out))
    }
}

//! Virtual environments of Python, one for each file of pinned requirements, kept outside the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache::{Cache, Stamp};
use crate::steps::Step;

/// The environment `name`, which has exactly what `requirements` pins; its interpreter is `bin/python`.
pub(crate) fn environment(step: &Step<'_>, name: &str, requirements: &Path) -> Result<PathBuf> {
    let cache = Cache::open()?;
    let _lock = cache.lock("python", step)?;
    let dir = cache.dir().join("python").join(name);
    let pins = fs::read_to_string(requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let stamp = Stamp::new(dir.join("kinfer.stamp"), &pins);
    if stamp.is_current() {
        step.reused();
        return Ok(dir);
    }
    step.run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir))?;
    let python = dir.join("bin/python");
    step.run(Command::new(&python).args(["-m", "pip", "install", "--no-deps", "--requirement"]).arg(requirements))?;
    step.run(Command::new(&python).args(["-m", "pip", "check"]))?;
    stamp.write()?;
    Ok(dir)
}

/// The interpreter of [`environment`].
pub(crate) fn interpreter(step: &Step<'_>, name: &str, requirements: &Path) -> Result<Command> {
    Ok(Command::new(environment(step, name, requirements)?.join("bin/python")))
}

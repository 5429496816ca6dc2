//! What every command needs first: packages of the host, the Debian root, the kernel.

use anyhow::Result;

use crate::cache::Cache;
use crate::host;
use crate::kernel::Kernel;
use crate::privilege::Privilege;
use crate::root::Root;
use crate::steps::Steps;

/// The steps that [`kernel`] takes.
pub(crate) const STEPS: usize = 1 + Root::STEPS + Kernel::STEPS;

/// Sets everything up. With `update`, moves to the newest kernel that Debian has.
pub(crate) fn kernel(steps: &Steps, update: bool) -> Result<Kernel> {
    let cache = Cache::open()?;
    let privilege = Privilege::find();
    steps.step("host packages", |step| {
        let _lock = cache.lock("setup", step)?;
        host::install_packages(step, privilege)
    })?;
    let root = Root::prepare(&cache, privilege, steps)?;
    Kernel::prepare(&cache, &root, update, steps)
}

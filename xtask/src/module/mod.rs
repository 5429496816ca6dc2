//! The kernel module: the core crate compiled as the kernel is, the module linked with it, and the checks on the objects.

mod build;
mod core_crate;
mod flags;
mod patch;
mod stage;

pub(crate) use build::Build;
pub(crate) fn dev(kernel: &crate::kernel::Kernel, step: &crate::steps::Step<'_>, repo: &std::path::Path) -> anyhow::Result<()> {
    let b = Build::new(kernel, step)?;
    let f = flags::probe(&b)?;
    println!("{f:?}");
    let c = core_crate::build(&b, &f, repo)?;
    println!("{:?}", c.object);
    Ok(())
}

//! The five requests of `/dev/kinfer`, each with its argument's type.
//!
//! The requests that carry an address (`LOAD`, `DECIDE`, `MEASURE`) stay `unsafe`: the caller answers for it. The kernel
//! reads through them and never writes, and what is not mapped comes back as `EFAULT`.

use std::fs::File;
use std::os::fd::AsRawFd;

use kinfer::uapi::{
    Decide, DecisionRecord, IOC_DECIDE, IOC_INFO, IOC_LOAD, IOC_MEASURE, IOC_UNLOAD, Info, Load, Measure,
};
use nix::Result;

mod request {
    use super::*;

    nix::ioctl_write_ptr_bad!(load, IOC_LOAD, Load);
    nix::ioctl_readwrite_bad!(decide, IOC_DECIDE, Decide);
    nix::ioctl_read_bad!(info, IOC_INFO, Info);
    nix::ioctl_readwrite_bad!(measure, IOC_MEASURE, Measure);
    nix::ioctl_none_bad!(unload, IOC_UNLOAD);
}

pub(crate) fn load(file: &File, model: &[u8]) -> Result<()> {
    let len = u32::try_from(model.len()).map_err(|_| nix::errno::Errno::EFBIG)?;
    let load = Load { addr: model.as_ptr() as u64, len, point: 0 };
    // SAFETY: `load` is `struct kinfer_load`, and the kernel reads `len` bytes at `addr`, which `model` borrows.
    unsafe { request::load(file.as_raw_fd(), &load) }.map(drop)
}

pub(crate) fn decide(file: &File, raw: &[i64]) -> Result<DecisionRecord> {
    let count = count(raw)?;
    let mut decide = Decide { raw: raw.as_ptr() as u64, count, ..Decide::default() };
    // SAFETY: `decide` is `struct kinfer_decide`, and the kernel reads `count` values of 8 bytes at `raw`, which is
    // borrowed.
    unsafe { request::decide(file.as_raw_fd(), &mut decide) }?;
    Ok(decide.decision)
}

pub(crate) fn info(file: &File) -> Result<Info> {
    let mut info = Info::default();
    // SAFETY: `info` is `struct kinfer_info`; the kernel writes it and every pattern of bytes is a value.
    unsafe { request::info(file.as_raw_fd(), &mut info) }?;
    Ok(info)
}

pub(crate) fn measure(file: &File, raw: &[i64], rounds: u32) -> Result<Measure> {
    let count = count(raw)?;
    let mut measure = Measure { raw: raw.as_ptr() as u64, count, rounds, ..Measure::default() };
    // SAFETY: `measure` is `struct kinfer_measure`, and the kernel reads `count` values of 8 bytes at `raw`, which is
    // borrowed.
    unsafe { request::measure(file.as_raw_fd(), &mut measure) }?;
    Ok(measure)
}

pub(crate) fn unload(file: &File) -> Result<()> {
    // SAFETY: the request has no argument.
    unsafe { request::unload(file.as_raw_fd()) }.map(drop)
}

fn count(raw: &[i64]) -> Result<u32> {
    u32::try_from(raw.len()).map_err(|_| nix::errno::Errno::E2BIG)
}

//! The module comes and goes.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use kinfer::uapi::DEVICE;
use kinfer_agent::Device;
use nix::errno::Errno;

use super::Case;
use crate::lab::{Lab, fails_with, load_module};
use crate::sys::remove_module;

pub(super) const CASES: &[Case] = &[
    ("the module stays while the device is open", stays_while_open),
    ("the module stays while a BPF program calls it", stays_while_called),
    ("the module goes with a model in place, and comes back with none", goes_and_comes_back),
    ("the module goes and comes twenty times", goes_and_comes_often),
];

fn stays_while_open(lab: &Lab) -> Result<()> {
    renew()?;
    let device = lab.loaded_device()?;
    fails_with(remove_module(), Errno::EAGAIN)?;
    drop(device);
    remove_module().context("after the device is closed")?;
    load_module()
}

fn stays_while_called(lab: &Lab) -> Result<()> {
    renew()?;
    drop(lab.loaded_device()?);
    let mut kfunc = lab.kfunc()?;
    fails_with(remove_module(), Errno::EAGAIN)?;
    let (mut engine, rows) = lab.engine()?;
    ensure!(kfunc.decide(&rows[0])?.decision == engine.decide(&rows[0]), "another answer after rmmod was refused");
    Ok(())
}

fn goes_and_comes_back(lab: &Lab) -> Result<()> {
    drop(lab.loaded_device()?);
    removed()?;
    ensure!(!Path::new(DEVICE).exists(), "{DEVICE} is left behind");
    load_module()?;
    let info = Device::open()?.info()?;
    ensure!(info.loaded == 0 && info.loads == 0 && info.decisions == 0, "{info:?}");
    Ok(())
}

fn goes_and_comes_often(lab: &Lab) -> Result<()> {
    for _ in 0..20 {
        drop(lab.loaded_device()?);
        renew()?;
    }
    Ok(())
}

/// A module that nothing of an earlier case refers to.
fn renew() -> Result<()> {
    removed()?;
    load_module()
}

/// A BPF program's reference goes a moment after the program: when its memory is freed.
fn removed() -> Result<()> {
    for _ in 0..50 {
        match remove_module() {
            Err(Errno::EAGAIN) => std::thread::sleep(std::time::Duration::from_millis(100)),
            other => return other.context("rmmod"),
        }
    }
    remove_module().context("rmmod, for 5 seconds")
}

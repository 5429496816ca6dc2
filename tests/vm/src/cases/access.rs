//! Who may do what, and what wrong addresses and requests come to.

use anyhow::{Context, Result, ensure};
use kinfer::uapi::{Decide, IOC_DECIDE, IOC_INFO, IOC_LOAD, IOC_MEASURE, IOC_UNLOAD, Info, Load, Measure};
use kinfer_agent::Device;
use nix::errno::Errno;

use super::Case;
use crate::lab::{Lab, fails_with, refused_with};
use crate::sys::{NOWHERE, RawDevice, as_nobody, without_sys_admin};

pub(super) const CASES: &[Case] = &[
    ("an address of nobody's is EFAULT and changes nothing", bad_addresses),
    ("an unknown request is ENOTTY", unknown_requests),
    ("loading, withdrawing and measuring need CAP_SYS_ADMIN, deciding does not", needs_sys_admin),
    ("an ordinary user cannot open the device", unprivileged_open),
];

fn bad_addresses(lab: &Lab) -> Result<()> {
    let device = lab.loaded_device()?;
    let before = device.info()?.model_crc;
    let (_, rows) = lab.engine()?;
    let count = rows[0].len() as u32;
    let raw_device = RawDevice::open()?;
    for (place, address) in NOWHERE.into_iter().enumerate() {
        let fault =
            |what: &str, result| fails_with(result, Errno::EFAULT).with_context(|| format!("{what} {address:#x}"));
        let mut load = Load { addr: address, len: 4096, point: 0 }.to_bytes();
        fault("a model at", raw_device.request(IOC_LOAD, &mut load))?;
        let mut decide = Decide { raw: address, count, ..Decide::default() }.to_bytes();
        fault("decide: counters at", raw_device.request(IOC_DECIDE, &mut decide))?;
        let mut measure = Measure { raw: address, count, rounds: 1, ..Measure::default() }.to_bytes();
        fault("measure: counters at", raw_device.request(IOC_MEASURE, &mut measure))?;
        for request in [IOC_LOAD, IOC_DECIDE, IOC_INFO, IOC_MEASURE] {
            fault(&format!("argument of {request:#x} at"), raw_device.request_nowhere(request, place))?;
        }
    }
    ensure!(device.info()?.model_crc == before, "another model is in place");
    Ok(())
}

fn unknown_requests(_: &Lab) -> Result<()> {
    let device = RawDevice::open()?;
    let mut unknown_number = [0; Info::SIZE];
    fails_with(device.request(IOC_INFO & !0xff | 0x7f, &mut unknown_number), Errno::ENOTTY)?;
    let mut other_magic = [0; Info::SIZE];
    fails_with(device.request(IOC_INFO & !0xff00 | 0x4100, &mut other_magic), Errno::ENOTTY)?;
    // The number of LOAD with the size and direction of others.
    let mut other_size = [0; 8];
    fails_with(device.request(IOC_LOAD & !0x3fff_0000 | 8 << 16, &mut other_size), Errno::ENOTTY)?;
    let mut other_direction = [0; Info::SIZE];
    fails_with(device.request(IOC_INFO ^ 0xc000_0000, &mut other_direction), Errno::ENOTTY)?;
    fails_with(device.request(0, &mut []), Errno::ENOTTY)
}

fn needs_sys_admin(lab: &Lab) -> Result<()> {
    let device = lab.loaded_device()?;
    let before = device.info()?.model_crc;
    let (mut engine, rows) = lab.engine()?;
    let row = &rows[0];
    ensure!(device.load(&[]).is_err() && !device.sentence()?.is_empty(), "no sentence to go stale");
    without_sys_admin(|| {
        refused_with(device.load(lab.model()), Errno::EPERM).context("load")?;
        refused_with(device.load(&[]), Errno::EPERM).context("load of a file that would be refused")?;
        ensure!(device.sentence()?.is_empty(), "the sentence of an earlier load is left");
        refused_with(device.unload(), Errno::EPERM).context("unload")?;
        refused_with(device.measure(row, 1), Errno::EPERM).context("measure")?;
        ensure!(device.decide(row)? == engine.decide(row), "another answer");
        ensure!(device.info()?.model_crc == before, "another model is in place");
        Ok(())
    })?
}

fn unprivileged_open(_: &Lab) -> Result<()> {
    let opened = as_nobody(|| Device::open().err())?;
    let error = opened.context("the device opens for user 65534")?;
    ensure!(error.errno() == Some(Errno::EACCES), "{error}");
    Ok(())
}

// UNLOAD has no argument: there is nothing of it to get wrong but the right to ask.
const _: () = assert!(IOC_UNLOAD >> 16 == 0);

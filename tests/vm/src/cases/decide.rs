//! Deciding: the same bits by every way in, and fixed answers where nothing can be decided.

use anyhow::{Context, Result, anyhow, ensure};
use kinfer::uapi::{Decide, IOC_DECIDE, IOC_LOAD, IOC_MEASURE, Load, Measure};
use nix::errno::Errno;

use super::Case;
use crate::engine::Engine;
use crate::kfunc::Answer;
use crate::lab::{Lab, fails_with, refused_with};
use crate::specimen;
use crate::sys::RawDevice;

pub(super) const CASES: &[Case] = &[
    ("ioctl, kfunc and user space give the same bits for every model", same_bits),
    ("a wrong count is refused by ioctl and by kfunc", wrong_count),
    ("a size that is not whole counters is refused by kfunc", misaligned),
    ("a decision point other than 0 is refused", wrong_point),
    ("without a model ioctl and kfunc say so and the answer is the fallback", no_model),
    ("decisions and fallbacks are counted", counted),
    ("measuring gives a time and refuses no rounds and reserved bits", measure),
];

fn same_bits(lab: &Lab) -> Result<()> {
    let (device, mut kfunc) = (lab.empty_device()?, lab.kfunc()?);
    for model in &lab.valid {
        let mut engine = Engine::new(&model.bytes).map_err(|error| anyhow!("{}: {error}", model.name))?;
        device.load(&model.bytes).with_context(|| model.name.clone())?;
        for row in specimen::rows(&model.bytes, 500) {
            let here = engine.decide(&row);
            let by_ioctl = device.decide(&row)?;
            let by_kfunc = kfunc.decide(&row)?;
            ensure!(by_ioctl == here, "{}, {row:?}: {by_ioctl:?} by ioctl, {here:?} here", model.name);
            ensure!(by_kfunc == Answer::decided(here), "{}, {row:?}: {by_kfunc:?} by kfunc, {here:?} here", model.name);
        }
    }
    Ok(())
}

fn wrong_count(lab: &Lab) -> Result<()> {
    let (device, mut kfunc) = (lab.loaded_device()?, lab.kfunc()?);
    let (engine, _) = lab.engine()?;
    let wants = engine.inputs();
    for count in [0, 1, wants - 1, wants + 1, 256].into_iter().filter(|&count| count != wants) {
        let raw = vec![0; count];
        refused_with(device.decide(&raw), Errno::EINVAL).with_context(|| format!("{count} counters by ioctl"))?;
        let answer = kfunc.decide(&raw)?;
        ensure!(answer == Answer::refused(Errno::EINVAL), "{count} counters by kfunc: {answer:?}");
    }

    // A count that no allocation could follow.
    let raw = [0_i64; 1];
    let mut argument = Decide { raw: raw.as_ptr() as u64, count: u32::MAX, ..Decide::default() }.to_bytes();
    fails_with(raw_device()?.request(IOC_DECIDE, &mut argument), Errno::EINVAL).context("u32::MAX counters by ioctl")
}

fn misaligned(lab: &Lab) -> Result<()> {
    let (_device, mut kfunc) = (lab.loaded_device()?, lab.kfunc()?);
    let (engine, _) = lab.engine()?;
    let whole = engine.inputs() * 8;
    for size in [whole - 1, whole - 4, whole + 1, whole + 7, 1] {
        let answer = kfunc.call(0, size, &[])?;
        ensure!(answer == Answer::refused(Errno::EINVAL), "{size} bytes: {answer:?}");
    }
    Ok(())
}

fn wrong_point(lab: &Lab) -> Result<()> {
    let (_device, mut kfunc, raw_device) = (lab.loaded_device()?, lab.kfunc()?, raw_device()?);
    let (_, rows) = lab.engine()?;
    let (row, model) = (&rows[0], lab.model());
    let (raw, count) = (row.as_ptr() as u64, row.len() as u32);
    for point in [1, 7, u32::MAX] {
        let answer = kfunc.call(point, size_of_val(&row[..]), row)?;
        ensure!(answer == Answer::refused(Errno::EINVAL), "point {point} by kfunc: {answer:?}");

        let mut load = Load { addr: model.as_ptr() as u64, len: model.len() as u32, point }.to_bytes();
        fails_with(raw_device.request(IOC_LOAD, &mut load), Errno::EINVAL).with_context(|| format!("load {point}"))?;
        let mut decide = Decide { raw, count, point, ..Decide::default() }.to_bytes();
        fails_with(raw_device.request(IOC_DECIDE, &mut decide), Errno::EINVAL)
            .with_context(|| format!("decide {point}"))?;
        let mut measure = Measure { raw, count, point, rounds: 1, ..Measure::default() }.to_bytes();
        fails_with(raw_device.request(IOC_MEASURE, &mut measure), Errno::EINVAL)
            .with_context(|| format!("measure {point}"))?;
    }
    Ok(())
}

fn no_model(lab: &Lab) -> Result<()> {
    let (device, mut kfunc) = (lab.empty_device()?, lab.kfunc()?);
    let (_, rows) = lab.engine()?;
    refused_with(device.decide(&rows[0]), Errno::ENOENT)?;
    refused_with(device.measure(&rows[0], 1), Errno::ENOENT)?;
    let answer = kfunc.decide(&rows[0])?;
    ensure!(answer == Answer::refused(Errno::ENOENT), "{answer:?} by kfunc");
    Ok(())
}

fn counted(lab: &Lab) -> Result<()> {
    let (device, mut kfunc) = (lab.loaded_device()?, lab.kfunc()?);
    let (_, rows) = lab.engine()?;
    let before = device.info()?;
    for row in &rows {
        device.decide(row)?;
        kfunc.decide(row)?;
    }
    device.unload()?;
    kfunc.decide(&rows[0])?;
    let after = device.info()?;
    let decisions = after.decisions - before.decisions;
    ensure!(decisions == 2 * rows.len() as u64, "{decisions} decisions counted of {}", 2 * rows.len());
    ensure!(after.fallbacks > before.fallbacks, "no fallback counted");
    Ok(())
}

fn measure(lab: &Lab) -> Result<()> {
    let device = lab.loaded_device()?;
    let (_, rows) = lab.engine()?;
    let row = &rows[0];
    let timing = device.measure(row, 100)?;
    ensure!(timing.decision_ns() > 0, "{timing:?}");
    refused_with(device.measure(&row[1..], 1), Errno::EINVAL)?;
    refused_with(device.measure(row, 0), Errno::EINVAL)?;
    let (raw, count) = (row.as_ptr() as u64, row.len() as u32);
    let mut reserved = Measure { raw, count, rounds: 1, reserved: 1, ..Measure::default() }.to_bytes();
    fails_with(raw_device()?.request(IOC_MEASURE, &mut reserved), Errno::EINVAL)
}

fn raw_device() -> Result<RawDevice> {
    RawDevice::open().context("the device")
}

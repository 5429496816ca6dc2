//! Models change under those who decide.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use kinfer::uapi::DecisionRecord;
use kinfer_agent::{Device, DeviceError};
use nix::errno::Errno;

use super::Case;
use crate::kfunc::Answer;
use crate::lab::{Lab, engine_of};
use crate::specimen;

pub(super) const CASES: &[Case] = &[
    ("during 300 swaps every answer is of one of the two models", swaps),
    ("during loads and withdrawals an answer is the model's or none", withdrawals),
    ("two loaders at once lose no model and count every load", loaders),
    ("opening and closing while others decide disturbs nobody", opens_and_closes),
];

const SWAPS: usize = 300;

/// Rows, each with the answers that are right.
type Table = Vec<(Vec<i64>, [DecisionRecord; 2])>;

fn table(model: &[u8]) -> Result<(Vec<u8>, Table)> {
    let twin = specimen::twin(model);
    let (mut engine, rows) = engine_of(model)?;
    let (mut other, _) = engine_of(&twin).context("the twin")?;
    let table: Table = rows
        .into_iter()
        .map(|row| {
            let answers = [engine.decide(&row), other.decide(&row)];
            (row, answers)
        })
        .filter(|(_, [one, other])| one != other)
        .collect();
    ensure!(!table.is_empty(), "the twin decides alike");
    Ok((twin, table))
}

/// One decides by ioctl and one by kfunc while `disturb` runs; gives how many answers were of each model, and how many were
/// none.
fn decide_during(lab: &Lab, table: &Table, disturb: impl FnOnce() -> Result<()>) -> Result<[u64; 3]> {
    let (device, mut kfunc) = (Device::open()?, lab.kfunc()?);
    let by_ioctl = |row: &[i64]| match device.decide(row) {
        Ok(decision) => Ok(Some(decision)),
        Err(DeviceError::Request { errno: Errno::ENOENT, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    };
    let by_kfunc = |row: &[i64]| match kfunc.decide(row)? {
        Answer { status: 0, decision } => Ok(Some(decision)),
        answer if answer == Answer::refused(Errno::ENOENT) => Ok(None),
        answer => bail!("{answer:?} by kfunc"),
    };

    let stop = AtomicBool::new(false);
    let (by_ioctl, by_kfunc) = thread::scope(|scope| {
        let deciders = (
            scope.spawn(|| decide_until(&stop, table, by_ioctl)),
            scope.spawn(|| decide_until(&stop, table, by_kfunc)),
        );
        let disturbed = disturb();
        stop.store(true, Ordering::Relaxed);
        let panicked = |_| anyhow!("a decider panicked");
        let counts = (deciders.0.join().map_err(panicked)??, deciders.1.join().map_err(panicked)??);
        disturbed.map(|()| counts)
    })?;
    let both = std::array::from_fn(|of| by_ioctl[of] + by_kfunc[of]);
    ensure!(by_ioctl[0] > 0 && by_kfunc[0] > 0, "{by_ioctl:?} answers by ioctl, {by_kfunc:?} by kfunc");
    Ok(both)
}

fn decide_until(
    stop: &AtomicBool,
    table: &Table,
    mut decide: impl FnMut(&[i64]) -> Result<Option<DecisionRecord>>,
) -> Result<[u64; 3]> {
    let mut seen = [0; 3];
    for (row, answers) in table.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let of = match decide(row)? {
            None => 2,
            Some(decision) => answers
                .iter()
                .position(|answer| *answer == decision)
                .with_context(|| format!("{decision:?} is neither model's answer to {row:?}"))?,
        };
        seen[of] += 1;
    }
    Ok(seen)
}

fn swaps(lab: &Lab) -> Result<()> {
    let device = lab.device_with(lab.largest())?;
    let (twin, table) = table(lab.largest())?;
    let [first, second, none] = decide_during(lab, &table, || {
        for _ in 0..SWAPS / 2 {
            device.load(&twin)?;
            device.load(lab.largest())?;
        }
        Ok(())
    })?;
    ensure!(none == 0, "{none} requests found no model");
    ensure!(first > 0 && second > 0, "one model never decided: {first} and {second} answers");
    Ok(())
}

fn withdrawals(lab: &Lab) -> Result<()> {
    let device = lab.device_with(lab.largest())?;
    let (_, table) = table(lab.largest())?;
    let [first, second, none] = decide_during(lab, &table, || {
        for _ in 0..SWAPS / 4 {
            device.unload()?;
            device.load(lab.largest())?;
            // A load with nothing to free waits for no grace period: the deciders would hardly meet the model.
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    })?;
    ensure!(first > 0 && none > 0 && second == 0, "{first} answers, {none} times none, {second} of another model");
    Ok(())
}

fn loaders(lab: &Lab) -> Result<()> {
    let device = lab.device_with(lab.largest())?;
    let (twin, table) = table(lab.largest())?;
    let before = device.info()?.loads;
    let load_often = |file: &[u8]| {
        let device = Device::open()?;
        (0..SWAPS / 4).try_for_each(|_| device.load(file))
    };
    let counts = decide_during(lab, &table, || {
        thread::scope(|scope| {
            let loaders = [lab.largest(), &twin].map(|file| scope.spawn(move || load_often(file)));
            loaders.into_iter().try_for_each(|loader| match loader.join() {
                Ok(loaded) => Ok(loaded?),
                Err(_) => bail!("a loader panicked"),
            })
        })
    })?;
    ensure!(counts[2] == 0, "{} requests found no model", counts[2]);
    let loads = device.info()?.loads - before;
    ensure!(loads == 2 * (SWAPS as u64 / 4), "{loads} loads counted of {}", 2 * (SWAPS / 4));
    Ok(())
}

fn opens_and_closes(lab: &Lab) -> Result<()> {
    let device = lab.device_with(lab.largest())?;
    let (_, table) = table(lab.largest())?;
    let counts = decide_during(lab, &table, || {
        for round in 0..SWAPS {
            let mut others = (0..4).map(|_| Device::open()).collect::<Result<Vec<_>, _>>()?;
            // Each with a sentence of its own to be freed, closed in another order than opened.
            for other in &others {
                if other.load(&lab.largest()[..8]).is_ok() {
                    bail!("eight bytes are accepted as a model");
                }
            }
            drop(others.swap_remove(round % 4));
        }
        Ok(())
    })?;
    ensure!(counts[1] == 0 && counts[2] == 0, "{counts:?}");
    device.unload()?;
    Ok(())
}

//! Loading, withdrawing, and what the device says of the model in place.

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;

use super::Case;
use crate::engine::{Engine, verdict};
use crate::lab::{Lab, refused_with};
use crate::specimen;

pub(super) const CASES: &[Case] = &[
    ("a valid model loads and its description is the verifier's report", loads_and_describes),
    ("a model loads from an odd address", loads_from_an_odd_address),
    ("without a model the description is empty", describes_nothing),
    ("a withdrawn model no longer decides", withdraws),
    ("withdrawing without a model says so", withdraws_nothing),
    ("a second model takes the place of the first", replaces),
];

fn loads_and_describes(lab: &Lab) -> Result<()> {
    let device = lab.empty_device()?;
    for model in &lab.valid {
        let before = device.info()?.loads;
        device.load(&model.bytes).with_context(|| model.name.clone())?;
        let info = device.info()?;
        let report = verdict(&model.bytes).map_err(|error| anyhow::anyhow!("{}: {error}", model.name))?;
        ensure!(info.loaded == 1 && info.loads == before + 1, "{}: {info:?}", model.name);
        let said = [
            u64::from(info.inputs),
            info.outcomes.into(),
            info.packed_bytes,
            info.scratch_bytes,
            info.ops,
            info.model_bytes,
        ];
        let proved = [
            report.inputs as u64,
            report.outcomes as u64,
            report.packed_bytes() as u64,
            report.scratch_bytes() as u64,
            report.operations,
            model.bytes.len() as u64,
        ];
        ensure!(said == proved, "{}: the kernel says {said:?}, the verifier {proved:?}", model.name);
        ensure!(info.model_crc == report.checksum, "{}: another checksum", model.name);
    }
    Ok(())
}

fn loads_from_an_odd_address(lab: &Lab) -> Result<()> {
    let device = lab.empty_device()?;
    let mut shifted = vec![0];
    shifted.extend(lab.model());
    // One of the two is odd.
    device.load(&shifted[1..])?;
    device.load(lab.model())?;
    Ok(())
}

fn describes_nothing(lab: &Lab) -> Result<()> {
    let info = lab.empty_device()?.info()?;
    let described = [info.model_bytes, info.packed_bytes, info.scratch_bytes, info.ops, info.model_crc.into()];
    ensure!(info.loaded == 0 && info.inputs == 0 && info.outcomes == 0 && described == [0; 5], "{info:?}");
    Ok(())
}

fn withdraws(lab: &Lab) -> Result<()> {
    let device = lab.loaded_device()?;
    let (_, rows) = lab.engine()?;
    device.decide(&rows[0])?;
    device.unload()?;
    refused_with(device.decide(&rows[0]), Errno::ENOENT)
}

fn withdraws_nothing(lab: &Lab) -> Result<()> {
    refused_with(lab.empty_device()?.unload(), Errno::ENOENT)
}

fn replaces(lab: &Lab) -> Result<()> {
    let device = lab.loaded_device()?;
    let twin = specimen::twin(lab.model());
    let (mut engine, rows) = lab.engine()?;
    let mut twin_engine = Engine::new(&twin).map_err(|error| anyhow::anyhow!("the twin: {error}"))?;
    ensure!(rows.iter().any(|row| engine.decide(row) != twin_engine.decide(row)), "the twin decides alike");
    device.load(&twin)?;
    for row in &rows {
        ensure!(device.decide(row)? == twin_engine.decide(row), "another answer than the second model's");
    }
    Ok(())
}

//! Refusals: the kernel and the user-space core say the same of any bytes, and the model in place stays.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use kinfer::uapi::{DecisionRecord, IOC_LOAD, Load};
use kinfer::{Kind, Limits};
use kinfer_agent::{Device, DeviceError};
use nix::errno::Errno;

use super::Case;
use crate::engine::{Engine, verdict};
use crate::lab::Lab;
use crate::specimen::{self, Random};
use crate::sys::RawDevice;

pub(super) const CASES: &[Case] = &[
    ("each hostile file is refused in the user-space core's words", hostile),
    ("a file cut anywhere is refused in the core's words", truncated),
    ("a flipped bit anywhere is refused in the core's words", flipped),
    ("a flipped bit behind a right checksum gets the core's verdict", resealed),
    ("a file over the kernel's size is refused before it is read", oversized),
    ("an empty file is refused", empty),
    ("a file that changes while it is read is taken whole or refused", changing),
    ("a refusal's sentence is the open file's own and goes with the next load", sentences),
];

/// Bytes of a large section that are tried.
const SAMPLE: usize = 400;

/// A device with a model in place, and what shows that it is still there.
struct Bench<'a> {
    device: Device,
    model: &'a [u8],
    row: Vec<i64>,
    answer: DecisionRecord,
}

impl<'a> Bench<'a> {
    fn new(lab: &'a Lab) -> Result<Self> {
        let (mut engine, mut rows) = lab.engine()?;
        let row = rows.swap_remove(rows.len() - 1);
        let answer = engine.decide(&row);
        Ok(Self { device: lab.loaded_device()?, model: lab.model(), row, answer })
    }

    /// That the kernel says of `file` what the core says; of an accepted one, that both decide alike.
    fn judge(&self, file: &[u8]) -> Result<()> {
        match (self.device.load(file), verdict(file)) {
            (Err(DeviceError::Refused { errno, sentence }), Err(error)) => {
                let (wants_errno, wants) = (errno_of(error.kind()), error.to_string());
                ensure!(sentence == wants, "the kernel says `{sentence}`, the core `{wants}`");
                ensure!(errno == wants_errno, "{errno:?} for `{wants}`, {wants_errno:?} was due");
                ensure!(self.device.decide(&self.row)? == self.answer, "after `{wants}` another model is in place");
                Ok(())
            }
            (Ok(()), Ok(_)) => {
                let mut engine = Engine::new(file).map_err(|error| anyhow::anyhow!("{error}"))?;
                let row = &specimen::rows(file, 8)[7];
                ensure!(self.device.decide(row)? == engine.decide(row), "both accept it and decide otherwise");
                self.device.load(self.model)?;
                Ok(())
            }
            (Ok(()), Err(error)) => bail!("the kernel accepts what the core refuses: {error}"),
            (Err(error), Ok(_)) => bail!("the core accepts what the kernel refuses: {error}"),
            (Err(other), Err(error)) => bail!("`{other}` without a sentence; the core says `{error}`"),
        }
    }
}

fn errno_of(kind: Kind) -> Errno {
    match kind {
        Kind::Malformed | Kind::Mismatch => Errno::EINVAL,
        Kind::Unsupported => Errno::EOPNOTSUPP,
        Kind::OverBudget => Errno::E2BIG,
    }
}

fn hostile(lab: &Lab) -> Result<()> {
    let bench = Bench::new(lab)?;
    for file in &lab.hostile {
        bench.judge(&file.bytes).with_context(|| file.name.clone())?;
    }
    Ok(())
}

fn truncated(lab: &Lab) -> Result<()> {
    let bench = Bench::new(lab)?;
    let file = lab.model();
    let mut lengths: Vec<usize> = (1..=specimen::preamble(file).end).collect();
    for (_, section) in specimen::sections(file) {
        lengths.extend([section.start, section.start + 1, section.end.min(file.len() - 1)]);
    }
    for length in lengths {
        let cut = &file[..length];
        bench.judge(cut).with_context(|| format!("cut to {length} bytes"))?;
        if specimen::preamble(file).end <= length {
            let cut = specimen::sealed(cut.to_vec());
            bench.judge(&cut).with_context(|| format!("cut to {length} bytes, with a right checksum"))?;
        }
    }
    Ok(())
}

fn flipped(lab: &Lab) -> Result<()> {
    let bench = Bench::new(lab)?;
    let mut random = Random(2);
    for byte in places(lab.model(), &mut random) {
        let file = specimen::flipped(lab.model(), byte, random.below(8));
        bench.judge(&file).with_context(|| format!("byte {byte}"))?;
    }
    Ok(())
}

fn resealed(lab: &Lab) -> Result<()> {
    let bench = Bench::new(lab)?;
    let mut random = Random(3);
    for byte in places(lab.model(), &mut random) {
        let file = specimen::sealed(specimen::flipped(lab.model(), byte, random.below(8)));
        bench.judge(&file).with_context(|| format!("byte {byte}"))?;
    }
    Ok(())
}

/// Every byte of header and table, and of each section as many as [`SAMPLE`].
fn places(file: &[u8], random: &mut Random) -> Vec<usize> {
    let mut places: Vec<usize> = specimen::preamble(file).collect();
    for (_, section) in specimen::sections(file) {
        if section.len() <= SAMPLE {
            places.extend(section);
        } else {
            places.extend((0..SAMPLE).map(|_| section.start + random.below(section.len())));
        }
    }
    places
}

fn oversized(lab: &Lab) -> Result<()> {
    let bench = Bench::new(lab)?;
    let limit = Limits::KERNEL.file_bytes;
    bench.judge(&specimen::padded_to(lab.model(), limit)).context("a well-formed file")?;
    bench.judge(&vec![0; limit + 1]).context("zeros")?;
    bench.judge(&vec![0; limit]).context("zeros, as many as allowed")
}

fn empty(lab: &Lab) -> Result<()> {
    Bench::new(lab)?.judge(&[])
}

fn changing(lab: &Lab) -> Result<()> {
    let bench = Bench::new(lab)?;
    let (device, raw_device) = (&bench.device, RawDevice::open()?);
    let files = [lab.model().to_vec(), specimen::twin(lab.model())];
    let checksums = files.each_ref().map(|file| verdict(file).map(|report| report.checksum).ok());
    let shared: Vec<AtomicU8> = files[0].iter().copied().map(AtomicU8::new).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for file in files.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                file.iter().zip(&shared).for_each(|(&byte, place)| place.store(byte, Ordering::Relaxed));
            }
        });
        let judged = (0..1000).try_for_each(|_| {
            let mut load = Load { addr: shared.as_ptr() as u64, len: shared.len() as u32, point: 0 }.to_bytes();
            match raw_device.request(IOC_LOAD, &mut load) {
                Err(Errno::EINVAL) => Ok(()),
                Err(errno) => bail!("{errno:?}"),
                Ok(()) => {
                    let checksum = Some(device.info()?.model_crc);
                    ensure!(checksums.contains(&checksum), "a model that was never in the buffer is in place");
                    Ok(())
                }
            }
        });
        stop.store(true, Ordering::Relaxed);
        judged
    })
}

fn sentences(lab: &Lab) -> Result<()> {
    let [first, second] = [lab.loaded_device()?, Device::open()?];
    ensure!(first.sentence()?.is_empty(), "a sentence without a refusal");
    for file in [&lab.model()[..1], &lab.model()[..40]] {
        let Err(DeviceError::Refused { sentence, .. }) = first.load(file) else { bail!("not refused") };
        ensure!(sentence == first.sentence()?, "the sentence is gone when read");
        ensure!(second.sentence()?.is_empty(), "another open file's sentence");
    }
    first.load(lab.model())?;
    ensure!(first.sentence()?.is_empty(), "a sentence after a load that was not refused");
    Ok(())
}

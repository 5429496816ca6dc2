//! What every case works with: files, and the device in a known state.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};
use kinfer_agent::{Device, DeviceError};
use nix::errno::Errno;

use crate::engine::{Engine, verdict};
use crate::kfunc::Kfunc;
use crate::specimen;

/// A model file and its name.
pub(crate) struct Specimen {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The files of a folder, as the user-space core judges them, and the BPF program.
pub(crate) struct Lab {
    /// Files that must load, smallest first; never empty.
    pub(crate) valid: Vec<Specimen>,
    /// Files that must be refused.
    pub(crate) hostile: Vec<Specimen>,
    bpf: PathBuf,
}

impl Lab {
    pub(crate) fn new(folder: &Path, bpf: &Path) -> Result<Self> {
        let mut paths = fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
            .with_context(|| folder.display().to_string())?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "kinf"));
        paths.sort();

        let (mut valid, mut hostile) = (Vec::new(), Vec::new());
        for path in paths {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let judged = if verdict(&bytes).is_ok() { &mut valid } else { &mut hostile };
            judged.push(Specimen { name, bytes });
        }
        valid.sort_by_key(|model| model.bytes.len());
        ensure!(!valid.is_empty(), "{}: no model there that the core accepts", folder.display());
        ensure!(!hostile.is_empty(), "{}: no model there that the core refuses", folder.display());
        Ok(Self { valid, hostile, bpf: bpf.to_owned() })
    }

    /// The model that cases use when any will do: the smallest, because many damage it byte by byte, of those whose steps are
    /// affine, because [`specimen::twin`] turns those around.
    pub(crate) fn model(&self) -> &[u8] {
        let mut affine = self.valid.iter().filter(|model| specimen::has_a_twin(&model.bytes));
        &affine.next().unwrap_or(&self.valid[0]).bytes
    }

    /// The model that is longest at work and has most to free, of the same.
    pub(crate) fn largest(&self) -> &[u8] {
        let mut affine = self.valid.iter().rev().filter(|model| specimen::has_a_twin(&model.bytes));
        &affine.next().unwrap_or(&self.valid[0]).bytes
    }

    /// The device with no model in place.
    pub(crate) fn empty_device(&self) -> Result<Device> {
        let device = Device::open()?;
        match device.unload() {
            Ok(()) | Err(DeviceError::Request { errno: Errno::ENOENT, .. }) => Ok(device),
            Err(error) => Err(error.into()),
        }
    }

    /// The device with [`Self::model`] in place.
    pub(crate) fn loaded_device(&self) -> Result<Device> {
        self.device_with(self.model())
    }

    /// The device with `model` in place.
    pub(crate) fn device_with(&self, model: &[u8]) -> Result<Device> {
        let device = self.empty_device()?;
        device.load(model)?;
        Ok(device)
    }

    pub(crate) fn kfunc(&self) -> Result<Kfunc> {
        Kfunc::load(&self.bpf)
    }

    /// [`Self::model`] in this process, with rows to try it on.
    pub(crate) fn engine(&self) -> Result<(Engine, Vec<Vec<i64>>)> {
        engine_of(self.model())
    }
}

/// `model` in this process, with rows to try it on.
pub(crate) fn engine_of(model: &[u8]) -> Result<(Engine, Vec<Vec<i64>>)> {
    let engine = Engine::new(model).map_err(|error| anyhow!("{error}"))?;
    Ok((engine, specimen::rows(model, 64)))
}

/// `modprobe kinfer`, as an operator does it.
pub(crate) fn load_module() -> Result<()> {
    let output = Command::new("modprobe").arg("kinfer").output().context("modprobe")?;
    if !output.status.success() {
        bail!("modprobe kinfer: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// That `result` failed with `errno`.
pub(crate) fn refused_with<T>(result: Result<T, DeviceError>, errno: Errno) -> Result<()> {
    match result {
        Ok(_) => bail!("accepted, {errno:?} was due"),
        Err(error) => {
            ensure!(error.errno() == Some(errno), "{error}: {errno:?} was due");
            Ok(())
        }
    }
}

/// That a bare request failed with `errno`.
pub(crate) fn fails_with(result: Result<(), Errno>, errno: Errno) -> Result<()> {
    ensure!(result == Err(errno), "{result:?}, {errno:?} was due");
    Ok(())
}

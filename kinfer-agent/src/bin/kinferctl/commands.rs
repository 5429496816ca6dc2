//! What each command does.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use kinfer::Model;
use kinfer_agent::{Columns, Device, Rows};

use crate::print::{self, Decisions};
use crate::{Cli, Command, Decide};

pub(crate) fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Load { file } => load(file, cli.json),
        Command::Unload => Ok(Device::open()?.unload()?),
        Command::Status => print::status(&Device::open()?.info()?, cli.json),
        Command::Decide(args) => decide(args, cli.json),
        Command::Measure { values, rounds } => {
            print::timing(&Device::open()?.measure(values, *rounds)?, *rounds, cli.json)
        }
    }
}

fn load(file: &Path, json: bool) -> Result<()> {
    let model = fs::read(file).with_context(|| file.display().to_string())?;
    let device = Device::open()?;
    device.load(&model).with_context(|| file.display().to_string())?;
    print::status(&device.info()?, json)
}

fn decide(args: &Decide, json: bool) -> Result<()> {
    let device = Device::open()?;
    let output: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(io::stdout().lock()),
    };
    let mut decisions = Decisions::new(BufWriter::new(output), json);

    let Some(input) = &args.input else {
        decisions.write(&device.decide(&args.values)?)?;
        return decisions.finish();
    };
    let columns = args.model.as_deref().map_or(Ok(Columns::All), |model| schema(model, &device))?;
    let name = || input.display().to_string();
    for (number, row) in Rows::open(input, &columns).with_context(name)?.enumerate() {
        let row = row.with_context(name)?;
        let decision = device.decide(&row).with_context(|| format!("{}, row {}", name(), number + 1))?;
        decisions.write(&decision)?;
    }
    decisions.finish()
}

/// The columns that the schema of the model file at `path` names.
fn schema(path: &Path, device: &Device) -> Result<Columns> {
    let name = path.display();
    let bytes = fs::read(path).with_context(|| name.to_string())?;
    let model = Model::parse(&bytes).map_err(|error| anyhow!("{name}: {error}"))?;
    let (is, in_place) = (model.checksum(), device.info()?.model_crc);
    ensure!(
        is == in_place,
        "{name} is not the model in place (CRC-32C {is:08x}, the kernel has {in_place:08x}): \
         load it with `kinferctl load {name}`"
    );
    Ok(Columns::Named(model.features().iter().map(|feature| feature.name.to_string()).collect()))
}

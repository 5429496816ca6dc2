//! `kinfer inspect`.

mod describe;
mod render;

use std::path::PathBuf;

use clap::Args;
use kinfer::{Model, verify};
use kinfer_convert::engine::UNBOUNDED;
use kinfer_convert::{Error, Result};

use super::{Console, EXIT_STATUS, file};

/// Show what a model file holds and what the verifier proves of it: schema, operators, ranges, lanes, cost, memory,
/// provenance.
///
/// Models that are over the kernel's budget are shown as well, with what the kernel says.
#[derive(Args, Debug)]
#[command(after_help = format!("Example: kinfer inspect io-latency.kinf\n\n{EXIT_STATUS}"))]
pub(crate) struct Inspect {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    /// Print JSON; the fields are in docs/cli.md
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self, console: Console) -> Result<()> {
        let bytes = file::read(&self.model)?;
        let model = Model::parse(&bytes).map_err(Error::Refused)?;
        let report = verify(&model, &UNBOUNDED).map_err(Error::Refused)?;
        let described = describe::Description::of(&model, &report);
        console.print(&if self.json {
            serde_json::to_string_pretty(&described).unwrap_or_default() + "\n"
        } else {
            render::render(&described)
        })
    }
}

//! `kinfer check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kinfer::{Model, verify};
use kinfer_convert::convert::{BudgetReport, VerifierReport};
use kinfer_convert::engine::UNBOUNDED;
use kinfer_convert::{Error, Result};
use serde_json::json;

use super::budget::{self, Budget};
use super::{Console, EXIT_STATUS, file};

/// Say exactly what the kernel would say to this file.
///
/// The file is parsed and verified by the code that the kernel runs, under the kernel's budget or a narrower or wider one. A
/// refusal is the kernel's own sentence.
#[derive(Args, Debug)]
#[command(after_help = format!(
    "Examples: kinfer check io-latency.kinf\n          kinfer check io-latency.kinf --budget-ops 2000 --budget-bytes 8192\n\n\
     {EXIT_STATUS}"
))]
pub(crate) struct Check {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    #[command(flatten)]
    budget: Budget,
    /// Print JSON: {"accepted": …, "error": …, "budget": […], "report": …}
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self, console: Console) -> Result<ExitCode> {
        let bytes = file::read(&self.model)?;
        let limits = self.budget.limits();
        // The order is the kernel's: it asks for the size before it copies the file.
        let verdict = limits
            .check_file(bytes.len())
            .and_then(|()| Model::parse(&bytes))
            .and_then(|model| verify(&model, &limits));
        let proved = Model::parse(&bytes).and_then(|model| verify(&model, &UNBOUNDED));
        let lines = proved.as_ref().map(|report| BudgetReport::of(bytes.len(), report, &limits)).unwrap_or_default();

        let error = verdict.as_ref().err().map(ToString::to_string);
        if self.json {
            let report = proved.as_ref().ok().map(VerifierReport::of);
            let all = json!({"accepted": error.is_none(), "error": error, "budget": lines, "report": report});
            console.print(&format!("{all:#}\n"))?;
        } else {
            let table = budget::table(&lines);
            let first = match (&error, &verdict) {
                (None, Ok(report)) => format!("accepted: {} inputs, {} outcomes", report.inputs, report.outcomes),
                (sentence, _) => format!("refused: {}", sentence.as_deref().unwrap_or_default()),
            };
            console.print(&format!("{first}\n{table}"))?;
        }
        Ok(if error.is_none() { ExitCode::SUCCESS } else { ExitCode::from(Error::REFUSED) })
    }
}

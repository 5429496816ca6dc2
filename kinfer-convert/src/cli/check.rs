//! `kinfer check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kinfer_convert::Error;
use kinfer_convert::convert::VerifierReport;
use kinfer_convert::engine::Engine;

use super::{EXIT_STATUS, fail, file};

/// Say exactly what the kernel would say to this file.
#[derive(Args, Debug)]
#[command(after_help = format!("Example: kinfer check io-latency.kinf\n\n{EXIT_STATUS}"))]
pub(crate) struct Check {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    /// Print JSON: {"accepted": true, "report": …} or {"accepted": false, "error": "…"}
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self) -> ExitCode {
        let verdict = file::read(&self.model).and_then(|bytes| Engine::load(&bytes));
        match verdict {
            Ok(engine) => {
                let report = VerifierReport::of(&engine.report);
                if self.json {
                    println!("{}", serde_json::json!({"accepted": true, "report": report}));
                } else {
                    println!(
                        "accepted: {} inputs, {} operations, {} bytes packed, {} bytes of scratch",
                        report.inputs, report.operations, report.packed_bytes, report.scratch_bytes
                    );
                }
                ExitCode::SUCCESS
            }
            Err(Error::Refused(error)) => {
                if self.json {
                    println!("{}", serde_json::json!({"accepted": false, "error": error.to_string()}));
                } else {
                    println!("refused: {error}");
                }
                ExitCode::from(1)
            }
            Err(error) => fail(error),
        }
    }
}

//! `kinfer bench`.

mod instructions;
mod rows;
mod time;

use std::path::PathBuf;

use clap::Args;
use kinfer::Model;
use kinfer_convert::engine::{Engine, UNBOUNDED};
use kinfer_convert::{Error, Result};
use serde::Serialize;

use self::instructions::Instructions;
use self::time::Time;
use super::{Console, EXIT_STATUS, file};

/// Measure a decision on this machine: time, and instructions where they can be counted.
///
/// Rows are random, each counter within its range in calibration. Time is the median of many repetitions. Instructions come
/// from the processor's counter (perf_event_open) where the machine has one, else from running this program under valgrind's
/// callgrind where that is installed; else there is no figure. Both are of user space: the kernel compiles the same code with
/// flags of its own.
#[derive(Args, Debug)]
#[command(after_help = format!("Example: kinfer bench io-latency.kinf\n\n{EXIT_STATUS}"))]
pub(crate) struct Bench {
    /// A .kinf file
    #[arg(value_name = "MODEL.kinf")]
    model: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Decide this many rows and print nothing: what is run under callgrind
    #[arg(long, value_name = "N", hide = true)]
    only_decide: Option<usize>,
}

/// What was measured.
#[derive(Serialize)]
struct Measured {
    /// `release`, or `debug`, whose figures say nothing.
    build: &'static str,
    operations: u64,
    look_ups: u64,
    time: Time,
    instructions: Instructions,
}

impl Bench {
    pub(crate) fn run(self, console: Console) -> Result<()> {
        let bytes = file::read(&self.model)?;
        let model = Model::parse(&bytes).map_err(Error::Refused)?;
        let engine = Engine::load_within(&bytes, &UNBOUNDED)?;
        let rows = rows::random(&model);
        let mut caller = engine.caller();
        if let Some(count) = self.only_decide {
            rows::decide(&mut caller, &rows, count);
            return Ok(());
        }
        let time = time::measure(&mut caller, &rows);
        console.tell(&format!("{} samples of {} decisions", time.samples, time.decisions_a_sample));
        let instructions = Instructions::count(&mut caller, &rows, &self.model, time.median_ns);
        let measured = Measured {
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            operations: engine.report.operations,
            look_ups: engine.report.look_ups,
            time,
            instructions,
        };
        if measured.build == "debug" {
            console.note("note: this is a debug build; its figures say nothing about the kernel's");
        }
        console.print(&if self.json {
            serde_json::to_string_pretty(&measured).unwrap_or_default() + "\n"
        } else {
            render(&measured)
        })
    }
}

fn render(measured: &Measured) -> String {
    let Measured { build, operations, look_ups, time, instructions } = measured;
    let counted = match (instructions.a_decision, instructions.by, &instructions.unavailable) {
        (Some(count), Some(by), _) => format!("{count:.0} a decision, counted by {by}"),
        (_, _, why) => format!("not available: {}", why.as_deref().unwrap_or_default()),
    };
    format!(
        "work          {operations} operations, {look_ups} look-ups\ntime          {:.1} ns a decision, median of {} samples \
         (fastest {:.1}, slowest {:.1})\ninstructions  {counted}\nbuild         {build}, user space\n",
        time.median_ns, time.samples, time.fastest_ns, time.slowest_ns
    )
}

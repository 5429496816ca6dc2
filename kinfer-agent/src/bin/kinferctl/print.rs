//! What a person and a program read.

use std::io::{self, Write};
use std::mem;

use anyhow::{Context, Result};
use kinfer::uapi::{DEVICE, DecisionRecord, Info};
use kinfer::{Decision, Flags};
use kinfer_agent::Timing;
use serde_json::json;

pub(crate) fn status(info: &Info, json: bool) -> Result<()> {
    if json {
        return line(&json!({
            "abi": info.abi,
            "loaded": info.loaded != 0,
            "inputs": info.inputs,
            "outcomes": info.outcomes,
            "model_bytes": info.model_bytes,
            "model_crc": format!("{:08x}", info.model_crc),
            "packed_bytes": info.packed_bytes,
            "scratch_bytes": info.scratch_bytes,
            "ops": info.ops,
            "loads": info.loads,
            "decisions": info.decisions,
            "fallbacks": info.fallbacks,
        }));
    }
    let mut text = format!("{DEVICE}, interface version {}\n", info.abi);
    if info.loaded == 0 {
        text += "model    none: every caller takes its own default\n";
    } else {
        text += &format!(
            "model    {} inputs, {} outcomes; {} bytes, CRC-32C {:08x}\n\
             cost     {} operations at most, {} bytes packed, {} bytes of scratch\n",
            info.inputs,
            info.outcomes,
            info.model_bytes,
            info.model_crc,
            info.ops,
            info.packed_bytes,
            info.scratch_bytes
        );
    }
    text += &format!("counts   {} loads, {} decisions, {} fallbacks\n", info.loads, info.decisions, info.fallbacks);
    written(io::stdout().write_all(text.as_bytes()))
}

pub(crate) fn timing(timing: &Timing, rounds: u32, json: bool) -> Result<()> {
    if json {
        return line(&json!({
            "rounds": rounds,
            "decide_ns": timing.decide_ns,
            "empty_ns": timing.empty_ns,
            "decision_ns": timing.decision_ns(),
        }));
    }
    written(writeln!(
        io::stdout(),
        "one decision: {} ns (shortest of {rounds}: {} ns, of which {} ns is measuring)",
        timing.decision_ns(),
        timing.decide_ns,
        timing.empty_ns
    ))
}

/// Decisions, one a line: CSV, or JSON Lines.
pub(crate) struct Decisions<W: Write> {
    output: W,
    json: bool,
    header_due: bool,
}

impl<W: Write> Decisions<W> {
    pub(crate) fn new(output: W, json: bool) -> Self {
        Self { output, json, header_due: !json }
    }

    pub(crate) fn write(&mut self, record: &DecisionRecord) -> Result<()> {
        self.header()?;
        // As text: decimals that give back every bit, which JSON numbers read as doubles would not.
        let Decision { class, value, margin, flags } = Decision::from(*record);
        let [out_of_range, low_margin, fallback] =
            [Flags::OUT_OF_RANGE, Flags::LOW_MARGIN, Flags::FALLBACK].map(|flag| flags.contains(flag));
        written(if self.json {
            let decision = json!({
                "class": class,
                "value": value.to_string(),
                "margin": margin.to_string(),
                "out_of_range": out_of_range,
                "low_margin": low_margin,
                "fallback": fallback,
            });
            writeln!(self.output, "{decision}")
        } else {
            let [out_of_range, low_margin, fallback] = [out_of_range, low_margin, fallback].map(u8::from);
            writeln!(self.output, "{class},{value},{margin},{out_of_range},{low_margin},{fallback}")
        })
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.header()?;
        written(self.output.flush())
    }

    /// Not before the first decision, so that a refusal leaves nothing behind.
    fn header(&mut self) -> Result<()> {
        if !mem::take(&mut self.header_due) {
            return Ok(());
        }
        written(writeln!(self.output, "class,value,margin,out_of_range,low_margin,fallback"))
    }
}

fn line(value: &serde_json::Value) -> Result<()> {
    written(writeln!(io::stdout(), "{value}"))
}

fn written(result: io::Result<()>) -> Result<()> {
    result.context("the output cannot be written")
}

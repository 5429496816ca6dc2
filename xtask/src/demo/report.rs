//! The demo's report: a table for people, JSON for programs, and what in it makes the demo fail.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::convert::Conversion;
use crate::steps::StepTime;

/// Held-out rows that must have been decided in the kernel.
const LEAST_ROWS: u64 = 4_000;
/// Share of held-out rows on which integer and float must decide alike.
const LEAST_AGREEMENT: f64 = 0.995;
/// Area under the ROC curve that the integer model must reach on held-out rows.
const LEAST_AUC: f64 = 0.85;

/// Everything that the demo found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Release of the kernel that decided.
    pub(super) kernel: String,
    /// Folder of the model.
    pub(super) model: String,
    /// Float against integer on the held-out part.
    pub(super) conversion: Conversion,
    /// The kernel's decisions against those of the engine in user space.
    pub(super) decisions: Decisions,
    /// Instructions of one decision in the kernel.
    pub(super) instructions: Instructions,
    /// Worst-case stack of a decision, from the machine code of the module.
    pub(super) stack_bytes: u64,
    /// Time of each step.
    pub(super) steps: Vec<StepTime>,
    /// Exit status of the guest's script.
    pub(super) guest_status: u8,
    /// Lines of the kernel's log that must not be there.
    pub(super) findings: Vec<String>,
}

/// What `kinfer-vm-tests decide` writes.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Decisions {
    pub(super) rows: u64,
    pub(super) differing_by_ioctl: u64,
    pub(super) differing_by_kfunc: u64,
    pub(super) model_bytes: u64,
    pub(super) packed_bytes: u64,
    pub(super) scratch_bytes: u64,
    pub(super) operations: u64,
    pub(super) model_crc: String,
}

/// What `kinfer-vm-tests measure` writes. The machine's time advances by 1 ns an instruction (`-icount shift=0`).
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Instructions {
    pub(super) rows: u64,
    pub(super) rounds: u32,
    #[serde(rename(deserialize = "min_ns"))]
    pub(super) min: u64,
    #[serde(rename(deserialize = "median_ns"))]
    pub(super) median: u64,
    #[serde(rename(deserialize = "max_ns"))]
    pub(super) max: u64,
}

/// Reads a file that the guest wrote.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))
}

impl Report {
    /// Writes it as JSON.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// It as text.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<48}{value}");
        };
        let (decisions, conversion) = (&self.decisions, &self.conversion);
        let (quality, evaluation) = (&conversion.quality, &conversion.evaluation);
        let (float, integer) = (&quality.float, &quality.integer);
        row(&format!("quality on {}, {} rows", evaluation.file, evaluation.rows), "     float   integer".to_owned());
        let figures = [
            ("accuracy", float.accuracy, integer.accuracy),
            ("recall of slow", float.recall[1], integer.recall[1]),
            ("recall of fast", float.recall[0], integer.recall[0]),
            ("balanced accuracy", float.balanced_accuracy, integer.balanced_accuracy),
            ("AUC", float.auc, integer.auc),
        ];
        for (name, float, integer) in figures {
            row(&format!("  {name}"), format!("{float:>10.4}{integer:>10.4}"));
        }
        row(
            &format!("  accuracy of always \"{}\"", quality.commonest),
            format!("{0:>10.4}{0:>10.4}", quality.base_rate),
        );
        row("integer decides as float", format!("{:.3} % ({})", conversion.agreement * 100.0, conversion.precision));
        row("kernel", self.kernel.clone());
        row("model", format!("{} (CRC-32C {})", self.model, decisions.model_crc));
        row("rows decided in the kernel", decisions.rows.to_string());
        row(
            "  differing from user space",
            format!("{} by ioctl, {} by kfunc", decisions.differing_by_ioctl, decisions.differing_by_kfunc),
        );
        let instructions = &self.instructions;
        row(
            "instructions a decision",
            format!(
                "{} (median of {} rows; {} to {})",
                instructions.median, instructions.rows, instructions.min, instructions.max
            ),
        );
        row("operations a decision, at most", decisions.operations.to_string());
        row("bytes of the model file", decisions.model_bytes.to_string());
        row("bytes packed", decisions.packed_bytes.to_string());
        row("bytes of scratch", decisions.scratch_bytes.to_string());
        row("bytes of stack, at most", self.stack_bytes.to_string());
        for step in &self.steps {
            let time = if step.reused { "ready".to_owned() } else { format!("{:.1} s", step.seconds) };
            row(&format!("step: {}", step.name), time);
        }
        row("findings in the kernel's log", self.findings.len().to_string());
        for finding in &self.findings {
            row("", finding.clone());
        }
        text
    }

    /// Fails when anything is not as it must be.
    pub(super) fn check(&self) -> Result<()> {
        let (decisions, conversion) = (&self.decisions, &self.conversion);
        ensure!(self.guest_status == 0, "the guest's script ended with status {}", self.guest_status);
        ensure!(decisions.rows >= LEAST_ROWS, "only {} rows were decided in the kernel", decisions.rows);
        let differing = decisions.differing_by_ioctl + decisions.differing_by_kfunc;
        ensure!(differing == 0, "{differing} decisions of the kernel differ from user space");
        let agreement = conversion.agreement;
        ensure!(agreement >= LEAST_AGREEMENT, "integer and float agree on a share of {agreement} only");
        let auc = conversion.quality.integer.auc;
        ensure!(auc >= LEAST_AUC, "the integer model's AUC is {auc}");
        ensure!(self.findings.is_empty(), "the kernel's log has {} findings", self.findings.len());
        Ok(())
    }
}

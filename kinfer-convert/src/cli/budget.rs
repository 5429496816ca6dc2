//! Budgets on the command line.

use clap::Args;
use kinfer::Limits;
use kinfer_convert::convert::BudgetReport;

/// Inclusive bounds; what is not given is what `kinfer.ko` accepts.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Budget")]
pub(crate) struct Budget {
    /// Operations of a decision: multiply-adds and elements [default: the kernel's, 131072]
    #[arg(long, value_name = "N")]
    budget_ops: Option<u64>,
    /// Table look-ups and comparisons of tree nodes of a decision [default: the kernel's, 16384]
    #[arg(long, value_name = "N")]
    budget_look_ups: Option<u64>,
    /// Bytes of packed memory: what a loaded model keeps [default: the kernel's, 2097152]
    #[arg(long, value_name = "N")]
    budget_bytes: Option<usize>,
    /// Bytes of scratch that a decision needs [default: the kernel's, 16384]
    #[arg(long, value_name = "N")]
    budget_scratch_bytes: Option<usize>,
    /// Bytes of state that a caller keeps [default: the kernel's, 0]
    #[arg(long, value_name = "N")]
    budget_state_bytes: Option<usize>,
    /// Bytes of the file [default: the kernel's, 1048576]
    #[arg(long, value_name = "N")]
    budget_file_bytes: Option<usize>,
}

impl Budget {
    pub(crate) fn limits(&self) -> Limits {
        let kernel = Limits::KERNEL;
        Limits {
            file_bytes: self.budget_file_bytes.unwrap_or(kernel.file_bytes),
            packed_bytes: self.budget_bytes.unwrap_or(kernel.packed_bytes),
            scratch_bytes: self.budget_scratch_bytes.unwrap_or(kernel.scratch_bytes),
            state_bytes: self.budget_state_bytes.unwrap_or(kernel.state_bytes),
            operations: self.budget_ops.unwrap_or(kernel.operations),
            look_ups: self.budget_look_ups.unwrap_or(kernel.look_ups),
        }
    }
}

/// A table of what a model takes.
pub(crate) fn table(lines: &[BudgetReport]) -> String {
    let row = |line: &BudgetReport| {
        let over = if line.is > line.budget { "  over" } else { "" };
        format!("  {:<14} {:>10} of {:>10}{over}\n", line.what, line.is, line.budget)
    };
    lines.iter().map(row).collect()
}

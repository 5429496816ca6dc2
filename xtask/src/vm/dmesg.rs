//! What the kernel's log says about a run: a finding is a line that fails it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

/// The line that the machine's first process logs just before it runs the guest script.
const BEGIN: &str = "kinfer-vm: begin";

/// What no line may hold, at any time.
const ALWAYS: &[&str] = &["BUG", "WARNING", "Oops"];

/// What no line may hold after [`BEGIN`]; before it, an ordinary boot names RCU and lockdep.
/// Stalls are reported by lines that begin `rcu:`, hung tasks by `INFO: task`.
const AFTER_BEGIN: &[&str] = &["RCU", "rcu:", "lockdep", "INFO: task"];

/// A line of the kernel's log that must not be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Scans the log that a machine left. A log that cannot be read, or does not hold the moment when
/// the guest script began, is an error: nothing is known then.
pub(crate) fn scan_file(path: &Path) -> Result<Vec<Finding>> {
    let log =
        fs::read(path).with_context(|| format!("the kernel's log cannot be scanned: reading {}", path.display()))?;
    scan(&String::from_utf8_lossy(&log))
        .with_context(|| format!("the kernel's log cannot be scanned: {}", path.display()))
}

fn scan(log: &str) -> Result<Vec<Finding>> {
    let mut begun = false;
    let mut findings = Vec::new();
    for (index, text) in log.lines().enumerate() {
        let found = holds(text, ALWAYS) || begun && holds(text, AFTER_BEGIN);
        if found {
            findings.push(Finding { line: index + 1, text: text.to_owned() });
        }
        begun |= text.contains(BEGIN);
    }
    ensure!(begun, "it has no line `{BEGIN}`, so it is cut off or of another machine");
    Ok(findings)
}

fn holds(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            // Neither `DEBUG` nor `GENERIC_BUG` is a BUG.
            !(*word == "BUG" && text[..at].ends_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = "\
[    0.000000] Linux version 7.3.4+deb13-cloud-amd64
[    0.117000] rcu: Hierarchical RCU implementation.
[    0.117000] rcu: \tRCU restricting CPUs from NR_CPUS=512 to nr_cpu_ids=2.
[    0.118000] RCU Tasks Trace: Setting shift to 1 and lim to 1 rcu_task_cb_adjust=1.
[    1.402000] Kernel command line: console=ttyS0 DEBUG_BUGVERBOSE=1
[    4.120000] kinfer-vm: begin
[    4.300000] kinfer: loading out-of-tree module taints kernel.
";

    fn lines(log: &str) -> Vec<usize> {
        scan(log).unwrap().iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn an_ordinary_boot_is_clean() {
        assert!(lines(BOOT).is_empty());
    }

    #[test]
    fn every_kind_of_splat_after_the_beginning_is_found() {
        for text in [
            "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:609",
            "kernel BUG at lib/list_debug.c:29!",
            "WARNING: CPU: 0 PID: 81 at kernel/rcu/tree.c:4020 rcu_barrier+0x2f/0x110",
            "WARNING: suspicious RCU usage",
            "Oops: general protection fault, probably for non-canonical address: 0000 [#1]",
            "rcu: INFO: rcu_preempt self-detected stall on CPU",
            "lockdep: fixing up alternatives.",
            "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:81]",
            "INFO: task kworker/0:1:10 blocked for more than 120 seconds.",
        ] {
            assert_eq!(lines(&format!("{BOOT}[    5.000000] {text}\n")), [8], "{text}");
        }
    }

    #[test]
    fn a_warning_of_the_boot_is_found() {
        assert_eq!(lines(&format!("[    0.100000] WARNING: CPU: 0 PID: 0\n{BOOT}")), [1]);
    }

    #[test]
    fn a_log_that_lost_its_beginning_is_an_error() {
        assert!(scan("[    4.300000] kinfer: loaded\n").is_err());
        assert!(scan("").is_err());
    }

    #[test]
    fn a_missing_log_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = scan_file(&dir.path().join("dmesg")).unwrap_err();
        assert!(error.to_string().contains("cannot be scanned"), "{error}");
    }
}

//! The results, as `benches/RESULTS.md` and as JSON.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _, SectionKind};
use serde_json::{Map, Value, json};

use super::counts::Counts;
use super::harness::Line;
use super::targets::{duration, verdicts};
use crate::module::bench::Objects;
use crate::workspace;

/// Bytes of code that the core may have in the module.
const TEXT_LIMIT: u64 = 64 << 10;

/// Everything that was measured.
pub(super) struct Report {
    cases: Vec<Measured>,
    machine: String,
    text_bytes: u64,
}

struct Measured {
    name: &'static str,
    kinfer: Line,
    others: Vec<Line>,
    instructions: u64,
}

/// The file in the repository.
pub(super) fn path() -> PathBuf {
    workspace::root().join("benches/RESULTS.md")
}

impl Report {
    pub(super) fn new(cases: Vec<(&'static str, Vec<Line>)>, counts: &Counts, objects: &Objects) -> Result<Self> {
        let measured = |(name, mut lines): (&'static str, Vec<Line>)| {
            lines.retain(|line| line.ns.is_some() || line.absent.is_some());
            let at = lines.iter().position(|line| line.name == "kinfer").context("the harness did not time kinfer")?;
            let kinfer = lines.remove(at);
            best_of_emlearn(&mut lines);
            let instructions = counts.of(name).context("the case was not counted")?;
            Ok(Measured { name, kinfer, others: lines, instructions })
        };
        let cases = cases.into_iter().map(measured).collect::<Result<_>>()?;
        Ok(Self { cases, machine: machine(objects)?, text_bytes: text_bytes(&objects.core)? })
    }

    /// What `--json` prints.
    pub(super) fn json(&self) -> Value {
        let case = |case: &Measured| {
            let present = case.others.iter().filter_map(|line| Some((line.name.clone(), json!(line.ns?))));
            let cold = case.others.iter().filter_map(|line| Some((line.name.clone(), json!(line.cold_ns?))));
            let absent = case.others.iter().filter_map(|line| Some((line.name.clone(), json!(line.absent.as_ref()?))));
            json!({
                "case": case.name,
                "kinfer_ns": case.kinfer.ns,
                "cold_ns": case.kinfer.cold_ns,
                "instructions": case.instructions,
                "peers": present.collect::<Map<_, _>>(),
                "peers_cold": cold.collect::<Map<_, _>>(),
                "absent": absent.collect::<Map<_, _>>(),
            })
        };
        json!({ "cases": self.cases.iter().map(case).collect::<Vec<_>>(), "text_bytes": self.text_bytes })
    }

    /// The whole of `RESULTS.md`.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::from(HEAD);
        text += "\n## Against the targets\n\n| case | target | reached | |\n|---|---|---|---|\n";
        for case in &self.cases {
            let others: Vec<&Line> = case.others.iter().collect();
            for verdict in verdicts(case.name, case.kinfer.ns.unwrap_or(f64::NAN), &others) {
                let met = if verdict.met { "met" } else { "**missed**" };
                let _ = writeln!(text, "| `{}` | {} | {} | {met} |", case.name, verdict.target, verdict.reached);
            }
        }
        let met = if self.text_bytes < TEXT_LIMIT { "met" } else { "**missed**" };
        let _ =
            writeln!(text, "| code size of the core | < 64 KiB | {:.1} KiB | {met} |", self.text_bytes as f64 / 1024.0);

        text += "\n## How many times faster than each peer\n\n";
        self.table(&mut text, |case, line| {
            line.ns.zip(case.kinfer.ns).map(|(ns, kinfer)| format!("{:.2}", ns / kinfer))
        });
        text += "\n## Time of a call, everything in the caches\n\n";
        self.table(&mut text, |_, line| line.ns.map(duration));
        text += "\n## Time of a call, parameters in no cache\n\n";
        self.table(&mut text, |_, line| line.cold_ns.map(duration));

        text += "\n## Instructions of a call\n\n| case | instructions |\n|---|---|\n";
        for case in &self.cases {
            let _ = writeln!(text, "| `{}` | {} |", case.name, case.instructions);
        }
        text += "\n## Absent\n\n";
        for case in &self.cases {
            for line in &case.others {
                if let Some(why) = &line.absent {
                    let _ = writeln!(text, "* `{}`, {}: {why}", case.name, line.name);
                }
            }
        }
        let _ = write!(text, "\n## Machine\n\n{}", self.machine);
        text
    }

    /// A row a case, a column for kinfer and everyone else.
    fn table(&self, text: &mut String, cell: impl Fn(&Measured, &Line) -> Option<String>) {
        let mut names: Vec<&str> = Vec::new();
        for line in self.cases.iter().flat_map(|case| &case.others).filter(|line| line.ns.is_some()) {
            if !names.contains(&line.name.as_str()) {
                names.push(&line.name);
            }
        }
        let head: String = names.iter().map(|name| format!(" {name} |")).collect();
        let _ = writeln!(text, "| case | kinfer |{head}\n|---|---|{}", "---|".repeat(names.len()));
        for case in &self.cases {
            let _ = write!(text, "| `{}` | {} |", case.name, cell(case, &case.kinfer).unwrap_or_default());
            for name in &names {
                let line = case.others.iter().find(|line| line.name == *name);
                let _ = write!(text, " {} |", line.and_then(|line| cell(case, line)).unwrap_or_default());
            }
            text.push('\n');
        }
    }
}

const HEAD: &str = "\
# Results of `cargo xtask bench`

The core's object as it is linked into `kinfer.ko` (general registers only, the kernel's compiler and flags), linked into a
program in user space and called with one row at a time, 1,024 random rows in turn, on one processor. Peers take turns with
it in the same process; their inputs are converted beforehand. Every number is the median of 401 samples of about 50 µs (cold:
301 single calls, after `clflush` of the packed model or the peer's constants). Integer peers give the same scores bit for
bit; float ones compute the network that the integers are the quantisation of. `network` is the network of the case
without features and head. Instructions are callgrind's, the mean of 64 rows.
";

/// emlearn generates two kinds of code; it is represented by the faster.
fn best_of_emlearn(lines: &mut Vec<Line>) {
    const OTHER: &str = "emlearn_int16_loadable";
    let ns = |name: &str, lines: &[Line]| lines.iter().find(|line| line.name == name).and_then(|line| line.ns);
    if let (Some(inline), Some(loadable)) = (ns("emlearn_int16", lines), ns(OTHER, lines)) {
        let slower = if inline < loadable { OTHER } else { "emlearn_int16" };
        lines.retain(|line| line.name != slower);
    }
    lines.iter_mut().filter(|line| line.name == OTHER).for_each(|line| line.name = "emlearn_int16".into());
}

/// Bytes of code in an object.
fn text_bytes(object: &Path) -> Result<u64> {
    let bytes = fs::read(object).with_context(|| format!("reading {}", object.display()))?;
    let file = object::File::parse(&*bytes)?;
    Ok(file.sections().filter(|section| section.kind() == SectionKind::Text).map(|section| section.size()).sum())
}

fn machine(objects: &Objects) -> Result<String> {
    let load = fs::read_to_string("/proc/loadavg").context("reading /proc/loadavg")?;
    let load = load.split_whitespace().nth(1).unwrap_or_default();
    let cpu = fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cpu = cpu.trim_start_matches([' ', '\t', ':']);
    let first = |program: &str, argument: &str| -> Result<String> {
        let output = Command::new(program).arg(argument).output().with_context(|| format!("running {program}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
    };
    Ok(format!(
        "* {cpu}, {} processors, Linux {}; load {load} in the last five minutes\n* {}\n* core: {}\n* C peers: {}\n* peers in Rust: {}\n",
        std::thread::available_parallelism().map_or(1, |count| count.get()),
        first("uname", "-r")?,
        first("date", "+%Y-%m-%d")?,
        objects.rustc,
        first("gcc", "--version")?,
        first("rustc", "--version")?,
    ))
}

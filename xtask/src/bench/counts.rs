//! Instructions of a call, counted by callgrind, and the committed table.
//!
//! They do not depend on the machine, only on the compiler: what was slowed down by accident shows where time would not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::files::Folder;
use super::harness::Harness;
use crate::steps::Step;
use crate::workspace;

/// Calls of each case that the harness makes to be counted.
const CALLS: u64 = 64;
/// Growth that is let pass.
const GROWTH: f64 = 1.03;

/// Case → instructions of a call, the mean of [`CALLS`] rows.
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Counts every case; callgrind's files go to a folder in `dir`.
    pub(super) fn measure(step: &Step<'_>, harness: &Harness, folders: &[Folder<'_>], dir: &Path) -> Result<Self> {
        let dir = dir.join("callgrind");
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        step.run(harness.count(folders.iter().map(|folder| folder.dir.as_path())).current_dir(&dir))?;
        let mut counts = BTreeMap::new();
        for (index, folder) in folders.iter().enumerate() {
            // Every return of measured() writes a file: one a case.
            let path = dir.join(format!("callgrind.out.{}", index + 1));
            let total = total(&path)?;
            ensure!(total > 0, "{} counts nothing", path.display());
            counts.insert(folder.case.name.to_owned(), total / CALLS);
        }
        Ok(Self(counts))
    }

    /// Instructions of a call.
    pub(super) fn of(&self, case: &str) -> Option<u64> {
        self.0.get(case).copied()
    }

    /// Makes these the committed table.
    pub(super) fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.0)? + "\n";
        fs::write(path(), text).with_context(|| format!("writing {}", path().display()))
    }

    /// How many cases there are.
    ///
    /// # Errors
    ///
    /// A sentence for each that needs more than the committed table allows, or is not in it.
    pub(super) fn compare(&self) -> Result<u64> {
        let text = fs::read_to_string(path()).with_context(|| format!("reading {}", path().display()))?;
        let table: BTreeMap<String, u64> =
            serde_json::from_str(&text).with_context(|| format!("in {}", path().display()))?;
        let grown = grown(&table, &self.0);
        ensure!(grown.is_empty(), "instructions of {} cases: {}", grown.len(), grown.join("\n"));
        Ok(self.0.len() as u64)
    }
}

fn grown(table: &BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) -> Vec<String> {
    let mut grown = Vec::new();
    for (case, &is) in counts {
        match table.get(case) {
            None => {
                grown.push(format!("{case}: {is} instructions, and no committed count: `cargo xtask bench --bless`"))
            }
            Some(&was) if is as f64 > was as f64 * GROWTH => {
                let percent = (is as f64 / was as f64 - 1.0) * 100.0;
                grown.push(format!(
                    "{case}: {is} instructions, {percent:.1} % more than {was}: make it as fast as it was, or accept it \
                     with `cargo xtask bench --bless`"
                ));
            }
            Some(_) => {}
        }
    }
    grown
}

fn path() -> PathBuf {
    workspace::root().join("benches/instructions.json")
}

/// The line `totals: N` of a callgrind file.
fn total(path: &Path) -> Result<u64> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"));
    line.and_then(|count| count.trim().parse().ok()).with_context(|| format!("{} has no totals", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_of_more_than_three_percent_is_told_and_less_is_not() {
        let table = |counts: &[(&str, u64)]| counts.iter().map(|&(case, count)| (case.to_owned(), count)).collect();
        let (was, is) = (table(&[("a", 1000), ("b", 1000)]), table(&[("a", 1030), ("b", 1031), ("c", 1)]));
        let grown = grown(&was, &is);
        assert_eq!(grown.len(), 2);
        assert!(grown[0].starts_with("b: 1031 instructions, 3.1 % more than 1000"));
        assert!(grown[1].starts_with("c: 1 instructions, and no committed count"));
    }
}

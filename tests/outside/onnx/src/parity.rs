//! ONNX Runtime's outputs for networks that it quantised.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cases::{self, Case, Values};
use crate::model::{self, Converted};

/// Share of the output elements that must be equal; no other may be off by more than one.
const EQUAL: f64 = 0.9999;
/// Ways of running it in which a group is held to that; in the others it is counted.
fn held(group: &str) -> &'static [&'static str] {
    match group {
        // Where a mean lies halfway between two integers, roundings of f32 decide in ONNX Runtime; and f32 sums are too short
        // for 16 bits.
        "QDQ, means of 2 × 2" | "QDQ, 16-bit activations" => &[],
        // Optimised, it rounds float biases to integers, and has a softmax of integers.
        "QDQ, float biases" | "QDQ, softmax inside" => &["off"],
        _ => &["off", "on"],
    }
}

/// Elements of outputs.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    elements: u64,
    off_by_one: u64,
    worse: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.elements += other.elements;
        self.off_by_one += other.off_by_one;
        self.worse += other.worse;
    }

    fn holds(&self) -> bool {
        let equal = self.elements - self.off_by_one - self.worse;
        self.worse == 0 && equal as f64 >= EQUAL * self.elements as f64
    }
}

#[derive(Debug, Default, Serialize)]
struct Group {
    graphs: u64,
    held: Vec<&'static str>,
    /// With ONNX Runtime's graph optimisations off and on.
    optimisations: BTreeMap<String, Counts>,
}

/// Prints the counts of each group and of all that are held; whether these are as asked.
pub(crate) fn run(folder: &Path) -> Result<bool> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut refused = 0;
    for case in cases::read(folder)? {
        match compare(&case).with_context(|| format!("{} ({})", case.name, case.group)) {
            Ok(counts) => {
                let group = groups.entry(case.group.clone()).or_default();
                group.graphs += 1;
                group.held = held(&case.group).to_vec();
                for (way, counts) in counts {
                    if counts.worse > 0 || counts.off_by_one * 1000 > counts.elements {
                        eprintln!("{} ({}), {way}: {counts:?}", case.name, case.group);
                    }
                    group.optimisations.entry(way).or_default().add(counts);
                }
            }
            Err(error) => {
                eprintln!("{error:#}");
                refused += 1;
            }
        }
    }
    let mut held: BTreeMap<String, Counts> = BTreeMap::new();
    let mut graphs = 0;
    for group in groups.values() {
        graphs += if group.held.is_empty() { 0 } else { group.graphs };
        for (way, counts) in group.optimisations.iter().filter(|(way, _)| group.held.contains(&way.as_str())) {
            held.entry(way.clone()).or_default().add(*counts);
        }
    }
    let passed = refused == 0 && graphs >= 200 && held.len() == 2 && held.values().all(Counts::holds);
    let summary = serde_json::json!({
        "groups": groups, "graphs": graphs, "held": held, "refused": refused, "passed": passed,
    });
    println!("{}", serde_json::to_string_pretty(&summary)?);
    Ok(passed)
}

fn compare(case: &Case) -> Result<BTreeMap<String, Counts>> {
    let converted = Converted::new(model::read(&case.model()?)?, case.resolution)?;
    let rows = case.counters()?.iter().map(|row| converted.scores(row)).collect::<Result<Vec<_>>>()?;
    let ours = rows.concat();
    let mut all = BTreeMap::new();
    for (way, theirs) in case.outputs()? {
        anyhow::ensure!(theirs.len() == ours.len(), "{} outputs for {} scores", theirs.len(), ours.len());
        let mut counts = Counts::default();
        match theirs {
            Values::Integers(theirs) => {
                for (&ours, theirs) in ours.iter().zip(theirs) {
                    count(&mut counts, ours.abs_diff(theirs.into()));
                }
            }
            Values::Floats(theirs) => {
                let size = theirs.iter().fold(0f64, |size, &value| size.max(f64::from(value).abs()));
                for (&ours, theirs) in ours.iter().zip(theirs) {
                    // Roundings of f32.
                    count(&mut counts, u64::from((converted.real(ours) - f64::from(theirs)).abs() > 1e-4 * size) * 2);
                }
            }
        }
        all.insert(way.to_owned(), counts);
    }
    Ok(all)
}

fn count(counts: &mut Counts, difference: u64) {
    counts.elements += 1;
    counts.off_by_one += u64::from(difference == 1);
    counts.worse += u64::from(difference > 1);
}

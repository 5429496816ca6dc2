//! `docs/guide-model-authors.md`: what the page says to type is typed, in an empty folder.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::folder;
use crate::programs::cargo;
use crate::steps::Step;
use crate::workspace;

const PAGE: &str = "docs/guide-model-authors.md";

/// What the page says is there in the end.
const WRITTEN: [&str; 3] = ["wine.kinf", "wine.html", "decisions.csv"];

/// A fenced block of the page.
#[derive(Debug, PartialEq)]
enum Block<'a> {
    /// Commands.
    Shell(&'a str),
    /// A program, to be saved under the name in its first line.
    Python { name: &'a str, text: &'a str },
}

/// Follows the page from top to bottom; how many blocks did what they promise.
pub(super) fn run(step: &Step<'_>) -> Result<u64> {
    step.run(cargo().args(["build", "--locked", "--package=kinfer-convert"]))?;
    let page = fs::read_to_string(workspace::root().join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let blocks = blocks(&page)?;
    let place = workspace::target().join("outside/guide");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("emptying {}", place.display()))?;
    }
    fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;

    let path = path()?;
    let mut printed = String::new();
    for block in &blocks {
        match *block {
            Block::Python { name, text } => {
                fs::write(place.join(name), text).with_context(|| format!("writing {name}"))?
            }
            Block::Shell(commands) => {
                let mut shell = Command::new("sh");
                shell.args(["-e", "-c", commands]).current_dir(&place).env("PATH", &path);
                // The page names no versions; a run in a year is to be a run of today.
                shell.env("PIP_CONSTRAINT", folder("models").join("requirements.txt"));
                printed += &step.output(&mut shell)?;
            }
        }
    }
    check(&place, &printed)?;
    Ok(blocks.len() as u64)
}

/// The page's promises: the files are there, `--agree` was reached, and the verifier accepts.
fn check(place: &Path, printed: &str) -> Result<()> {
    for name in WRITTEN {
        let size = fs::metadata(place.join(name)).map_or(0, |file| file.len());
        ensure!(size > 0, "{PAGE}: its commands did not write {name}");
    }
    ensure!(
        printed.lines().any(|line| line.starts_with("accepted: ")),
        "{PAGE}: no `kinfer check` accepted, see the step's log"
    );
    let reached = printed.lines().filter_map(agreement).next_back();
    ensure!(
        reached.is_some_and(|share| share >= 99.9),
        "{PAGE}: the agreement that it asks for was not reached: {reached:?} %"
    );
    let rows = fs::read_to_string(place.join("test.csv"))?.lines().count();
    let decided = fs::read_to_string(place.join("decisions.csv"))?.lines().count();
    ensure!(rows == decided, "{PAGE}: {decided} lines of decisions for {rows} lines of data");
    Ok(())
}

/// The percentage on a line `agreement …`.
fn agreement(line: &str) -> Option<f64> {
    line.strip_prefix("agreement ")?.split_whitespace().next()?.parse().ok()
}

/// The built `kinfer` first, then what there is.
fn path() -> Result<OsString> {
    let built = workspace::target().join("debug");
    let others = env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(built).chain(env::split_paths(&others)).collect::<Vec<PathBuf>>();
    env::join_paths(all).context("putting the built kinfer on PATH")
}

/// The page's blocks of `sh` and `python`, in order.
fn blocks(page: &str) -> Result<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let Some((language, body)) = after.split_once('\n') else { break };
        let Some((text, behind)) = body.split_once("```\n") else { bail!("{PAGE}: a block is not closed") };
        match language {
            "sh" => blocks.push(Block::Shell(text)),
            "python" => {
                let name = text.lines().next().and_then(|line| line.strip_prefix("# "));
                let name = name.filter(|name| !name.contains(['/', ' ']));
                let name = name.with_context(|| format!("{PAGE}: the first line of a program is no `# NAME.py`"))?;
                blocks.push(Block::Python { name, text });
            }
            _ => {}
        }
        rest = behind;
    }
    ensure!(!blocks.is_empty(), "{PAGE}: has no commands");
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_programs_are_taken_in_order() {
        let page = "Text.\n\n```sh\na\nb\n```\n\nand\n\n```python\n# c.py\npass\n```\n\n```text\nshown\n```\n\n```sh\nd\n```\n";
        let expected =
            [Block::Shell("a\nb\n"), Block::Python { name: "c.py", text: "# c.py\npass\n" }, Block::Shell("d\n")];
        assert_eq!(blocks(page).unwrap(), expected);
        assert!(blocks("no commands\n").is_err());
        assert!(blocks("\n```python\nimport os\n```\n").is_err());
    }

    #[test]
    fn the_agreement_is_read_of_its_line() {
        assert_eq!(agreement("agreement  98.1481 % of decisions (1 differ)"), Some(98.1481));
        assert_eq!(agreement("precision  w8a8"), None);
    }
}

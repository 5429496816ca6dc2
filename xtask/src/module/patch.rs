//! The two edits that let `fixed` be compiled for the kernel, whose `core` has neither formatting nor parsing of
//! floats.
//!
//! Both are made in a vendored copy. Each names the text that it replaces, and fails when that text is not there, so
//! that a new version of a crate is noticed here and not in a compiler error.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// What these edits are; a copy edited by others is vendored again.
pub(super) const RULES: &str = include_str!("patch.rs");

/// Edits the vendored crates under `vendor` in place.
pub(super) fn apply(vendor: &Path) -> Result<()> {
    for (file, ty) in [("src/binary16.rs", "f16"), ("src/bfloat.rs", "bf16")] {
        edit(vendor, "half", file, |text| without_impls(text, ty))?;
    }
    edit(vendor, "fixed", "src/prim_traits.rs", without_overflow_message)
}

/// `half` prints and reads its types by way of `f32`.
fn without_impls(text: &str, ty: &str) -> Result<String> {
    let text = without_line(text, "num::ParseFloatError,")?;
    ["FromStr", "Display", "LowerExp", "UpperExp"]
        .iter()
        .try_fold(text, |text, name| without_item(&text, &format!("impl {name} for {ty} {{")))
}

/// `fixed` prints the float in the message of one `debug_assert!`.
fn without_overflow_message(text: &str) -> Result<String> {
    const WITH: &str = "debug_assert!(!overflow, $overflows_fmt, $overflows_filt(self));";
    ensure!(text.matches(WITH).count() == 1, "`{WITH}` is not there exactly once");
    Ok(text.replace(WITH, "debug_assert!(!overflow);"))
}

fn without_line(text: &str, line: &str) -> Result<String> {
    let count = text.lines().filter(|other| other.trim() == line).count();
    ensure!(count == 1, "`{line}` is there {count} times, not once");
    Ok(text.lines().filter(|other| other.trim() != line).flat_map(|line| [line, "\n"]).collect())
}

/// Removes the item that starts at the line `head` and ends at the first `}` in column 0, with its attributes.
fn without_item(text: &str, head: &str) -> Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|&i| lines[i] == head).collect();
    ensure!(starts.len() == 1, "`{head}` is there {} times, not once", starts.len());
    let start = starts[0];
    let end = (start..lines.len()).find(|&i| lines[i] == "}").with_context(|| format!("`{head}` has no end"))?;
    let attributes = lines[..start].iter().rev().take_while(|line| line.starts_with("#[")).count();
    let kept = lines[..start - attributes].iter().chain(&lines[end + 1..]);
    Ok(kept.flat_map(|line| [line, "\n"]).collect())
}

fn edit(vendor: &Path, package: &str, file: &str, change: impl Fn(&str) -> Result<String>) -> Result<()> {
    let dir = vendor.join(package);
    let path = dir.join(file);
    let at = || format!("the kernel's edit of {package}/{file}");
    let text = fs::read_to_string(&path).with_context(at)?;
    fs::write(&path, change(&text).with_context(at)?).with_context(at)?;
    forget_checksums(&dir).with_context(at)
}

/// cargo refuses a vendored file that differs from its recorded checksum; the checksum of the package itself stays.
fn forget_checksums(dir: &Path) -> Result<()> {
    let path = dir.join(".cargo-checksum.json");
    let mut sums: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    sums["files"] = serde_json::json!({});
    Ok(fs::write(&path, sums.to_string())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: &str = "use x::{\n    num::ParseFloatError,\n};\n\n#[cfg(a)]\nimpl FromStr for f16 {\n    fn f() {}\n}\nimpl Display for f16 {\n}\n\
        impl LowerExp for f16 {\n}\nimpl UpperExp for f16 {\n}\nimpl Debug for f16 {\n}\n";

    #[test]
    fn only_the_four_impls_go() {
        assert_eq!(without_impls(HALF, "f16").unwrap(), "use x::{\n};\n\nimpl Debug for f16 {\n}\n");
    }

    #[test]
    fn a_crate_that_changed_is_noticed() {
        let error = without_impls(&HALF.replace("impl Display for", "impl core::fmt::Display for"), "f16").unwrap_err();
        assert_eq!(error.to_string(), "`impl Display for f16 {` is there 0 times, not once");
        assert!(without_overflow_message("debug_assert!(!overflow);").is_err());
    }
}

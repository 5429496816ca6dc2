//! Shows that each check refuses what it must: a copy of the core with every fault planted, compiled as the core is.

use std::path::Path;

use anyhow::{Result, ensure};

use super::code::Code;
use super::symbols::{Exports, Whose};
use super::{check_decision, largest_frame, registers, symbols};

/// The module that is planted in the copy.
pub(in crate::module) const PLANTED: &str = include_str!("planted.rs");

/// Every function that is planted, and the sentence that refuses it: this one begins so, and holds that.
const REFUSED: [(&str, &str); 13] = [
    ("planted.o: planted::planted::float computes with floats: ", "__mulsf3"),
    ("planted.o: planted::planted::index can panic: ", "core::panicking::panic_bounds_check"),
    ("planted.o: planted::planted::slice can panic: ", "core::slice::index::slice_end_index_len_fail"),
    ("planted.o: planted::planted::overflow can panic: ", "panic_const_add_overflow"),
    ("planted.o: planted::planted::unexported needs what the kernel does not export: ", "kinfer_nowhere"),
    ("planted.o: planted::planted::vector uses xmm0 at +", "pxor xmm0,xmm0"),
    ("planted.o: planted::planted::coprocessor uses the floating-point unit at +", "fninit"),
    ("planted.o: planted::planted::page has a frame of ", " bytes, 2048 are allowed"),
    ("planted.o: planted::planted::array needs ", " bytes of stack, 512 are allowed: planted::planted::array ("),
    ("planted.o: planted::planted::recursion: ", "planted::planted::recursion can call itself"),
    ("planted.o: planted::planted::pointer: ", "planted::planted::pointer calls through a pointer at +"),
    (
        "planted.o: planted::planted::panic_below: ",
        "planted::planted::index can call core::panicking::panic_bounds_check",
    ),
    ("planted.o: planted::planted::formatting can reach ", "core::fmt::write, which is not known to be safe there"),
];

/// Those of them that are looked at as a decision path.
const PATHS: [&str; 5] = ["array", "recursion", "pointer", "panic_below", "formatting"];

/// Runs the checks on the copy's object; how many faults were refused.
///
/// # Errors
///
/// The first fault that was not.
pub(in crate::module) fn run(object: &Path, tree: &Path) -> Result<usize> {
    let code = Code::read(object)?;
    let mut findings = symbols::check(&code, &Exports::read(tree)?, Whose::All);
    findings.extend(registers::check(&code));
    largest_frame(&code, &mut findings);
    for name in PATHS {
        check_decision(&code, &format!("planted::planted::{name}"), &mut findings)?;
    }
    for (begin, holds) in REFUSED {
        let refused = findings.iter().any(|finding| finding.starts_with(begin) && finding.contains(holds));
        ensure!(refused, "not refused: `{begin}…{holds}`; what was:\n{}", findings.join("\n"));
    }
    Ok(REFUSED.len())
}

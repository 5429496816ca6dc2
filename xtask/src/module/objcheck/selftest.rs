//! Shows that each check refuses what it must: a copy of the core with every fault planted, compiled as the core is.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::code::Code;
use super::symbols::{Exports, Whose, check as check_symbols};
use super::{FRAME_LIMIT, STACK_LIMIT, check_stack, largest_frame, registers};
use crate::module::build::Build;
use crate::module::core_crate;
use crate::module::flags::RustFlags;

const PLANTED: &str = include_str!("planted.rs");

/// The start of a sentence for every fault that is planted anywhere.
const REFUSED: [&str; 9] = [
    "float computes with floats: __mulsf3",
    "index can panic: core::panicking::panic_bounds_check",
    "slice can panic: core::slice::index::slice_end_index_len_fail",
    "overflow can panic: core::panicking::panic_const::panic_const_add_overflow",
    "unexported needs what the kernel does not export: kinfer_nowhere",
    "vector uses xmm0 at +",
    "coprocessor uses the floating-point unit at +",
    "page has a frame of ",
    "panic_below: ",
];

/// For every function that may not be on the decision path, why.
const REFUSED_ON_PATH: [(&str, &str); 5] = [
    ("array", "bytes of stack, 512 are allowed: "),
    ("recursion", "planted::recursion can call itself"),
    ("pointer", "a call through a pointer (__x86_indirect_thunk"),
    ("panic_below", "planted::index can call core::panicking::panic_bounds_check"),
    ("formatting", "can reach core::fmt::write, which is not known to be safe there"),
];

/// Plants the faults and looks for each refusal.
///
/// # Errors
///
/// What was not refused.
pub(crate) fn selftest(build: &Build<'_>, flags: &RustFlags, repository: &Path) -> Result<()> {
    let object = core_crate::build_planted(build, flags, repository, PLANTED)?;
    let code = Code::read(&object)?;
    let exports = Exports::read(&build.kernel().tree)?;

    let mut findings = check_symbols(&code, &exports, Whose::All);
    findings.extend(registers::check(&code));
    largest_frame(&code, &mut findings);
    for (name, _) in REFUSED_ON_PATH {
        check_stack(&code, &format!("planted::planted::{name}"), &mut findings)?;
    }
    Ok(())
}

//! Checks on the very objects that go into the kernel: what the source promises, seen in the machine code.
//!
//! * [`symbols`]: no float helper, no panic, no allocation, nothing that the kernel does not export;
//! * [`registers`]: no floating-point or vector register;
//! * [`frames`] and [`paths`]: the stack that a decision needs at worst, and every function that it reaches.
//!
//! [`selftest`] shows that each of them refuses what it must.

mod code;
mod frames;
mod paths;
mod registers;
pub(super) mod selftest;
mod symbols;

use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;

use code::Code;
pub(crate) use paths::Stack;
use paths::Ways;
use symbols::{Exports, Whose};

/// Bytes of stack that a decision may use. It can come at any depth of a kernel stack of 16 KiB.
pub(crate) const STACK_LIMIT: u64 = 512;

/// Bytes of stack of one function anywhere in the core: what the kernel's own build warns at (`CONFIG_FRAME_WARN`).
const FRAME_LIMIT: u64 = 2048;

/// Where decisions enter the module: from BPF, and from the device.
const ENTRIES: [&str; 2] = ["kinfer_decide", "kinfer_rs_decide"];

/// Where a model is loaded, and the bytes of stack that verifying and packing it may use: what is below the system
/// call, and allocation with reclaim at the deepest point, need the rest.
const LOAD: &str = "kinfer_main::registry::load";
const LOAD_STACK_LIMIT: u64 = 6144;

/// What a decision may call outside the module. None of them sleeps, takes a lock or fails.
const KNOWN_OUTSIDE: [&str; 8] = [
    "__fentry__",
    "__SCT__preempt_schedule_notrace",
    "memcpy",
    "memset",
    "rust_helper_atomic_ptr_read_acquire",
    "rust_helper_rcu_read_lock",
    "rust_helper_rcu_read_unlock",
    "__x86_return_thunk",
];

/// What was found, when nothing was wrong.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Functions of the core.
    pub(crate) core_functions: usize,
    /// Instructions of the core, none of which touches a floating-point or vector register.
    pub(crate) core_instructions: usize,
    /// The function of the core with the largest frame, and its bytes.
    pub(crate) largest_frame: (String, u64),
    /// The decision with the deepest stack, in the linked module.
    pub(crate) decision: Stack,
    /// Loading a model, in the linked module. Formatting and the like, which goes through pointers, is not counted.
    pub(crate) load: Stack,
}

/// Checks the core's object and the module that it was linked into.
///
/// # Errors
///
/// Everything that is wrong, a line each.
pub(super) fn check(core: &Path, module: &Path, tree: &Path) -> Result<Report> {
    let (core, module) = (Code::read(core)?, Code::read(module)?);
    let exports = Exports::read(tree)?;
    let mut findings = symbols::check(&core, &exports, Whose::All);
    findings.extend(symbols::check(&module, &exports, Whose::Crate("kinfer")));
    findings.extend(registers::check(&core));
    findings.extend(registers::check(&module));

    let largest_frame = largest_frame(&core, &mut findings);
    let mut decision = Stack::default();
    for entry in ENTRIES {
        let stack = check_decision(&module, entry, &mut findings)?;
        if stack.bytes > decision.bytes {
            decision = stack;
        }
    }
    let load = check_stack(&module, LOAD, Ways::Open, LOAD_STACK_LIMIT, &mut findings)?;
    if !findings.is_empty() {
        bail!("{}", findings.join("\n"));
    }
    let core_instructions = core.functions.iter().map(|function| function.steps.len()).sum();
    Ok(Report { core_functions: core.functions.len(), core_instructions, largest_frame, decision, load })
}

/// Follows a decision from `entry`, where everything it does must be known.
fn check_decision(code: &Code, entry: &str, findings: &mut Vec<String>) -> Result<Stack> {
    let stack = check_stack(code, entry, Ways::Closed, STACK_LIMIT, findings)?;
    let unknown = stack.outside.iter().filter(|name| !KNOWN_OUTSIDE.contains(&name.as_str()));
    findings.extend(
        unknown.map(|name| format!("{}: {entry} can reach {name}, which is not known to be safe there", code.name)),
    );
    Ok(stack)
}

fn check_stack(code: &Code, entry: &str, ways: Ways, limit: u64, findings: &mut Vec<String>) -> Result<Stack> {
    let stack = match paths::follow(code, code.function(entry)?, ways) {
        Ok(stack) => stack,
        Err(why) => {
            findings.push(format!("{}: {entry}: {why}", code.name));
            return Ok(Stack::default());
        }
    };
    if stack.bytes > limit {
        let way: Vec<String> = stack.deepest.iter().map(|(name, bytes)| format!("{name} ({bytes})")).collect();
        let (name, bytes, way) = (&code.name, stack.bytes, way.join(" → "));
        findings.push(format!("{name}: {entry} needs {bytes} bytes of stack, {limit} are allowed: {way}"));
    }
    Ok(stack)
}

fn largest_frame(code: &Code, findings: &mut Vec<String>) -> (String, u64) {
    let mut largest = (String::new(), 0);
    for (id, function) in code.functions.iter().enumerate() {
        let name = function.shown();
        // A function that cannot be followed is no fault outside the decision path.
        let Ok(frame) = frames::frame(code, id) else { continue };
        if frame.bytes > FRAME_LIMIT {
            let bytes = frame.bytes;
            findings.push(format!("{}: {name} has a frame of {bytes} bytes, {FRAME_LIMIT} are allowed", code.name));
        }
        if frame.bytes > largest.1 {
            largest = (name, frame.bytes);
        }
    }
    largest
}

//! What an object may ask of others.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::code::{Code, Reference, demangled};

/// The symbols that a kernel exports to modules.
pub(super) struct Exports(BTreeSet<String>);

impl Exports {
    /// Reads `Module.symvers`: CRC, symbol, module, type.
    pub(super) fn read(tree: &Path) -> Result<Self> {
        let path = tree.join("Module.symvers");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect())
    }
}

/// What is wrong with a symbol that an object does not define.
fn problem(symbol: &str, exports: &Exports) -> Option<&'static str> {
    if is_panic(symbol) {
        Some("can panic")
    } else if is_float_helper(symbol) {
        Some("computes with floats")
    } else if is_allocation(symbol) {
        Some("allocates")
    } else if !exports.0.contains(symbol) && !BY_THE_LINKER.contains(&symbol) {
        Some("needs what the kernel does not export")
    } else {
        None
    }
}

/// Whether calls of `symbol` do not return: the code after them is not reached from them.
pub(super) fn is_noreturn(symbol: &str) -> bool {
    is_panic(symbol) || symbol == "__stack_chk_fail"
}

/// Refuses every symbol that the core must not need, in the functions of its own crate or in all of an object.
pub(super) fn check(code: &Code, exports: &Exports, whose: Whose) -> Vec<String> {
    let problems = code.undefined.iter().filter_map(|symbol| Some((symbol, problem(symbol, exports)?)));
    let mut findings = Vec::new();
    for (symbol, problem) in problems {
        let mut users = users(code, symbol, whose);
        if users.is_empty() && whose == Whose::All {
            users.push("its data".to_owned());
        }
        findings.extend(users.iter().map(|user| format!("{}: {user} {problem}: {}", code.name, demangled(symbol))));
    }
    findings
}

/// Which functions of an object a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// All, and its data.
    All,
    /// Those of this crate, as the linked module has them: its generic functions are compiled where they are used.
    Crate(&'static str),
}

impl Whose {
    fn includes(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Crate(name_of_crate) => {
                name.trim_start_matches('<').strip_prefix(name_of_crate).is_some_and(|rest| rest.starts_with("::"))
            }
        }
    }
}

fn users(code: &Code, symbol: &str, whose: Whose) -> Vec<String> {
    let uses = |reference: &Option<Reference>| matches!(reference, Some(Reference::Outside(name)) if name == symbol);
    let functions = code.functions.iter().filter(|function| function.steps.values().any(|step| uses(&step.reference)));
    functions.map(|function| function.shown()).filter(|name| whose.includes(name)).collect()
}

/// Functions that panic are all in `core`, but only some in `core::panicking`: `slice_end_index_len_fail`,
/// `unwrap_failed` and `overflow_panic::add` are elsewhere. What they have in common is how they are called.
pub(super) fn is_panic(symbol: &str) -> bool {
    symbol.starts_with("_R")
        && demangled(symbol).split("::").any(|part| part.contains("panic") || part.contains("_fail"))
}

/// The soft-float routines of compiler-rt and libgcc: `__addsf3`, `__floatsidf`, `__fixunsdfdi`, `__eqdf2`,
/// `__gnu_h2f_ieee`, … After the operation their names tell the modes: half, single, double, extended or quadruple
/// precision.
fn is_float_helper(symbol: &str) -> bool {
    let Some(name) = symbol.strip_prefix("__") else { return false };
    let modes = OPERATIONS.iter().find_map(|operation| name.strip_prefix(operation));
    modes.is_some_and(|modes| MODES.iter().any(|mode| modes.contains(mode)))
}

const OPERATIONS: [&str; 21] = [
    "add", "sub", "mul", "div", "neg", "eq", "ne", "ge", "gt", "le", "lt", "unord", "cmp", "fixuns", "fix", "floatun",
    "float", "extend", "trunc", "powi", "gnu_",
];
const MODES: [&str; 7] = ["hf", "sf", "df", "xf", "tf", "h2f", "f2h"];

fn is_allocation(symbol: &str) -> bool {
    symbol.contains("__rust_alloc")
        || symbol.contains("__rust_realloc")
        || symbol.contains("__rust_dealloc")
        || demangled(symbol).split(['<', ' ', '&']).any(|path| path.starts_with("alloc::"))
}

/// Made when the module is linked or loaded.
const BY_THE_LINKER: [&str; 3] = ["__x86_return_thunk", "_GLOBAL_OFFSET_TABLE_", "__this_module"];

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(symbol: &str) -> Option<&'static str> {
        let exports = Exports::parse(
            "0x00000000\tmemcpy\tvmlinux\tEXPORT_SYMBOL\t\n0x0\t__rcu_read_lock\tvmlinux\tEXPORT_SYMBOL_GPL\t\n",
        );
        problem(symbol, &exports)
    }

    #[test]
    fn soft_float_routines_of_every_mode_are_seen() {
        for symbol in [
            "__addsf3",
            "__muldf3",
            "__floatsidf",
            "__fixunsdfdi",
            "__eqsf2",
            "__extendsfdf2",
            "__gnu_h2f_ieee",
            "__lttf2",
        ] {
            assert_eq!(problem_of(symbol), Some("computes with floats"), "{symbol}");
        }
    }

    #[test]
    fn integer_routines_are_not_taken_for_floats() {
        assert_eq!(problem_of("__divti3"), Some("needs what the kernel does not export"));
        assert_eq!(problem_of("memcpy"), None);
        assert_eq!(problem_of("__x86_return_thunk"), None);
    }

    #[test]
    fn panics_outside_core_panicking_are_seen() {
        for symbol in [
            "_RNvNtNtCs2lKf6AS60Zg_4core9panicking11panic_const24panic_const_add_overflow",
            "_RNvNtNtCs2lKf6AS60Zg_4core5slice5index24slice_end_index_len_fail",
            "_RNvNtCs2lKf6AS60Zg_4core6option13unwrap_failed",
        ] {
            assert_eq!(problem_of(symbol), Some("can panic"), "{symbol}");
        }
    }

    #[test]
    fn allocation_is_seen_in_both_manglings() {
        for symbol in ["__rust_alloc", "_RNvNtCs2lKf6AS60Zg_5alloc5alloc18handle_alloc_error"] {
            assert_eq!(problem_of(symbol), Some("allocates"), "{symbol}");
        }
    }
}

//! Every way that can be taken from an entry: the functions that are reached, and the stack that is needed at worst.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::code::{Code, Id, demangled};
use super::frames::{Callee, Frame, frame};
use super::symbols::is_panic;

/// The stack below an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Stack {
    /// Bytes at worst, with all return addresses, down to where functions outside the object begin.
    pub(crate) bytes: u64,
    /// The deepest way, from the entry: each function and its own bytes.
    pub(crate) deepest: Vec<(String, u64)>,
    /// Functions of the object that can be reached.
    pub(crate) functions: usize,
    /// Functions outside the object that can be reached.
    pub(crate) outside: BTreeSet<String>,
}

/// What a way may do besides calling functions by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ways {
    /// Nothing: a decision.
    Closed,
    /// Panic, and call through pointers, whose stack is not counted: formatting, dropping.
    Open,
}

/// Follows all calls from `entry`.
///
/// # Errors
///
/// What cannot be followed, calls itself, or is against `ways`, as a sentence.
pub(super) fn follow(code: &Code, entry: Id, ways: Ways) -> Result<Stack, String> {
    let mut walk = Walk { code, ways, known: BTreeMap::new(), under_way: Vec::new(), outside: BTreeSet::new() };
    walk.visit(entry)?;
    let mut stack = Stack { functions: walk.known.len(), outside: walk.outside, ..Stack::default() };
    stack.bytes = walk.known[&entry].bytes + 8; // the entry's own return address
    let mut next = Some(entry);
    while let Some(id) = next {
        let known = &walk.known[&id];
        stack.deepest.push((code.functions[id].shown(), known.own));
        next = known.deepest;
    }
    Ok(stack)
}

struct Known {
    own: u64,
    bytes: u64,
    /// Which call makes it so deep.
    deepest: Option<Id>,
}

struct Walk<'a> {
    code: &'a Code,
    ways: Ways,
    known: BTreeMap<Id, Known>,
    under_way: Vec<Id>,
    outside: BTreeSet<String>,
}

impl Walk<'_> {
    fn visit(&mut self, id: Id) -> Result<u64, String> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.bytes);
        }
        if self.under_way.contains(&id) {
            return Err(format!("{} can call itself", self.code.functions[id].shown()));
        }
        self.under_way.push(id);
        let Frame { bytes: own, calls } = frame(self.code, id)?;
        let (mut bytes, mut deepest) = (own, None);
        for call in calls {
            let below = match &call.to {
                Callee::Function(callee) => self.visit(*callee)?,
                Callee::Outside(symbol) => {
                    self.leave(id, symbol)?;
                    0
                }
                Callee::Unknown(sentence) if self.ways == Ways::Closed => return Err(sentence.clone()),
                Callee::Unknown(_) => 0,
            };
            if call.depth + below > bytes {
                bytes = call.depth + below;
                deepest = match call.to {
                    Callee::Function(callee) => Some(callee),
                    Callee::Outside(_) | Callee::Unknown(_) => None,
                };
            }
        }
        self.under_way.pop();
        self.known.insert(id, Known { own, bytes, deepest });
        Ok(bytes)
    }

    fn leave(&mut self, from: Id, symbol: &str) -> Result<(), String> {
        if self.ways == Ways::Closed && is_panic(symbol) {
            return Err(format!("{} can call {}", self.code.functions[from].shown(), demangled(symbol)));
        }
        self.outside.insert(demangled(symbol));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_way_is_named_from_the_entry() {
        // f: sub rsp, 16; call g; call h; add rsp, 16; ret    g: push rax; pop rcx; ret    h: ret
        let f = [0x48, 0x83, 0xec, 0x10, 0xe8, 10, 0, 0, 0, 0xe8, 8, 0, 0, 0, 0x48, 0x83, 0xc4, 0x10, 0xc3];
        let code = Code::assembled(&[("f", &f), ("g", &[0x50, 0x59, 0xc3]), ("h", &[0xc3])]);
        let stack = follow(&code, 0, Ways::Closed).unwrap();
        // Return addresses of f and g, f's 16 bytes and g's 8.
        assert_eq!(stack.bytes, 8 + 16 + 8 + 8);
        assert_eq!(stack.deepest, [("f".to_owned(), 16), ("g".to_owned(), 8)]);
        assert_eq!(stack.functions, 3);
    }

    #[test]
    fn recursion_over_two_functions_is_refused() {
        // f: call g; ret    g: call f; ret
        let code = Code::assembled(&[("f", &[0xe8, 1, 0, 0, 0, 0xc3]), ("g", &[0xe8, 0xf5, 0xff, 0xff, 0xff, 0xc3])]);
        assert_eq!(follow(&code, 0, Ways::Closed), Err("f can call itself".to_owned()));
    }

    #[test]
    fn a_pointer_closes_the_way_of_a_decision_only() {
        let code = Code::assembled(&[("f", &[0xff, 0xd0, 0xc3])]); // call rax; ret
        assert_eq!(follow(&code, 0, Ways::Closed), Err("f calls through a pointer at +0x0".to_owned()));
        assert_eq!(follow(&code, 0, Ways::Open).unwrap().bytes, 16);
    }
}

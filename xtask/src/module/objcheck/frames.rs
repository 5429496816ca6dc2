//! How much stack one function takes, and how much of it is taken where it calls another.
//!
//! The stack pointer is followed along every way through the function. Where ways with different depths meet (after calls that
//! do not return, whose following code is not reached from them), the deepest counts, so that the result is never too small.

use std::collections::BTreeMap;

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

use super::code::{Code, Function, Id, Reference};
use super::registers::shown;
use super::symbols::is_noreturn;

/// A function's own use of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes at most, the return address aside.
    pub(super) bytes: u64,
    pub(super) calls: Vec<Call>,
}

/// A call, or a jump to another function in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) to: Callee,
    /// Bytes in use when the callee begins, its return address included.
    pub(super) depth: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    Function(Id),
    Outside(String),
    /// Through a pointer; where and how, as a sentence.
    Unknown(String),
}

/// More than a kernel stack: the walk has lost its way.
const LOST: i64 = 1 << 14;

const RETURN_THUNK: &str = "__x86_return_thunk";

/// Walks one function.
///
/// # Errors
///
/// What cannot be followed, as a sentence.
pub(super) fn frame(code: &Code, id: Id) -> Result<Frame, String> {
    let function = &code.functions[id];
    let mut walk = Walk { code, id, function, info: InstructionInfoFactory::new(), depths: BTreeMap::new(), deepest: 0, calls: Vec::new() };
    let mut ahead = vec![(function.start, 0)];
    while let Some((at, depth)) = ahead.pop() {
        if walk.depths.get(&at).is_some_and(|&known| known >= depth) {
            continue;
        }
        walk.depths.insert(at, depth);
        walk.step(at, depth, &mut ahead)?;
    }
    Ok(Frame { bytes: walk.deepest.unsigned_abs(), calls: walk.calls })
}

struct Walk<'a> {
    code: &'a Code,
    id: Id,
    function: &'a Function,
    info: InstructionInfoFactory,
    depths: BTreeMap<u64, i64>,
    deepest: i64,
    calls: Vec<Call>,
}

impl Walk<'_> {
    fn step(&mut self, at: u64, depth: i64, ahead: &mut Vec<(u64, i64)>) -> Result<(), String> {
        let Some(step) = self.function.steps.get(&at) else {
            return Err(self.lost(at, "a jump into the middle of an instruction"));
        };
        let instruction = &step.instruction;
        let next = instruction.next_ip();
        match instruction.flow_control() {
            FlowControl::Next => {
                let depth = depth + self.change(instruction)?;
                if !(0..LOST).contains(&depth) {
                    return Err(self.lost(at, "a stack pointer that leaves the frame"));
                }
                self.deepest = self.deepest.max(depth);
                ahead.push((next, depth));
            }
            FlowControl::ConditionalBranch => {
                self.branch(instruction, step.reference.as_ref(), depth, ahead)?;
                ahead.push((next, depth));
            }
            FlowControl::UnconditionalBranch => self.branch(instruction, step.reference.as_ref(), depth, ahead)?,
            FlowControl::Call => {
                if self.call(instruction, step.reference.as_ref(), depth + 8)? {
                    ahead.push((next, depth));
                }
            }
            FlowControl::Return | FlowControl::Interrupt | FlowControl::Exception => {}
            FlowControl::IndirectBranch => self.note(self.through_pointer(instruction), depth),
            FlowControl::IndirectCall => {
                self.note(self.through_pointer(instruction), depth + 8);
                ahead.push((next, depth));
            }
            FlowControl::XbeginXabortXend => return Err(self.lost(at, "a transaction")),
        }
        // What follows the last instruction is another function, reached only in appearance, after a call that does not return.
        ahead.retain(|&(at, _)| at < self.function.end);
        Ok(())
    }

    /// Goes on inside the function, or notes the jump to another.
    fn branch(&mut self, instruction: &Instruction, reference: Option<&Reference>, depth: i64, ahead: &mut Vec<(u64, i64)>) -> Result<(), String> {
        match self.target(instruction, reference)? {
            Target::Inside(at) => ahead.push((at, depth)),
            Target::Other(Callee::Outside(name)) if name == RETURN_THUNK => {}
            Target::Other(to) => self.note(to, depth),
        }
        Ok(())
    }

    /// Notes the call; whether it returns.
    fn call(&mut self, instruction: &Instruction, reference: Option<&Reference>, depth: i64) -> Result<bool, String> {
        let to = match self.target(instruction, reference)? {
            Target::Inside(_) => Callee::Function(self.id),
            Target::Other(to) => to,
        };
        let returns = !matches!(&to, Callee::Outside(name) if is_noreturn(name));
        self.note(to, depth);
        Ok(returns)
    }

    fn note(&mut self, to: Callee, depth: i64) {
        self.calls.push(Call { to, depth: depth.unsigned_abs() });
    }

    fn target(&self, instruction: &Instruction, reference: Option<&Reference>) -> Result<Target, String> {
        let at = instruction.ip();
        match reference {
            Some(Reference::Outside(name)) if name.contains("indirect_thunk") => {
                Ok(Target::Other(self.through_pointer(instruction)))
            }
            Some(Reference::Outside(name)) => Ok(Target::Other(Callee::Outside(name.clone()))),
            Some(Reference::Function(id)) if *id != self.id => Ok(Target::Other(Callee::Function(*id))),
            Some(Reference::Function(_)) if instruction.flow_control() == FlowControl::Call => {
                Ok(Target::Other(Callee::Function(self.id)))
            }
            Some(_) => Err(self.lost(at, "a branch by relocation inside a function or to data")),
            None => {
                let to = instruction.near_branch_target();
                if (self.function.start..self.function.end).contains(&to) {
                    return Ok(Target::Inside(to));
                }
                let other = self.code.neighbour_at(self.function, to);
                other.map(|id| Target::Other(Callee::Function(id))).ok_or_else(|| self.lost(at, "a branch to no function"))
            }
        }
    }

    /// By how much an instruction that goes on deepens the stack.
    fn change(&mut self, instruction: &Instruction) -> Result<i64, String> {
        let writes = self.info.info(instruction).used_registers().iter().any(|used| {
            used.register().full_register() == Register::RSP && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead)
        });
        if !writes {
            return Ok(0);
        }
        let by_immediate = instruction.op0_register() == Register::RSP
            && matches!(instruction.op1_kind(), OpKind::Immediate8to64 | OpKind::Immediate32to64);
        match instruction.mnemonic() {
            Mnemonic::Sub if by_immediate => Ok(instruction.immediate64().cast_signed()),
            Mnemonic::Add if by_immediate => Ok(-instruction.immediate64().cast_signed()),
            Mnemonic::Lea if instruction.memory_base() == Register::RSP && instruction.memory_index() == Register::None => {
                Ok(-instruction.memory_displacement64().cast_signed())
            }
            Mnemonic::Push | Mnemonic::Pop | Mnemonic::Pushfq | Mnemonic::Popfq => {
                Ok(-i64::from(instruction.stack_pointer_increment()))
            }
            _ => Err(self.lost(instruction.ip(), &format!("`{}`, which sets the stack pointer", shown(instruction)))),
        }
    }

    fn through_pointer(&self, instruction: &Instruction) -> Callee {
        let at = instruction.ip() - self.function.start;
        Callee::Unknown(format!("{} calls through a pointer at +{at:#x}", self.function.shown()))
    }

    fn lost(&self, at: u64, what: &str) -> String {
        format!("{} has at +{:#x} {what}", self.function.shown(), at - self.function.start)
    }
}

enum Target {
    Inside(u64),
    Other(Callee),
}

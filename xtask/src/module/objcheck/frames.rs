//! How much stack one function takes, and how much of it is taken where it calls another.
//!
//! The stack pointer is followed along every way through the function. Where ways with different depths meet (after
//! calls that do not return, whose following code is not reached from them), the deepest counts, so that the result
//! is never too small.

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
    let mut walk = Walk {
        code,
        id,
        function,
        info: InstructionInfoFactory::new(),
        depths: BTreeMap::new(),
        deepest: 0,
        calls: Vec::new(),
    };
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
        // What follows the last instruction is another function, reached only in appearance, after a call that does
        // not return.
        ahead.retain(|&(at, _)| at < self.function.end);
        Ok(())
    }

    /// Goes on inside the function, or notes the jump to another.
    fn branch(
        &mut self,
        instruction: &Instruction,
        reference: Option<&Reference>,
        depth: i64,
        ahead: &mut Vec<(u64, i64)>,
    ) -> Result<(), String> {
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
                other
                    .map(|id| Target::Other(Callee::Function(id)))
                    .ok_or_else(|| self.lost(at, "a branch to no function"))
            }
        }
    }

    /// By how much an instruction that goes on deepens the stack.
    fn change(&mut self, instruction: &Instruction) -> Result<i64, String> {
        let writes = self.info.info(instruction).used_registers().iter().any(|used| {
            used.register().full_register() == Register::RSP
                && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead)
        });
        if !writes {
            return Ok(0);
        }
        let by_immediate = instruction.op0_register() == Register::RSP
            && matches!(instruction.op1_kind(), OpKind::Immediate8to64 | OpKind::Immediate32to64);
        match instruction.mnemonic() {
            Mnemonic::Sub if by_immediate => Ok(instruction.immediate64().cast_signed()),
            Mnemonic::Add if by_immediate => Ok(-instruction.immediate64().cast_signed()),
            Mnemonic::Lea
                if instruction.memory_base() == Register::RSP && instruction.memory_index() == Register::None =>
            {
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

#[cfg(test)]
mod tests {
    use super::*;

    const PUSH_RBX: [u8; 1] = [0x53];
    const POP_RBX: [u8; 1] = [0x5b];
    const SUB_RSP_32: [u8; 4] = [0x48, 0x83, 0xec, 0x20];
    const ADD_RSP_32: [u8; 4] = [0x48, 0x83, 0xc4, 0x20];
    const RET: [u8; 1] = [0xc3];

    fn frame_of(parts: &[&[u8]]) -> Result<Frame, String> {
        frame(&Code::assembled(&[("f", &parts.concat()), ("g", &RET)]), 0)
    }

    #[test]
    fn pushes_and_locals_add_up() {
        let frame = frame_of(&[&PUSH_RBX, &SUB_RSP_32, &ADD_RSP_32, &POP_RBX, &RET]).unwrap();
        assert_eq!(frame, Frame { bytes: 40, calls: Vec::new() });
    }

    #[test]
    fn a_call_counts_its_return_address_and_a_tail_call_does_not() {
        let call_g = [0xe8, 2, 0, 0, 0]; // over `pop rbx; ret`
        let frame = frame_of(&[&PUSH_RBX, &call_g, &POP_RBX, &RET]).unwrap();
        assert_eq!(frame.calls, [Call { to: Callee::Function(1), depth: 16 }]);
        let jump_to_g = [0xeb, 0];
        let frame = frame_of(&[&PUSH_RBX, &POP_RBX, &jump_to_g]).unwrap();
        assert_eq!(frame.calls, [Call { to: Callee::Function(1), depth: 0 }]);
    }

    #[test]
    fn the_deeper_branch_counts() {
        let jump_if_zero_to_ret = [0x74, 8]; // over `sub rsp, 32; add rsp, 32`
        let frame = frame_of(&[&jump_if_zero_to_ret, &SUB_RSP_32, &ADD_RSP_32, &RET]).unwrap();
        assert_eq!(frame.bytes, 32);
    }

    #[test]
    fn a_stack_pointer_out_of_a_register_is_refused() {
        let mov_rsp_rax = [0x48, 0x89, 0xc4];
        let error = frame_of(&[&mov_rsp_rax, &RET]).unwrap_err();
        assert_eq!(error, "f has at +0x0 `mov rsp,rax`, which sets the stack pointer");
    }

    #[test]
    fn a_loop_that_pushes_is_refused() {
        let back = [0xeb, 0xfd];
        let error = frame_of(&[&PUSH_RBX, &back]).unwrap_err();
        assert_eq!(error, "f has at +0x0 a stack pointer that leaves the frame");
    }

    #[test]
    fn a_call_through_a_register_is_told_apart() {
        let call_rax = [0xff, 0xd0];
        let frame = frame_of(&[&call_rax, &RET]).unwrap();
        let sentence = "f calls through a pointer at +0x0".to_owned();
        assert_eq!(frame.calls, [Call { to: Callee::Unknown(sentence), depth: 8 }]);
    }
}

//! No floating-point and no vector register: the kernel does not save them for its own code.

use iced_x86::{CpuidFeature, Formatter as _, Instruction, InstructionInfoFactory, IntelFormatter, Register};

use super::code::Code;

/// Refuses every instruction that touches such a register.
pub(super) fn check(code: &Code) -> Vec<String> {
    let mut info = InstructionInfoFactory::new();
    let mut findings = Vec::new();
    for function in &code.functions {
        for step in function.steps.values() {
            if let Some(what) = forbidden(&mut info, &step.instruction) {
                let offset = step.instruction.ip() - function.start;
                let text = shown(&step.instruction);
                findings.push(format!("{}: {} uses {what} at +{offset:#x}: {text}", code.name, function.shown()));
            }
        }
    }
    findings
}

fn forbidden(info: &mut InstructionInfoFactory, instruction: &Instruction) -> Option<String> {
    let used = info.info(instruction).used_registers().iter().map(|used| used.register());
    let named = used.into_iter().find(|&register| is_forbidden(register));
    // Some name none: `fninit`, `emms`.
    let unnamed = || instruction.cpuid_features().iter().any(|feature| FEATURES.contains(feature));
    match named {
        Some(register) => Some(format!("{register:?}").to_lowercase()),
        None => unnamed().then(|| "the floating-point unit".to_owned()),
    }
}

fn is_forbidden(register: Register) -> bool {
    register.is_vector_register() || register.is_st() || register.is_mm() || register.is_k() || register.is_tmm()
}

const FEATURES: [CpuidFeature; 5] =
    [CpuidFeature::FPU, CpuidFeature::FPU287, CpuidFeature::FPU387, CpuidFeature::MMX, CpuidFeature::FXSR];

/// The instruction as text.
pub(super) fn shown(instruction: &Instruction) -> String {
    let mut text = String::new();
    IntelFormatter::new().format(instruction, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    fn forbidden_in(bytes: &[u8]) -> Option<String> {
        let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
        forbidden(&mut InstructionInfoFactory::new(), &instruction)
    }

    #[test]
    fn vector_and_floating_point_registers_are_seen() {
        assert_eq!(forbidden_in(&[0x0f, 0x57, 0xc1]).as_deref(), Some("xmm0")); // xorps xmm0, xmm1
        // vxorps ymm2, ymm0, ymm1 clears the rest of zmm2.
        assert_eq!(forbidden_in(&[0xc5, 0xfc, 0x57, 0xd1]).as_deref(), Some("zmm2"));
        assert_eq!(forbidden_in(&[0x0f, 0xef, 0xc0]).as_deref(), Some("mm0")); // pxor mm0, mm0
        assert_eq!(forbidden_in(&[0xd8, 0xc1]).as_deref(), Some("st0")); // fadd st, st(1)
        assert_eq!(forbidden_in(&[0xdb, 0xe3]).as_deref(), Some("the floating-point unit")); // fninit
    }

    #[test]
    fn general_registers_pass() {
        assert_eq!(forbidden_in(&[0x48, 0x0f, 0xaf, 0xc7]), None); // imul rax, rdi
        assert_eq!(forbidden_in(&[0xf3, 0x0f, 0x1e, 0xfa]), None); // endbr64
    }
}

//! Where tensors lie: arrays on the stack of a decision, or in scratch of the caller where they are many.

use kinfer::format::OperatorKind;

use super::element;
use crate::emit::Emitter;
use crate::emit::code::Code;

/// Bytes of tensors that a decision keeps on its stack; a kernel's is 16 KiB, and the compiler's limit for a frame in it 2 KiB.
const STACK_BYTES: u64 = 1024;

/// The tensors.
#[derive(Debug)]
pub(super) struct Memory {
    /// For each tensor the one whose memory it is: itself, or what its writer passes on unchanged.
    lies_in: Vec<usize>,
    /// Declarations of those that have memory.
    arrays: Vec<String>,
    /// Whether the caller has the memory.
    pub(super) scratch: bool,
}

impl Memory {
    pub(super) fn of(emitter: &Emitter<'_>) -> Self {
        let (mut lies_in, mut arrays, mut bytes) = (Vec::<usize>::new(), Vec::new(), 0u64);
        let operators = emitter.operators();
        for (number, tensor) in emitter.model.tensors().iter().enumerate() {
            // Operator i writes tensor i + 1.
            let writer = number.checked_sub(1).and_then(|operator| operators.get(operator));
            let passed_on = writer
                .filter(|writer| matches!(writer.node.kind(), OperatorKind::Reshape | OperatorKind::Remember))
                .and_then(|writer| lies_in.get(usize::from(writer.node.operator.input)).copied());
            if passed_on.is_none() {
                arrays.push(format!("{} t{number}[{}];", element(tensor.element), tensor.elements()));
                bytes = bytes.saturating_add(tensor.elements().saturating_mul(tensor.element.size() as u64));
            }
            lies_in.push(passed_on.unwrap_or(number));
        }
        Self { lies_in, arrays, scratch: bytes > STACK_BYTES }
    }

    /// The array of tensor `number`.
    pub(super) fn tensor(&self, number: u16) -> String {
        let number = self.lies_in.get(usize::from(number)).copied().unwrap_or_default();
        format!("{}t{number}", if self.scratch { "scratch->" } else { "" })
    }

    /// Declares the arrays, in a function or in the structure of scratch.
    pub(super) fn arrays(&self, code: &mut Code) {
        self.arrays.iter().for_each(|array| code.line(array));
    }

    /// In the function that has them on its stack.
    pub(super) fn declare(&self, code: &mut Code) {
        if !self.scratch {
            self.arrays(code);
            code.blank();
        }
    }
}

//! C: a header with the interface, a source with everything else.
//!
//! [`header`] is what a caller sees, [`features`], [`operators`] and [`head`] are the model, one function an operator, over
//! the arithmetic of [`helpers`], of which a source has what it uses; [`memory`] says where tensors lie.

mod expression;
mod features;
mod head;
mod header;
mod helpers;
mod memory;
mod operators;

use kinfer::format::ElementType;

use self::memory::Memory;
use super::Emitter;
use super::code::Code;

/// Header and source, to be named after [`Emitter::name`]: the source includes `NAME.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The header.
    pub header: String,
    /// The source.
    pub source: String,
}

pub(super) fn files(emitter: &Emitter<'_>) -> Files {
    let memory = Memory::of(emitter);
    Files { header: header::text(emitter, &memory), source: source(emitter, &memory) }
}

fn source(emitter: &Emitter<'_>, memory: &Memory) -> String {
    let mut body = Code::default();
    features::write(&mut body, emitter);
    emitter.operators().iter().for_each(|operator| operators::write(&mut body, operator));
    head::write(&mut body, emitter);
    decide(&mut body, emitter, memory);

    let mut code = Code::default();
    code.comment(&emitter.title());
    code.line(format!("#include \"{}.h\"", emitter.name));
    helpers::write(&mut code, body.template());
    code.finish(&emitter.name) + &body.finish(&emitter.name)
}

/// The one function with external linkage: feature program, operators, head.
fn decide(code: &mut Code, emitter: &Emitter<'_>, memory: &Memory) {
    code.blank();
    code.function(header::prototype(emitter, memory));
    memory.declare(code);
    let state = if features::keeps_state(emitter) { ", state" } else { "" };
    code.line(format!("@features(counters, {}{state});", memory.tensor(0)));
    for operator in &emitter.operators() {
        operators::call(code, operator, memory);
    }
    code.line(format!("@head({}, @out_of_range(counters), out);", memory.tensor(emitter.model.head().scores)));
    code.close("");
}

/// The type of a tensor's elements.
fn element(element: ElementType) -> &'static str {
    match element {
        ElementType::I8 => "int8_t",
        ElementType::I16 => "int16_t",
        ElementType::I32 => "int32_t",
    }
}

/// The narrowest type of all `numbers`.
fn narrowest(numbers: &[i64]) -> &'static str {
    let all = |fits: fn(i64) -> bool| numbers.iter().all(|&number| fits(number));
    if all(|number| i8::try_from(number).is_ok()) {
        "int8_t"
    } else if all(|number| i16::try_from(number).is_ok()) {
        "int16_t"
    } else if all(|number| i32::try_from(number).is_ok()) {
        "int32_t"
    } else {
        "int64_t"
    }
}

//! The header: schema, outcomes, flags, the decision and the function that makes it.

use kinfer::Flags;
use kinfer::format::HeadKind;

use super::memory::Memory;
use crate::emit::Emitter;
use crate::emit::code::{Code, plain};

/// The declaration of the function, without a semicolon.
pub(super) fn prototype(emitter: &Emitter<'_>, memory: &Memory) -> String {
    let mut parameters = vec!["const int64_t *counters"];
    if emitter.report.state_words > 0 {
        parameters.push("int64_t *state");
    }
    if memory.scratch {
        parameters.push("struct @scratch *scratch");
    }
    format!("void @decide({}, struct @decision *out)", parameters.join(", "))
}

pub(super) fn text(emitter: &Emitter<'_>, memory: &Memory) -> String {
    let mut code = Code::default();
    let mut about = emitter.title();
    about.push(String::new());
    about.push(
        "Integers alone: no floating point, no library, no memory but the caller's and the stack. Decides with the bits of \
         kinfer's engine for the same file."
            .into(),
    );
    let provenance = emitter.provenance();
    if !provenance.is_empty() {
        about.extend([String::new(), "Where the model is from, by its file:".into()]);
        about.extend(provenance);
    }
    code.comment(&about);
    code.line(
        "#ifndef $H\n#define $H\n\n#ifdef __KERNEL__\n#include <linux/types.h>\n#else\n#include <stdint.h>\n#endif",
    );
    code.blank();
    code.comment(&["CRC-32C of the model file."]);
    code.line(format!("#define $CRC32C 0x{:08x}u", emitter.model.checksum()));
    schema(&mut code, emitter);
    outcomes(&mut code, emitter);
    decision(&mut code, emitter);
    memories(&mut code, emitter, memory);
    code.blank();
    code.comment(&[function_comment(emitter, memory)]);
    code.line(format!("{};", prototype(emitter, memory)));
    code.line("\n#endif");
    code.finish(&emitter.name)
}

fn schema(code: &mut Code, emitter: &Emitter<'_>) {
    code.blank();
    code.comment(&["Counters of a decision, by their place: name, unit, and the range seen in calibration."]);
    code.line(format!("#define $FEATURES {}", emitter.model.features().len()));
    code.blank();
    code.open("enum @feature");
    for (number, (feature, name)) in emitter.model.features().iter().zip(&emitter.features).enumerate() {
        let about = format!("{}: {}, {} to {}", feature.name, feature.unit, feature.lo, feature.hi);
        code.line(format!("$FEATURE_{} = {number}, /* {} */", name.to_ascii_uppercase(), plain(&about)));
    }
    code.close(";");
}

fn outcomes(code: &mut Code, emitter: &Emitter<'_>) {
    code.blank();
    code.comment(&["What a decision says, by class."]);
    code.line(format!("#define $OUTCOMES {}", emitter.model.outcomes().len()));
    code.blank();
    code.open("enum @outcome");
    for (number, (outcome, name)) in emitter.model.outcomes().iter().zip(&emitter.outcomes).enumerate() {
        code.line(format!("$OUTCOME_{} = {number}, /* {} */", name.to_ascii_uppercase(), plain(outcome.as_str())));
    }
    code.close(";");
}

fn decision(code: &mut Code, emitter: &Emitter<'_>) {
    let (margin, anomaly) = match emitter.model.head().kind {
        HeadKind::ArgMax => ("largest score less the second largest", false),
        HeadKind::ArgMin => ("second smallest score less the smallest", false),
        HeadKind::TopK(_) => ("k-th largest score less the next", false),
        HeadKind::Threshold(_) => ("distance of the value to the threshold", false),
        HeadKind::Anomaly(_) => ("distance of the value to the threshold", true),
        HeadKind::Value => ("0: there is one outcome", false),
    };
    code.blank();
    code.comment(&["What a caller should know about a decision, in its flags."]);
    code.open("enum @flag");
    let flag = |bits: Flags| bits.bits();
    code.line(format!(
        "$FLAG_OUT_OF_RANGE = {}, /* a counter outside the range seen in calibration */",
        flag(Flags::OUT_OF_RANGE)
    ));
    code.line(format!("$FLAG_LOW_MARGIN = {}, /* the margin is below the model's bound */", flag(Flags::LOW_MARGIN)));
    if anomaly {
        code.line(format!("$FLAG_ANOMALY = {}, /* the value is above the threshold */", flag(Flags::ANOMALY)));
    }
    code.close(";");
    code.blank();
    code.comment(&["A decision. Value and margin are fixed point: real numbers in units of 2^-32."]);
    code.open("struct @decision");
    code.line("uint32_t class; /* enum @outcome */");
    code.line("int64_t value; /* the score behind it */");
    code.line(format!("int64_t margin; /* {margin} */"));
    code.line("uint32_t flags; /* enum @flag */");
    code.close(";");
}

fn memories(code: &mut Code, emitter: &Emitter<'_>, memory: &Memory) {
    if emitter.report.state_words > 0 {
        code.blank();
        code.comment(&[
            "Words that the caller keeps from decision to decision, zero before the first, for each thing that is decided \
             about.",
        ]);
        code.line(format!("#define $STATE {}", emitter.report.state_words));
    }
    if memory.scratch {
        code.blank();
        code.comment(&["Memory of a decision, whose contents before and after mean nothing."]);
        code.open("struct @scratch");
        memory.arrays(code);
        code.close(";");
    }
}

fn function_comment(emitter: &Emitter<'_>, memory: &Memory) -> String {
    let mut about = format!("Decides on {} counters, in the order of the schema.", emitter.model.features().len());
    if emitter.report.state_words > 0 {
        about += &format!(" Reads and writes {} words of state.", emitter.report.state_words);
    }
    if memory.scratch {
        about += " Two decisions at a time need a scratch each.";
    }
    about + " Cannot fail, whatever the counters are; takes no lock and does not sleep."
}
